package io.procstream.flink.lake;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.core.fs.FileSystem.WriteMode;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableSummary;
import org.apache.flink.streaming.api.connector.sink2.CommittableWithLineage;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;

/**
 * Between writer and committer: writes the commit log, passes the files on.
 *
 * <p>All files of a checkpoint get here before its barrier, so what was gathered is written in
 * {@link #prepareSnapshotPreBarrier}: if the log cannot be written, the checkpoint cannot complete
 * and no file of it becomes visible. Nothing is left for a snapshot, so there is no state.
 */
final class CommitLogOperator extends AbstractStreamOperator<CommittableMessage<FileSinkCommittable>>
        implements OneInputStreamOperator<CommittableMessage<LakeFile>, CommittableMessage<FileSinkCommittable>>,
                BoundedOneInput {
    private static final int RUN_ID_LENGTH = 8;

    private final String log;

    private transient String runId;
    private transient List<LakeFile> gathered;

    CommitLogOperator(String log) {
        this.log = log;
    }

    @Override
    public void open() throws Exception {
        super.open();
        runId = UUID.randomUUID().toString().substring(0, RUN_ID_LENGTH);
        gathered = new ArrayList<>();
    }

    @Override
    public void processElement(StreamRecord<CommittableMessage<LakeFile>> element) {
        CommittableMessage<LakeFile> message = element.getValue();
        if (message instanceof CommittableSummary<LakeFile> summary) {
            output.collect(new StreamRecord<>(summary.map()));
        } else if (message instanceof CommittableWithLineage<LakeFile> file) {
            gathered.add(file.getCommittable());
            output.collect(new StreamRecord<>(file.map(LakeFile::committable)));
        } else {
            throw new IllegalStateException("Not a message of a sink writer: " + message);
        }
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) throws IOException {
        write();
    }

    @Override
    public void endInput() throws IOException {
        write();
    }

    /** By the id in the rows, so log and rows agree whatever checkpoint commits the files. */
    private void write() throws IOException {
        Map<Long, List<LakeFile>> byCheckpoint = new TreeMap<>();
        for (LakeFile file : gathered) {
            byCheckpoint
                    .computeIfAbsent(file.checkpointId(), id -> new ArrayList<>())
                    .add(file);
        }
        int subtask = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask();
        for (var checkpoint : byCheckpoint.entrySet()) {
            Path path = CommitLog.fileOf(new Path(log), checkpoint.getKey(), subtask, runId);
            String csv = CommitLog.render(checkpoint.getValue(), Instant.now());
            try (FSDataOutputStream out = path.getFileSystem().create(path, WriteMode.NO_OVERWRITE)) {
                out.write(csv.getBytes(StandardCharsets.UTF_8)); // in one go: a kill leaves all or nothing
            }
        }
        gathered.clear();
    }
}

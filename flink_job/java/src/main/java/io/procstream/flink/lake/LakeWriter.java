package io.procstream.flink.lake;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.connector.sink2.CommittingSinkWriter;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.connector.file.sink.writer.FileWriter;
import org.apache.flink.table.data.RowData;

/**
 * Flink's {@link FileWriter}, which also takes the {@link CheckpointMarker}'s rows out of the
 * stream and counts what goes into each file.
 *
 * <p>It has no state, and needs none. Files are rolled on every checkpoint and only then: all of
 * them are closed in {@link #prepareCommit}, which Flink calls before a barrier passes the writer,
 * so no file is open when a checkpoint is taken, and those closed are in the committer's state.
 * {@link #prepareCommit} checks that.
 */
final class LakeWriter implements CommittingSinkWriter<RowData, LakeFile> {
    private final FileWriter<RowData> files;
    private final HourBuckets buckets;
    private final OffsetColumns offsetColumns;
    private final CheckpointId checkpointId;

    /** The file open in each bucket. */
    private final Map<String, Contents> open = new HashMap<>();

    private String currentBucket;
    private Contents current;

    /**
     * The writer of one subtask.
     *
     * @param files closes files only on checkpoints, sorted into {@code buckets}
     * @param offsetColumns null if the table has no such columns
     * @param checkpointId read by the format of {@code files} when it closes one
     */
    LakeWriter(FileWriter<RowData> files, HourBuckets buckets, OffsetColumns offsetColumns, CheckpointId checkpointId) {
        this.files = files;
        this.buckets = buckets;
        this.offsetColumns = offsetColumns;
        this.checkpointId = checkpointId;
    }

    @Override
    public void write(RowData row, Context context) throws IOException, InterruptedException {
        if (CheckpointMarker.isMarker(row)) {
            checkpointId.set(context.timestamp());
            return;
        }
        files.write(row, context);
        String bucket = buckets.lastBucket();
        if (bucket != currentBucket) { // the same object for the same bucket, nearly always
            current = open.computeIfAbsent(bucket, created -> new Contents());
            currentBucket = bucket;
        }
        current.add(row, offsetColumns);
    }

    @Override
    public Collection<LakeFile> prepareCommit() throws IOException {
        List<LakeFile> closed = new ArrayList<>();
        for (FileSinkCommittable file : files.prepareCommit()) {
            Contents contents = open.remove(file.getBucketId());
            if (contents == null || !file.hasPendingFile()) {
                throw new IllegalStateException("Not the one file of its bucket: " + file);
            }
            closed.add(new LakeFile(file, checkpointId.get(), contents.records, contents.offsets.render()));
        }
        if (!open.isEmpty()) {
            throw new IllegalStateException("Files stay open over a checkpoint: " + open.keySet());
        }
        currentBucket = null;
        checkpointId.clear();
        return closed;
    }

    @Override
    public void flush(boolean endOfInput) throws IOException, InterruptedException {
        files.flush(endOfInput);
    }

    @Override
    public void writeWatermark(Watermark watermark) throws IOException, InterruptedException {
        files.writeWatermark(watermark);
    }

    @Override
    public void close() {
        files.close();
    }

    /** What is in a file so far. */
    private static final class Contents {
        private OffsetRuns offsets = new OffsetRuns();
        private boolean offsetsKnown = true;
        private long records;

        void add(RowData row, OffsetColumns columns) {
            records++;
            if (columns == null || !offsetsKnown) {
                return;
            }
            if (row.isNullAt(columns.topic()) || row.isNullAt(columns.partition()) || row.isNullAt(columns.offset())) {
                offsetsKnown = false; // a row of no one Kafka record: the file's log entry names no offsets
                offsets = new OffsetRuns();
                return;
            }
            offsets.add(row.getString(columns.topic()), row.getInt(columns.partition()), row.getLong(columns.offset()));
        }
    }
}

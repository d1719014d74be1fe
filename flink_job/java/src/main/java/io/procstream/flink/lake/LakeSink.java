package io.procstream.flink.lake;

import java.io.IOException;
import org.apache.flink.api.common.serialization.BulkWriter;
import org.apache.flink.api.connector.sink2.Committer;
import org.apache.flink.api.connector.sink2.CommitterInitContext;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.SupportsCommitter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.core.fs.Path;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessage;
import org.apache.flink.streaming.api.connector.sink2.CommittableMessageTypeInfo;
import org.apache.flink.streaming.api.connector.sink2.SupportsPreCommitTopology;
import org.apache.flink.streaming.api.connector.sink2.SupportsPreWriteTopology;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.functions.sink.filesystem.OutputFileConfig;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.table.data.RowData;

/**
 * Flink's {@link FileSink} for Parquet, with a commit log and the checkpoint id in every row.
 *
 * <p>{@code CheckpointMarker -> LakeWriter -> CommitLogOperator -> FileSink's committer}, chained
 * into one task.
 *
 * @param path folder of the files
 * @param commitLog folder of the log
 * @param parquet writes the rows as they come in
 * @param markTimestampsUtc see {@link ParquetStamp}
 * @param arity columns of a row that comes in
 * @param timeColumn null for all files in one folder
 * @param offsetColumns null if the table does not have them
 */
record LakeSink(
        String path,
        String commitLog,
        BulkWriter.Factory<RowData> parquet,
        boolean markTimestampsUtc,
        int arity,
        TimeColumn timeColumn,
        OffsetColumns offsetColumns)
        implements Sink<RowData>,
                SupportsPreWriteTopology<RowData>,
                SupportsPreCommitTopology<LakeFile, FileSinkCommittable>,
                SupportsCommitter<FileSinkCommittable> {

    private static final OutputFileConfig FILE_NAMES = new OutputFileConfig("part", ".parquet");

    @Override
    public DataStream<RowData> addPreWriteTopology(DataStream<RowData> rows) {
        return rows.transform("Checkpoint marker", rows.getType(), new CheckpointMarker(arity));
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) throws IOException {
        HourBuckets buckets =
                timeColumn == null ? HourBuckets.flat() : new HourBuckets(timeColumn.index(), timeColumn.precision());
        CheckpointId checkpointId = new CheckpointId();
        StampedParquet stamped = new StampedParquet(parquet, checkpointId, markTimestampsUtc);
        return new LakeWriter(fileSink(stamped, buckets).createWriter(context), buckets, offsetColumns, checkpointId);
    }

    @Override
    public SimpleVersionedSerializer<LakeFile> getWriteResultSerializer() {
        return new LakeFile.Serializer(getCommittableSerializer());
    }

    @Override
    public DataStream<CommittableMessage<FileSinkCommittable>> addPreCommitTopology(
            DataStream<CommittableMessage<LakeFile>> closed) {
        return closed.transform(
                "Commit log",
                CommittableMessageTypeInfo.of(this::getCommittableSerializer),
                new CommitLogOperator(commitLog));
    }

    @Override
    public SimpleVersionedSerializer<FileSinkCommittable> getCommittableSerializer() {
        return new LazyCommittableSerializer(
                () -> fileSink(parquet, HourBuckets.flat()).getCommittableSerializer());
    }

    @Override
    public Committer<FileSinkCommittable> createCommitter(CommitterInitContext context) throws IOException {
        return fileSink(parquet, HourBuckets.flat()).createCommitter(context);
    }

    /** Committer and serializers depend on the path only, not on format and buckets. */
    private FileSink<RowData> fileSink(BulkWriter.Factory<RowData> format, HourBuckets buckets) {
        return FileSink.forBulkFormat(new Path(path), format)
                .withBucketAssigner(buckets)
                .withRollingPolicy(OnCheckpointRollingPolicy.build())
                .withOutputFileConfig(FILE_NAMES)
                .build();
    }
}

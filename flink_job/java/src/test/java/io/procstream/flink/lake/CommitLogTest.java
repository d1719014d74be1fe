package io.procstream.flink.lake;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import java.util.List;
import org.apache.flink.connector.file.sink.FileSinkCommittable;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.functions.sink.filesystem.InProgressFileWriter.PendingFileRecoverable;
import org.junit.jupiter.api.Test;

class CommitLogTest {
    private static final Instant WRITTEN = Instant.parse("2026-01-02T03:04:05.678901Z");

    private static LakeFile file(String path, String offsetRanges) {
        PendingFileRecoverable pending = new PendingFileRecoverable() {
            @Override
            public Path getPath() {
                return new Path(path);
            }

            @Override
            public long getSize() {
                return 4711;
            }
        };
        return new LakeFile(new FileSinkCommittable("bucket", pending), 17, 100, offsetRanges);
    }

    @Test
    void aFileIsALineUnderTheHeader() {
        String csv = CommitLog.render(List.of(file("/lake/year=2026/part-0.parquet", "t/0:0-99")), WRITTEN);
        assertThat(csv)
                .isEqualTo("checkpoint_id,s3_key,commit_timestamp,record_count,file_size_bytes,offset_ranges\n"
                        + "17,/lake/year=2026/part-0.parquet,2026-01-02T03:04:05.678Z,100,4711,t/0:0-99\n");
    }

    @Test
    void aValueWithACommaIsQuoted() {
        String csv = CommitLog.render(List.of(file("/a \"b\",c", "t/0:0-1,5-9;t/1:3-3")), WRITTEN);
        assertThat(csv).contains("17,\"/a \"\"b\"\",c\",").endsWith(",\"t/0:0-1,5-9;t/1:3-3\"\n");
    }

    @Test
    void aFileOfUnknownOffsetsHasAnEmptyLastColumn() {
        assertThat(CommitLog.render(List.of(file("/x", "")), WRITTEN)).endsWith(",4711,\n");
    }

    @Test
    void timestampsHaveMillisecondsAlsoWhenTheyAreZero() {
        assertThat(CommitLog.render(List.of(file("/x", "")), Instant.parse("2026-01-02T03:04:05Z")))
                .contains(",2026-01-02T03:04:05.000Z,");
    }

    @Test
    void anObjectIsNamedByItsKeyAndALocalFileByItsPath() {
        assertThat(CommitLog.keyOf(new Path("s3://bucket/lake/output/year=2026/part-0.parquet")))
                .isEqualTo("lake/output/year=2026/part-0.parquet");
        assertThat(CommitLog.keyOf(new Path("file:///lake/part-0.parquet"))).isEqualTo("/lake/part-0.parquet");
        assertThat(CommitLog.keyOf(new Path("/lake/part-0.parquet"))).isEqualTo("/lake/part-0.parquet");
    }

    @Test
    void theLogsFileIsNamedByCheckpointSubtaskAndRun() {
        assertThat(CommitLog.fileOf(new Path("s3://bucket/log"), 12, 3, "0a1b2c3d"))
                .isEqualTo(new Path("s3://bucket/log/chk-12/subtask-3-0a1b2c3d.csv"));
    }
}

package io.procstream.flink.lake;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import org.apache.flink.core.fs.Path;

/** The text and the names of the write-ahead commit log. */
final class CommitLog {
    static final String HEADER = "checkpoint_id,s3_key,commit_timestamp,record_count,file_size_bytes,offset_ranges";

    private static final DateTimeFormatter MILLIS_UTC =
            DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

    private CommitLog() {}

    /** {@code <log>/chk-<checkpoint id>/subtask-<index>-<run id>.csv}. */
    static Path fileOf(Path log, long checkpointId, int subtask, String runId) {
        return new Path(new Path(log, "chk-" + checkpointId), "subtask-" + subtask + "-" + runId + ".csv");
    }

    /**
     * A CSV (RFC 4180, lines end by LF) with one line for each file.
     *
     * @param written stands as each file's commit_timestamp
     */
    static String render(List<LakeFile> files, Instant written) {
        StringBuilder csv = new StringBuilder(HEADER).append('\n');
        String timestamp = MILLIS_UTC.format(written);
        for (LakeFile file : files) {
            var pending = file.committable().getPendingFile();
            csv.append(file.checkpointId()).append(',');
            csv.append(quote(keyOf(pending.getPath()))).append(',');
            csv.append(timestamp).append(',');
            csv.append(file.recordCount()).append(',');
            csv.append(pending.getSize()).append(',');
            csv.append(quote(file.offsetRanges())).append('\n');
        }
        return csv.toString();
    }

    /** The object key in an object store (no scheme, bucket or first slash), else the path. */
    static String keyOf(Path path) {
        String scheme = path.toUri().getScheme();
        String key = path.toUri().getPath();
        boolean local = scheme == null || scheme.equals("file");
        return local || !key.startsWith("/") ? key : key.substring(1);
    }

    private static String quote(String value) {
        boolean plain = value.chars().noneMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r');
        return plain ? value : '"' + value.replace("\"", "\"\"") + '"';
    }
}

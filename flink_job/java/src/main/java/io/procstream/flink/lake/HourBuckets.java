package io.procstream.flink.lake;

import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.streaming.api.functions.sink.filesystem.BucketAssigner;
import org.apache.flink.streaming.api.functions.sink.filesystem.bucketassigners.SimpleVersionedStringSerializer;
import org.apache.flink.table.data.RowData;

/** Puts a row into the Hive folder of its hour in UTC, by a time column of its own. */
final class HourBuckets implements BucketAssigner<RowData, String> {
    /** Hive's name for a null partition value, at every level: readers refuse folders of several depths. */
    static final String NULL_TIME = "year=__HIVE_DEFAULT_PARTITION__/month=__HIVE_DEFAULT_PARTITION__"
            + "/day=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__";

    private static final String FLAT = "";
    private static final int NO_COLUMN = -1;
    private static final long MILLIS_PER_HOUR = 3_600_000;
    private static final int MAX_CACHED_HOURS = 10_000;

    private static final DateTimeFormatter FOLDERS =
            DateTimeFormatter.ofPattern("'year='uuuu'/month='MM'/day='dd'/hour='HH");

    private final int timeColumn;
    private final int precision;

    private transient Map<Long, String> folders;
    private transient long lastHour;
    private transient String lastHourFolder;
    private transient String lastBucket;

    /** By a TIMESTAMP or TIMESTAMP_LTZ column: both count milliseconds as if in UTC. */
    HourBuckets(int timeColumn, int precision) {
        this.timeColumn = timeColumn;
        this.precision = precision;
    }

    /** All files in the sink's own folder. */
    static HourBuckets flat() {
        return new HourBuckets(NO_COLUMN, 0);
    }

    @Override
    public String getBucketId(RowData row, Context context) {
        lastBucket = bucketOf(row);
        return lastBucket;
    }

    /** The bucket of the row last asked for: the same object for the same hour. */
    String lastBucket() {
        return lastBucket;
    }

    private String bucketOf(RowData row) {
        if (timeColumn == NO_COLUMN) {
            return FLAT;
        }
        if (row.isNullAt(timeColumn)) {
            return NULL_TIME;
        }
        long millis = row.getTimestamp(timeColumn, precision).getMillisecond();
        long hour = Math.floorDiv(millis, MILLIS_PER_HOUR);
        if (lastHourFolder == null || hour != lastHour) {
            lastHourFolder = cachedFolder(hour);
            lastHour = hour;
        }
        return lastHourFolder;
    }

    private String cachedFolder(long hour) {
        if (folders == null || folders.size() >= MAX_CACHED_HOURS) {
            folders = new HashMap<>();
        }
        return folders.computeIfAbsent(hour, HourBuckets::folder);
    }

    private static String folder(long hour) {
        return FOLDERS.format(LocalDateTime.ofEpochSecond(hour * 3600, 0, ZoneOffset.UTC));
    }

    @Override
    public SimpleVersionedSerializer<String> getSerializer() {
        return SimpleVersionedStringSerializer.INSTANCE;
    }
}

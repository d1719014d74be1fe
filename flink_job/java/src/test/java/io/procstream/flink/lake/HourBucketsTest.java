package io.procstream.flink.lake;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Instant;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.TimestampData;
import org.junit.jupiter.api.Test;

class HourBucketsTest {
    private final HourBuckets buckets = new HourBuckets(1, 3);

    private String bucketOf(String time) {
        TimestampData value = time == null ? null : TimestampData.fromInstant(Instant.parse(time));
        return buckets.getBucketId(GenericRowData.of("x", value), null);
    }

    @Test
    void aRowGoesToTheFolderOfItsHourInUtc() {
        assertThat(bucketOf("2026-01-02T03:59:59.999Z")).isEqualTo("year=2026/month=01/day=02/hour=03");
        assertThat(bucketOf("2026-01-02T04:00:00Z")).isEqualTo("year=2026/month=01/day=02/hour=04");
        assertThat(bucketOf("1969-12-31T23:59:59Z")).isEqualTo("year=1969/month=12/day=31/hour=23");
    }

    @Test
    void aRowWithoutTimeGoesToHivesDefaultPartition() {
        assertThat(bucketOf(null).split("/"))
                .containsExactly(
                        "year=__HIVE_DEFAULT_PARTITION__",
                        "month=__HIVE_DEFAULT_PARTITION__",
                        "day=__HIVE_DEFAULT_PARTITION__",
                        "hour=__HIVE_DEFAULT_PARTITION__");
    }

    @Test
    void withoutTimeColumnAllRowsGoToThePathItself() {
        assertThat(HourBuckets.flat().getBucketId(GenericRowData.of("x", null), null))
                .isEmpty();
    }

    @Test
    void hoursThatTakeTurnsKeepTheirFolderObjects() {
        String three = bucketOf("2026-01-02T03:00:00Z");
        assertThat(buckets.lastBucket()).isSameAs(three);
        bucketOf("2026-01-02T04:00:00Z");
        assertThat(bucketOf("2026-01-02T03:30:00Z")).isSameAs(three);
    }
}

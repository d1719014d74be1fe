package io.procstream.flink.lake;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.apache.flink.table.data.StringData;
import org.junit.jupiter.api.Test;

class OffsetRunsTest {
    private final OffsetRuns runs = new OffsetRuns();

    private void add(String topic, int partition, long... offsets) {
        for (long offset : offsets) {
            runs.add(StringData.fromString(topic), partition, offset);
        }
    }

    @Test
    void withoutRowsThereAreNoRanges() {
        assertThat(runs.render()).isEmpty();
    }

    @Test
    void consecutiveOffsetsAreOneRun() {
        add("t", 0, 5, 6, 7);
        assertThat(runs.render()).isEqualTo("t/0:5-7");
    }

    @Test
    void aGapBeginsARun() {
        add("t", 0, 0, 1, 2, 7, 8, 4);
        assertThat(runs.render()).isEqualTo("t/0:0-2,4-4,7-8");
    }

    @Test
    void offsetsInAnyOrderAndSeenTwiceMerge() {
        add("t", 0, 3, 1, 2, 2, 1, 0, 4, 4);
        assertThat(runs.render()).isEqualTo("t/0:0-4");
    }

    @Test
    void partitionsAreSortedByTopicAndNumber() {
        add("b", 10, 1);
        add("b", 9, 1);
        add("a", 9, 3);
        add("b", 10, 2);
        assertThat(runs.render()).isEqualTo("a/9:3-3;b/9:1-1;b/10:1-2");
    }

    @Test
    void theSamePartitionNumberOfTwoTopicsIsKeptApart() {
        add("a", 0, 1);
        add("b", 0, 2);
        add("a", 0, 2);
        assertThat(runs.render()).isEqualTo("a/0:1-2;b/0:2-2");
    }

    @Test
    void anyOrderGivesTheExactRuns() {
        Random random = new Random(7);
        for (int round = 0; round < 200; round++) {
            List<Long> offsets = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                offsets.add((long) random.nextInt(400));
            }
            OffsetRuns tracked = new OffsetRuns();
            offsets.forEach(offset -> tracked.add(StringData.fromString("t"), 0, offset));
            assertThat(expand(tracked.render())).containsExactlyElementsOf(new TreeSet<>(offsets));
        }
    }

    @Test
    void asManyRunsAsAllowedStayExactInAnyOrder() {
        List<Long> offsets = everySecond(OffsetRuns.MAX_RUNS);
        Collections.shuffle(offsets, new Random(1));
        offsets.forEach(offset -> add("t", 0, offset));
        assertThat(expand(runs.render())).containsExactlyElementsOf(new TreeSet<>(offsets));
    }

    @Test
    void manyMoreRunsThatMergeInTheEndStayExact() {
        for (long offset = 0; offset < 1_000_000; offset += 4) {
            add("t", 0, offset + 3, offset, offset + 2, offset + 1);
        }
        assertThat(runs.render()).isEqualTo("t/0:0-999999");
    }

    @Test
    void moreRunsThanAllowedAreGivenAsHullsAndMarkedInexact() {
        everySecond(OffsetRuns.MAX_RUNS + 1).forEach(offset -> add("t", 0, offset));
        add("t", 1, 5);
        assertThat(runs.render()).isEqualTo("~t/0:0-20000;t/1:5-5");
    }

    @Test
    void hullsGrowOnAfterTheRunsWereForgotten() {
        everySecond(3 * OffsetRuns.MAX_RUNS).forEach(offset -> add("t", 0, offset + 100));
        add("t", 0, 3);
        add("t", 1, 9, 1);
        assertThat(runs.render()).isEqualTo("~t/0:3-60098;t/1:1-9");
    }

    private static List<Long> everySecond(int count) {
        List<Long> offsets = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            offsets.add(2 * i);
        }
        return offsets;
    }

    private static List<Long> expand(String ranges) {
        List<Long> offsets = new ArrayList<>();
        for (String run : ranges.substring(ranges.indexOf(':') + 1).split(",")) {
            int dash = run.indexOf('-');
            long last = Long.parseLong(run.substring(dash + 1));
            for (long offset = Long.parseLong(run.substring(0, dash)); offset <= last; offset++) {
                offsets.add(offset);
            }
        }
        return offsets;
    }
}

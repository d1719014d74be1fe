package io.procstream.flink.lake;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.flink.table.data.StringData;

/**
 * The Kafka offsets of the rows of one file, as runs of consecutive offsets per partition.
 *
 * <p>{@link #add} is called for every row. A row is nearly always the next offset of the partition
 * of the row before it, or of one of the few partitions a subtask reads: then it is two
 * comparisons, without allocation. Nothing of the caller's row is kept, as rows may be reused.
 */
final class OffsetRuns {
    /** A file of more runs than this is described by the hull of each partition only. */
    static final int MAX_RUNS = 10_000;

    /** How a value begins that holds hulls, not exact runs. */
    static final String INEXACT = "~";

    private final List<Partition> partitions = new ArrayList<>();
    private Partition current;
    private int closedRuns;
    private boolean exact = true;

    void add(StringData topic, int partition, long offset) {
        Partition found = current;
        if (found == null || !found.is(topic, partition)) {
            found = find(topic, partition, offset);
            current = found;
        }
        if (offset == found.last + 1) {
            found.last = offset;
        } else if (offset > found.last || offset < found.first) {
            jump(found, offset);
        }
    }

    private Partition find(StringData topic, int partition, long offset) {
        for (Partition known : partitions) {
            if (known.is(topic, partition)) {
                return known;
            }
        }
        Partition added = new Partition(topic.toString(), partition, offset);
        partitions.add(added);
        return added;
    }

    private void jump(Partition partition, long offset) {
        if (!exact) {
            partition.widen(offset);
            return;
        }
        partition.startRun(offset);
        if (++closedRuns > 2 * MAX_RUNS) {
            closedRuns = compact();
            if (closedRuns > MAX_RUNS) {
                forgetRuns();
            }
        }
    }

    private int compact() {
        int runs = 0;
        for (Partition partition : partitions) {
            partition.compact();
            runs += partition.closed + 1;
        }
        return runs;
    }

    private void forgetRuns() {
        exact = false;
        partitions.forEach(Partition::forgetRuns);
    }

    /**
     * For example {@code orders/0:0-99,101-150;orders/3:7-7}: sorted, adjacent runs merged; with more
     * than {@link #MAX_RUNS} runs {@code ~orders/0:0-150;orders/3:7-7}. Empty without rows.
     */
    String render() {
        if (exact && compact() > MAX_RUNS) {
            forgetRuns();
        }
        partitions.sort(Comparator.comparing((Partition p) -> p.topic).thenComparingInt(p -> p.partition));
        StringBuilder text = new StringBuilder(exact ? "" : INEXACT);
        for (int i = 0; i < partitions.size(); i++) {
            partitions.get(i).render(i == 0 ? text : text.append(';'));
        }
        return text.toString();
    }

    /** One partition: the run now growing, and the closed ones as pairs of first and last. */
    private static final class Partition {
        private final String topic;
        private final StringData topicData;
        private final int partition;
        private long first;
        private long last;
        private long[] bounds = new long[8];
        private int closed;

        Partition(String topic, int partition, long offset) {
            this.topic = topic;
            this.topicData = StringData.fromString(topic);
            this.partition = partition;
            this.first = offset;
            this.last = offset;
        }

        boolean is(StringData otherTopic, int otherPartition) {
            return partition == otherPartition && topicData.equals(otherTopic);
        }

        void startRun(long offset) {
            if (2 * closed == bounds.length) {
                bounds = Arrays.copyOf(bounds, 2 * bounds.length);
            }
            bounds[2 * closed] = first;
            bounds[2 * closed + 1] = last;
            closed++;
            first = offset;
            last = offset;
        }

        void widen(long offset) {
            first = Math.min(first, offset);
            last = Math.max(last, offset);
        }

        void forgetRuns() {
            for (int i = 0; i < 2 * closed; i++) {
                widen(bounds[i]);
            }
            bounds = new long[0];
            closed = 0;
        }

        /** Sorts the runs and merges those that touch; the highest becomes the growing one. */
        void compact() {
            if (closed == 0) {
                return;
            }
            startRun(0);
            long[][] runs = new long[closed][];
            for (int i = 0; i < closed; i++) {
                runs[i] = new long[] {bounds[2 * i], bounds[2 * i + 1]};
            }
            Arrays.sort(runs, Comparator.comparingLong(run -> run[0]));
            closed = 0;
            first = runs[0][0];
            last = runs[0][1];
            for (long[] run : runs) {
                if (run[0] > last + 1) {
                    startRun(run[0]);
                }
                last = Math.max(last, run[1]);
            }
        }

        void render(StringBuilder text) {
            text.append(topic).append('/').append(partition).append(':');
            for (int i = 0; i < closed; i++) {
                text.append(bounds[2 * i]).append('-').append(bounds[2 * i + 1]).append(',');
            }
            text.append(first).append('-').append(last);
        }
    }
}

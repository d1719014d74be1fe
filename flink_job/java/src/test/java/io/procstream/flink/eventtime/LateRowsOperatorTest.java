package io.procstream.flink.eventtime;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.StreamSupport;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.streaming.util.AbstractStreamOperatorTestHarness;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.LocalZonedTimestampType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.OutputTag;
import org.junit.jupiter.api.Test;

class LateRowsOperatorTest {
    private static final int MAX_PARALLELISM = 8;
    private static final OutputTag<RowData> LATE =
            new OutputTag<>("late", InternalTypeInfo.of(RowType.of(new BigIntType(), new LocalZonedTimestampType(3))));

    /** A subtask, with the state of all subtasks of an earlier run if there was one. */
    static OneInputStreamOperatorTestHarness<Tuple2<Integer, RowData>, RowData> harness(
            int parallelism, int index, OperatorSubtaskState... restored) throws Exception {
        var harness = new OneInputStreamOperatorTestHarness<Tuple2<Integer, RowData>, RowData>(
                new LateRowsOperator(1, LATE), MAX_PARALLELISM, parallelism, index);
        if (restored.length > 0) {
            harness.initializeState(AbstractStreamOperatorTestHarness.repartitionOperatorState(
                    AbstractStreamOperatorTestHarness.repackageState(restored),
                    MAX_PARALLELISM,
                    restored.length,
                    parallelism,
                    index));
        }
        harness.open();
        return harness;
    }

    /** One subtask; rows are (id, time) with the time as their id. */
    private static final class Subtask implements AutoCloseable {
        private final OneInputStreamOperatorTestHarness<Tuple2<Integer, RowData>, RowData> harness;

        Subtask(int parallelism, int index, OperatorSubtaskState... restored) throws Exception {
            harness = harness(parallelism, index, restored);
        }

        void rows(long... times) throws Exception {
            for (long time : times) {
                row(time, TimestampData.fromEpochMillis(time));
            }
        }

        void row(long id, TimestampData time) throws Exception {
            harness.processElement(new StreamRecord<>(Tuple2.of(0, GenericRowData.of(id, time))));
        }

        void watermark(long millis) throws Exception {
            harness.processWatermark(new Watermark(millis));
        }

        OperatorSubtaskState snapshot() throws Exception {
            return harness.snapshot(1, 1);
        }

        List<Long> onTime() {
            return ids(harness.getRecordOutput());
        }

        List<Long> late() {
            Iterable<StreamRecord<RowData>> late = harness.getSideOutput(LATE);
            return late == null ? List.of() : ids(late);
        }

        private static List<Long> ids(Iterable<StreamRecord<RowData>> rows) {
            return StreamSupport.stream(rows.spliterator(), false)
                    .map(row -> row.getValue().getLong(0))
                    .toList();
        }

        @Override
        public void close() throws Exception {
            harness.close();
        }
    }

    @Test
    void aRowIsLateIfItsTimeIsNotAfterTheWatermark() throws Exception {
        try (Subtask subtask = new Subtask(1, 0)) {
            subtask.rows(-5, 10);
            subtask.watermark(10);
            subtask.rows(11, 10, 9, 12);
            subtask.watermark(11);
            subtask.rows(11, 12);
            assertThat(subtask.onTime()).containsExactly(-5L, 10L, 11L, 12L, 12L);
            assertThat(subtask.late()).containsExactly(10L, 9L, 11L);
        }
    }

    @Test
    void watermarksPassAndASmallerOneChangesNothing() throws Exception {
        try (Subtask subtask = new Subtask(1, 0)) {
            subtask.watermark(10);
            subtask.watermark(5);
            subtask.rows(7);
            assertThat(subtask.harness.getOutput()).first().isEqualTo(new Watermark(10));
            assertThat(subtask.late()).containsExactly(7L);
        }
    }

    @Test
    void aRowWithoutATimeIsKeptWithTheLateOnes() throws Exception {
        try (Subtask subtask = new Subtask(1, 0)) {
            subtask.row(3, null);
            assertThat(subtask.late()).containsExactly(3L);
            assertThat(subtask.onTime()).isEmpty();
        }
    }

    @Test
    void itIsNeverIdle() throws Exception {
        try (Subtask subtask = new Subtask(1, 0)) {
            subtask.harness.processWatermarkStatus(WatermarkStatus.IDLE);
            subtask.rows(1);
            assertThat(subtask.harness.getOutput()).hasSize(1);
        }
    }

    @Test
    void theLargestWatermarkOfAllSubtasksIsRestoredWhateverTheParallelism() throws Exception {
        OperatorSubtaskState ahead;
        OperatorSubtaskState behind;
        try (Subtask first = new Subtask(2, 0);
                Subtask second = new Subtask(2, 1)) {
            first.watermark(50);
            second.watermark(100);
            behind = first.snapshot();
            ahead = second.snapshot();
        }
        for (int parallelism = 1; parallelism <= 3; parallelism++) {
            for (int index = 0; index < parallelism; index++) {
                try (Subtask subtask = new Subtask(parallelism, index, behind, ahead)) {
                    subtask.rows(100, 101);
                    subtask.watermark(60);
                    subtask.rows(61, 100, 101);
                    assertThat(subtask.onTime()).containsExactly(101L, 101L);
                    assertThat(subtask.late()).containsExactly(100L, 61L, 100L);
                }
            }
        }
    }

    @Test
    void aSubtaskThatSawNoWatermarkHasNothingLateAfterARestart() throws Exception {
        OperatorSubtaskState state;
        try (Subtask subtask = new Subtask(1, 0)) {
            state = subtask.snapshot();
        }
        try (Subtask subtask = new Subtask(1, 0, state)) {
            subtask.rows(-1, 0);
            assertThat(subtask.onTime()).hasSize(2);
        }
    }
}

package io.procstream.flink.lake;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.runtime.checkpoint.OperatorSubtaskState;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.util.OneInputStreamOperatorTestHarness;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.runtime.typeutils.RowDataSerializer;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.table.types.logical.VarCharType;
import org.junit.jupiter.api.Test;

class CheckpointMarkerTest {
    private static final RowDataSerializer NOT_NULL = new RowDataSerializer(
            new BigIntType(false),
            new TimestampType(false, 9),
            new DecimalType(false, 38, 2),
            new VarCharType(false, VarCharType.MAX_LENGTH));

    private static OneInputStreamOperatorTestHarness<RowData, RowData> marker() throws Exception {
        return new OneInputStreamOperatorTestHarness<>(new CheckpointMarker(NOT_NULL.getArity()));
    }

    private static List<Long> markers(OneInputStreamOperatorTestHarness<RowData, RowData> harness) {
        return harness.getRecordOutput().stream()
                .filter(element -> CheckpointMarker.isMarker(element.getValue()))
                .map(StreamRecord::getTimestamp)
                .toList();
    }

    @Test
    void aMarkerGoesOverTheWireThoughNoColumnMayBeNull() throws Exception {
        DataOutputSerializer out = new DataOutputSerializer(64);
        NOT_NULL.serialize(CheckpointMarker.marker(NOT_NULL.getArity()), out);
        RowData received = NOT_NULL.deserialize(new DataInputDeserializer(out.getCopyOfBuffer()));
        assertThat(CheckpointMarker.isMarker(received)).isTrue();
        assertThat(CheckpointMarker.isMarker(NOT_NULL.copy(CheckpointMarker.marker(NOT_NULL.getArity()))))
                .isTrue();
    }

    @Test
    void eachBarrierIsPrecededByItsIdAndRowsPass() throws Exception {
        try (var harness = marker()) {
            harness.open();
            RowData row = GenericRowData.of(1L, null, null, StringData.fromString("x"));
            harness.processElement(row, 5);
            harness.prepareSnapshotPreBarrier(3);
            harness.prepareSnapshotPreBarrier(6);
            assertThat(markers(harness)).containsExactly(3L, 6L);
            assertThat(harness.extractOutputValues()).contains(row);
        }
    }

    @Test
    void theEndOfInputBelongsToTheIdAfterTheLastOne() throws Exception {
        try (var harness = marker()) {
            harness.open();
            harness.prepareSnapshotPreBarrier(6);
            harness.endInput();
            harness.prepareSnapshotPreBarrier(7);
            assertThat(markers(harness)).containsExactly(6L, 7L);
        }
    }

    @Test
    void theEndOfInputOfAFreshJobBelongsToTheFirstCheckpoint() throws Exception {
        try (var harness = marker()) {
            harness.open();
            harness.endInput();
            assertThat(markers(harness)).containsExactly(1L);
        }
    }

    @Test
    void theEndOfInputRightAfterARestoreCountsFromTheRestoredCheckpoint() throws Exception {
        var snapshot = emptyState();
        try (var harness = marker()) {
            harness.setRestoredCheckpointId(41);
            harness.initializeState(snapshot);
            harness.open();
            harness.endInput();
            assertThat(markers(harness)).containsExactly(42L);
        }
    }

    private static OperatorSubtaskState emptyState() throws Exception {
        try (var harness = marker()) {
            harness.open();
            return harness.snapshot(41, 1);
        }
    }
}

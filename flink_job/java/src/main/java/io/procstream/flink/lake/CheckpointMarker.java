package io.procstream.flink.lake;

import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.BoundedOneInput;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;

/**
 * Sits before the sink's writer and tells it, in the stream of rows, the id of the checkpoint whose
 * barrier comes next.
 *
 * <p>A sink writer closes its files before it is told which checkpoint it does that for, and "the
 * last id plus one" is wrong: a job that recovers uses ids up. An operator learns the id in {@link
 * #prepareSnapshotPreBarrier}, and upstream operators are asked before downstream ones.
 */
final class CheckpointMarker extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<RowData, RowData>, BoundedOneInput {
    private final int arity;

    private transient long lastCheckpointId;
    private transient boolean ended;

    /** For rows of so many fields. */
    CheckpointMarker(int arity) {
        this.arity = arity;
    }

    /** Whether a row is a marker; then its record's timestamp is the checkpoint id. */
    static boolean isMarker(RowData row) {
        return row.getRowKind() == RowKind.DELETE; // the sink takes only inserts from outside
    }

    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        lastCheckpointId = context.getRestoredCheckpointId().orElse(0);
    }

    @Override
    public void processElement(StreamRecord<RowData> element) {
        output.collect(element);
    }

    @Override
    public void prepareSnapshotPreBarrier(long checkpointId) {
        lastCheckpointId = checkpointId;
        if (!ended) {
            emit(checkpointId);
        }
    }

    /** The writer's last files go to "the last checkpoint plus one": Flink's SinkWriterOperator. */
    @Override
    public void endInput() {
        ended = true;
        emit(lastCheckpointId + 1);
    }

    private void emit(long checkpointId) {
        output.collect(new StreamRecord<>(marker(arity), checkpointId));
    }

    static RowData marker(int arity) {
        return new GenericRowData(RowKind.DELETE, arity);
    }
}

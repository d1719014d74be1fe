package io.procstream.flink.eventtime;

import java.util.List;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.OutputTag;

/**
 * Sends rows whose time is not after the largest watermark seen so far, or null, to a side output. Why it is as it is:
 * {@link LateRows}.
 */
final class LateRowsOperator extends AbstractStreamOperator<RowData>
        implements OneInputStreamOperator<Tuple2<Integer, RowData>, RowData> {
    static final String METRIC = "numLateRows";

    private static final int MILLISECONDS = 3; // the precision of every rowtime attribute

    private final int timeIndex;
    private final OutputTag<RowData> late;

    private transient long watermark;
    private transient ListState<Long> watermarks;
    private transient Counter lateRows;

    LateRowsOperator(int timeIndex, OutputTag<RowData> late) {
        this.timeIndex = timeIndex;
        this.late = late;
    }

    @Override
    public void open() throws Exception {
        super.open();
        lateRows = getMetricGroup().counter(METRIC);
    }

    /** All get what each of them had: a row too many is late rather than one lost. */
    @Override
    public void initializeState(StateInitializationContext context) throws Exception {
        super.initializeState(context);
        watermarks = context.getOperatorStateStore()
                .getUnionListState(new ListStateDescriptor<>("watermark", LongSerializer.INSTANCE));
        watermark = Long.MIN_VALUE;
        for (long restored : watermarks.get()) {
            watermark = Math.max(watermark, restored);
        }
    }

    @Override
    public void snapshotState(StateSnapshotContext context) throws Exception {
        super.snapshotState(context);
        watermarks.update(List.of(watermark));
    }

    @Override
    public void processElement(StreamRecord<Tuple2<Integer, RowData>> element) {
        RowData row = element.getValue().f1;
        StreamRecord<RowData> record = element.replace(row);
        if (row.isNullAt(timeIndex)) {
            output.collect(late, record);
        } else if (row.getTimestamp(timeIndex, MILLISECONDS).getMillisecond() <= watermark) {
            lateRows.inc();
            output.collect(late, record);
        } else {
            output.collect(record);
        }
    }

    @Override
    public void processWatermark(Watermark mark) throws Exception {
        watermark = Math.max(watermark, mark.getTimestamp());
        super.processWatermark(mark);
    }

    /** Not passed on: what is behind would run ahead of this subtask. */
    @Override
    public void processWatermarkStatus(WatermarkStatus status) {}
}

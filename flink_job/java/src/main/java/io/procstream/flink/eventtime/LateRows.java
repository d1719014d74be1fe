package io.procstream.flink.eventtime;

import static org.apache.flink.table.api.Expressions.$;

import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.Table;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.apache.flink.table.types.utils.DataTypeUtils;
import org.apache.flink.util.OutputTag;

/**
 * Takes the rows behind the watermark out of a table, so that no window drops them silently.
 *
 * <p>Why no row that passes as on time is late for an operator behind. Let L be the largest watermark that a subtask of
 * the {@link LateRowsOperator} has seen, and W that of an operator behind it.
 *
 * <ul>
 *   <li>W is at most the least of the watermarks that all subtasks have sent, because none of them ever says that it is
 *       idle: who listens would leave it out. A row goes through one channel behind the watermarks its subtask sent
 *       before, so W is at most the L that the row was compared with.
 *   <li>Idle source subtasks must not hold up time all the same. Each subtask listens to all of them and leaves the idle
 *       ones out itself; hence the exchange of all with all.
 *   <li>In a checkpoint no W is more than the least L, for it follows from watermarks that were sent before the barrier.
 *       Each subtask restores the largest L of all, so the same holds for rows after a restart, though the watermarks of
 *       sources begin again, and whatever the parallelism is then.
 * </ul>
 *
 * <p>Two prices. A row behind the watermark is late even if the window it belongs to is open still. And a topic without
 * records holds back a join with another one; else the rows it gets one day would be late for that join.
 */
public final class LateRows {
    private LateRows() {}

    /**
     * Makes two temporary views of a table, with its columns in its order. Its other time attributes become ordinary
     * timestamps. The rows of a source subtask keep their order.
     *
     * @param table path of an insert-only table or view
     * @param timeColumn its rowtime attribute
     * @param onTimeView path of the view with the rows on time; the time is a rowtime attribute here, too, with the
     *     watermarks of the table. Also the key under which savepoints have the operator's state
     * @param lateView path of the view with the late rows, and those without a time; the time is an ordinary timestamp
     * @throws ValidationException if there is no such table, or the column is no rowtime attribute
     */
    public static void split(
            StreamTableEnvironment env, String table, String timeColumn, String onTimeView, String lateView) {
        Table rows = env.from(table);
        DataType timeType = timeType(rows.getResolvedSchema(), table, timeColumn);
        // Not as an attribute: Flink would look for a time in every row.
        DataStream<RowData> stream = dataStream(
                env, rows.addOrReplaceColumns($(timeColumn).cast(timeType).as(timeColumn)));
        OutputTag<RowData> late = new OutputTag<>("late", stream.getType());
        int timeIndex = rows.getResolvedSchema().getColumnNames().indexOf(timeColumn);
        SingleOutputStreamOperator<RowData> onTime = stream.map(new WithSubtask())
                .name("subtask")
                .returns(Types.TUPLE(Types.INT, stream.getType()))
                .partitionCustom((subtask, channels) -> subtask % channels, row -> row.f0)
                .transform("late-rows: " + onTimeView, stream.getType(), new LateRowsOperator(timeIndex, late))
                .uid("late-rows: " + onTimeView);
        Schema withWatermarks =
                Schema.newBuilder().watermark(timeColumn, "SOURCE_WATERMARK()").build();
        env.createTemporaryView(onTimeView, onTime, withWatermarks);
        env.createTemporaryView(
                lateView, onTime.getSideOutput(late), Schema.newBuilder().build());
    }

    private static DataType timeType(ResolvedSchema schema, String table, String timeColumn) {
        DataType type = schema.getColumn(timeColumn)
                .orElseThrow(() -> new ValidationException(String.format(
                        "Table %s has no column '%s', expected one of: %s.",
                        table, timeColumn, String.join(", ", schema.getColumnNames()))))
                .getDataType();
        if (!LogicalTypeChecks.isRowtimeAttribute(type.getLogicalType())) {
            throw new ValidationException(String.format(
                    "Column '%s' of table %s is %s, expected a time attribute: declare a WATERMARK for it.",
                    timeColumn, table, type));
        }
        return DataTypeUtils.removeTimeAttribute(type);
    }

    /** Flink's own rows: no column is converted. */
    private static DataStream<RowData> dataStream(StreamTableEnvironment env, Table table) {
        DataType type = table.getResolvedSchema().toPhysicalRowDataType();
        return env.toDataStream(table, type.bridgedTo(RowData.class));
    }

    /** Tells the partitioner where a row comes from: all rows of a subtask go to one, so that they keep their order. */
    private static final class WithSubtask extends RichMapFunction<RowData, Tuple2<Integer, RowData>> {
        private transient Tuple2<Integer, RowData> reused;

        @Override
        public void open(OpenContext context) {
            reused = Tuple2.of(getRuntimeContext().getTaskInfo().getIndexOfThisSubtask(), null);
        }

        @Override
        public Tuple2<Integer, RowData> map(RowData row) {
            reused.f1 = row;
            return reused; // the partitioner sends it off at once
        }
    }
}

package io.procstream.flink.lake;

import java.io.Serializable;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;

/** Positions of the columns that say which Kafka record a row came from. */
record OffsetColumns(int topic, int partition, int offset) implements Serializable {
    static final String TOPIC = "kafka_topic";
    static final String PARTITION = "kafka_partition";
    static final String OFFSET = "kafka_offset";

    /**
     * The columns of a table.
     *
     * @return null if it does not have all three
     * @throws ValidationException if it has, but not as STRING, INT and BIGINT
     */
    static OffsetColumns of(RowType table) {
        OffsetColumns columns = new OffsetColumns(
                table.getFieldIndex(TOPIC), table.getFieldIndex(PARTITION), table.getFieldIndex(OFFSET));
        if (columns.topic < 0 || columns.partition < 0 || columns.offset < 0) {
            return null;
        }
        require(table, columns.topic, LogicalTypeRoot.VARCHAR, "STRING");
        require(table, columns.partition, LogicalTypeRoot.INTEGER, "INT");
        require(table, columns.offset, LogicalTypeRoot.BIGINT, "BIGINT");
        return columns;
    }

    private static void require(RowType table, int column, LogicalTypeRoot root, String expected) {
        LogicalType type = table.getTypeAt(column);
        if (!type.is(root)) {
            throw new ValidationException(String.format(
                    "Column '%s' of a 'lake' table is %s, expected %s.",
                    table.getFieldNames().get(column), type.asSummaryString(), expected));
        }
    }
}

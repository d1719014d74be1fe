package io.procstream.flink.lake;

import java.io.Serializable;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.LocalZonedTimestampType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.TimestampType;

/** The column by whose hour a row's folder is chosen. */
record TimeColumn(int index, int precision) implements Serializable {
    /**
     * Finds the column.
     *
     * @throws ValidationException if it is absent, or not a TIMESTAMP or TIMESTAMP_LTZ
     */
    static TimeColumn of(RowType table, String name) {
        int index = table.getFieldIndex(name);
        if (index < 0) {
            throw new ValidationException(String.format(
                    "Option 'time-column' names '%s', which is not a column. Columns: %s.",
                    name, String.join(", ", table.getFieldNames())));
        }
        LogicalType type = table.getTypeAt(index);
        if (type instanceof TimestampType timestamp) {
            return new TimeColumn(index, timestamp.getPrecision());
        }
        if (type instanceof LocalZonedTimestampType timestamp) {
            return new TimeColumn(index, timestamp.getPrecision());
        }
        throw new ValidationException(String.format(
                "Option 'time-column' names '%s' of type %s, expected TIMESTAMP or TIMESTAMP_LTZ.",
                name, type.asSummaryString()));
    }
}

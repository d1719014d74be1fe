package io.procstream.flink.lake;

import java.io.Serializable;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

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
        if (isTimestamp(type)) {
            return new TimeColumn(index, LogicalTypeChecks.getPrecision(type));
        }
        throw new ValidationException(String.format(
                "Option 'time-column' names '%s' of type %s, expected TIMESTAMP or TIMESTAMP_LTZ.",
                name, type.asSummaryString()));
    }

    static boolean isTimestamp(LogicalType type) {
        return type.isAnyOf(
                LogicalTypeRoot.TIMESTAMP_WITHOUT_TIME_ZONE, LogicalTypeRoot.TIMESTAMP_WITH_LOCAL_TIME_ZONE);
    }
}

package io.procstream.flink.deadletter;

import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/**
 * How long the values of a CHAR, VARCHAR, BINARY or VARBINARY column are: characters or bytes. Flink does not check it
 * when it reads a table.
 */
record Lengths(int least, int most, String expected) {
    static Lengths of(LogicalType column) {
        int length = LogicalTypeChecks.getLength(column);
        boolean exact = column.isAnyOf(LogicalTypeRoot.CHAR, LogicalTypeRoot.BINARY);
        String unit = column.isAnyOf(LogicalTypeRoot.CHAR, LogicalTypeRoot.VARCHAR) ? " characters" : " bytes";
        return new Lengths(exact ? length : 0, length, (exact ? "" : "at most ") + length + unit);
    }

    StringData checked(StringData text) throws BadValueException {
        if (most != Integer.MAX_VALUE) {
            int length = ((BinaryStringData) text).numChars();
            if (length < least || length > most) {
                throw BadValueException.expected(length + " characters", expected);
            }
        }
        return text;
    }

    byte[] checked(byte[] bytes) throws BadValueException {
        if (bytes.length < least || bytes.length > most) {
            throw BadValueException.expected(bytes.length + " bytes", expected);
        }
        return bytes;
    }
}

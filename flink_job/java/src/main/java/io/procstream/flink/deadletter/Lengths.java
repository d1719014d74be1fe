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

    boolean isUnlimited() {
        return most == Integer.MAX_VALUE;
    }

    boolean admits(int length) {
        return length >= least && length <= most;
    }

    StringData checked(StringData text) throws BadValueException {
        if (!isUnlimited()) {
            int length = ((BinaryStringData) text).numChars();
            if (!admits(length)) {
                throw BadValueException.expected(length + " characters", expected);
            }
        }
        return text;
    }

    byte[] checked(byte[] bytes) throws BadValueException {
        if (!admits(bytes.length)) {
            throw BadValueException.expected(bytes.length + " bytes", expected);
        }
        return bytes;
    }
}

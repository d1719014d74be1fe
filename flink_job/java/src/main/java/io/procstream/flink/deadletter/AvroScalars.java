package io.procstream.flink.deadletter;

import java.io.EOFException;
import java.io.IOException;
import java.math.BigInteger;
import java.util.Map;
import java.util.Objects;
import org.apache.flink.avro.shaded.org.apache.avro.LogicalTypes;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;

/**
 * Reads Avro's values that have no others in them. A value that its logical type or its column cannot hold is refused:
 * a decimal beyond its precision, a time of day beyond a day, text that is not UTF-8.
 */
final class AvroScalars {
    /** How many parts of a second a logical type of a timestamp counts. */
    private static final Map<String, Integer> PARTS_OF_SECOND = Map.of(
            "timestamp-millis", 1_000,
            "local-timestamp-millis", 1_000,
            "timestamp-micros", 1_000_000,
            "local-timestamp-micros", 1_000_000,
            "timestamp-nanos", 1_000_000_000,
            "local-timestamp-nanos", 1_000_000_000);

    private final boolean legacyTimestamps;

    /**
     * Creates readers.
     *
     * @param legacyTimestamps Flink's {@code timestamp_mapping.legacy}: each timestamp of Avro is a TIMESTAMP;
     *     otherwise {@code timestamp-...} is TIMESTAMP_LTZ and {@code local-timestamp-...} is TIMESTAMP
     */
    AvroScalars(boolean legacyTimestamps) {
        this.legacyTimestamps = legacyTimestamps;
    }

    /**
     * A reader of values.
     *
     * @param writer what the value was written as: the reader's type, or one that Avro promotes to it
     * @param place where the column is, for errors
     * @throws ValidationException if the column cannot hold values of the reader's schema
     */
    AvroValue value(Schema writer, Schema reader, LogicalType column, String place) {
        AvroValue value = valueOfReader(writer, reader, column, place);
        String written = unit(writer);
        String read = unit(reader);
        if (written.isEmpty() || read.isEmpty() || written.equals(read)) {
            return value;
        }
        return in -> {
            throw BadValueException.expected(written, read);
        };
    }

    private AvroValue valueOfReader(Schema writer, Schema reader, LogicalType column, String place) {
        boolean integers = writer.getType() == Schema.Type.INT;
        AvroValue value =
                switch (reader.getType()) {
                    case NULL -> column.isNullable() ? NULL : null;
                    case BOOLEAN -> column.is(LogicalTypeRoot.BOOLEAN) ? BinaryDecoder::readBoolean : null;
                    case INT -> ofInt(reader, column);
                    case LONG -> ofLong(integers ? BinaryDecoder::readInt : BinaryDecoder::readLong, reader, column);
                    case FLOAT -> column.is(LogicalTypeRoot.FLOAT) ? toFloat(writer) : null;
                    case DOUBLE -> column.is(LogicalTypeRoot.DOUBLE) ? toDouble(writer) : null;
                    case STRING -> ofText(column);
                    case BYTES -> ofBytes(AvroScalars::bytes, reader, column);
                    case FIXED -> ofFixed(reader, column);
                    default -> null;
                };
        if (value == null) {
            throw doesNotFit(reader, column, place);
        }
        return value;
    }

    private static final AvroValue NULL = in -> null;

    /** For what is found only when a table is planned. */
    static ValidationException doesNotFit(Schema reader, LogicalType column, String place) {
        return new ValidationException(String.format(
                "Column '%s' is %s, expected a type for Avro's %s.",
                place, column.asSummaryString(), description(reader)));
    }

    private static String description(Schema schema) {
        String logicalType = logicalType(schema);
        return schema.isUnion()
                ? schema.toString()
                : logicalType.isEmpty() ? schema.getType().getName() : logicalType;
    }

    private static AvroValue ofInt(Schema reader, LogicalType column) {
        return switch (column.getTypeRoot()) {
            case INTEGER -> BinaryDecoder::readInt;
            case SMALLINT -> in -> (short) inRange(in.readInt(), Short.MIN_VALUE, Short.MAX_VALUE);
            case TINYINT -> in -> (byte) inRange(in.readInt(), Byte.MIN_VALUE, Byte.MAX_VALUE);
            case DATE -> logicalType(reader).equals("date") ? in -> TimeRange.date(in.readInt()) : null;
            case TIME_WITHOUT_TIME_ZONE -> logicalType(reader).equals("time-millis")
                    ? in -> TimeRange.timeOfDay(in.readInt())
                    : null;
            default -> null;
        };
    }

    private static int inRange(int value, int least, int most) throws BadValueException {
        if (value < least || value > most) {
            throw BadValueException.expected(Integer.toString(value), least + " to " + most);
        }
        return value;
    }

    private interface Longs {
        long read(BinaryDecoder in) throws IOException;
    }

    private AvroValue ofLong(Longs longs, Schema reader, LogicalType column) {
        String logicalType = logicalType(reader);
        boolean instant = !legacyTimestamps && !logicalType.startsWith("local-");
        return switch (column.getTypeRoot()) {
            case BIGINT -> longs::read;
            case TIMESTAMP_WITHOUT_TIME_ZONE -> instant ? null : timestamp(longs, logicalType);
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> instant ? timestamp(longs, logicalType) : null;
            default -> null;
        };
    }

    private static AvroValue timestamp(Longs longs, String logicalType) {
        Integer perSecond = PARTS_OF_SECOND.get(logicalType);
        if (perSecond == null) {
            return null;
        }
        int perMilli = perSecond / 1_000;
        int nanosPerPart = 1_000_000 / perMilli;
        return in -> {
            long parts = longs.read(in);
            return TimeRange.timestamp(Math.floorDiv(parts, perMilli), Math.floorMod(parts, perMilli) * nanosPerPart);
        };
    }

    private static AvroValue toFloat(Schema writer) {
        return switch (writer.getType()) {
            case INT -> in -> (float) in.readInt();
            case LONG -> in -> (float) in.readLong();
            default -> BinaryDecoder::readFloat;
        };
    }

    private static AvroValue toDouble(Schema writer) {
        return switch (writer.getType()) {
            case INT -> in -> (double) in.readInt();
            case LONG -> in -> (double) in.readLong();
            case FLOAT -> in -> (double) in.readFloat();
            default -> BinaryDecoder::readDouble;
        };
    }

    /** A reader of text of any length. */
    static AvroValue text() {
        return in -> StringData.fromBytes(Texts.utf8(bytes(in)));
    }

    private static AvroValue ofText(LogicalType column) {
        return switch (column.getTypeRoot()) {
            case CHAR, VARCHAR -> {
                Lengths lengths = Lengths.of(column);
                yield in -> lengths.checked(StringData.fromBytes(Texts.utf8(bytes(in))));
            }
            default -> null;
        };
    }

    private interface Bytes {
        byte[] read(BinaryDecoder in) throws IOException;
    }

    private static AvroValue ofFixed(Schema reader, LogicalType column) {
        int size = reader.getFixedSize();
        return ofBytes(
                in -> {
                    byte[] bytes = new byte[size];
                    in.readFixed(bytes);
                    return bytes;
                },
                reader,
                column);
    }

    private static AvroValue ofBytes(Bytes bytes, Schema reader, LogicalType column) {
        return switch (column.getTypeRoot()) {
            case BINARY, VARBINARY -> {
                Lengths lengths = Lengths.of(column);
                yield in -> lengths.checked(bytes.read(in));
            }
            case DECIMAL -> decimal(bytes, reader, (DecimalType) column);
            default -> null;
        };
    }

    private static AvroValue decimal(Bytes bytes, Schema reader, DecimalType column) {
        if (!(reader.getLogicalType() instanceof LogicalTypes.Decimal decimal)
                || decimal.getPrecision() != column.getPrecision()
                || decimal.getScale() != column.getScale()) {
            return null;
        }
        int precision = column.getPrecision();
        int scale = column.getScale();
        BigInteger limit = BigInteger.TEN.pow(precision);
        String expected = "at most " + precision + " digits, " + scale + " of them after the point";
        return in -> {
            byte[] unscaled = bytes.read(in);
            if (unscaled.length == 0) {
                throw BadValueException.expected("no bytes", "a decimal");
            }
            BigInteger value = new BigInteger(unscaled);
            if (value.abs().compareTo(limit) >= 0) {
                throw BadValueException.expected(
                        unscaled.length > 32 ? "a number of " + unscaled.length + " bytes" : value + "E-" + scale,
                        expected);
            }
            return Objects.requireNonNull(DecimalData.fromUnscaledBytes(unscaled, precision, scale));
        };
    }

    /** Not more than the record has left: a length that makes no sense must not cost memory. */
    private static byte[] bytes(BinaryDecoder in) throws IOException {
        long length = in.readLong();
        if (length < 0) {
            throw BadValueException.expected("a length of " + length, "0 or more");
        }
        if (length > in.inputStream().available()) {
            throw new EOFException();
        }
        byte[] bytes = new byte[(int) length];
        in.readFixed(bytes);
        return bytes;
    }

    private static String logicalType(Schema schema) {
        String name = schema.getProp("logicalType");
        boolean known = name != null && (schema.getLogicalType() != null || PARTS_OF_SECOND.containsKey(name));
        return known ? name : "";
    }

    /** What a number counts, so that microseconds are not read as milliseconds: Avro pairs any two longs. */
    private static String unit(Schema schema) {
        String name = logicalType(schema);
        if (schema.getLogicalType() instanceof LogicalTypes.Decimal decimal) {
            return "a decimal of scale " + decimal.getScale();
        }
        return name.startsWith("local-") ? name.substring("local-".length()) : name;
    }
}

package io.procstream.flink.deadletter;

import static org.assertj.core.api.Assertions.assertThat;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.flink.avro.shaded.org.apache.avro.AvroRuntimeException;
import org.apache.flink.avro.shaded.org.apache.avro.LogicalTypes;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.BooleanType;
import org.apache.flink.table.types.logical.DateType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.DoubleType;
import org.apache.flink.table.types.logical.FloatType;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.TimeType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.table.types.logical.VarBinaryType;
import org.apache.flink.table.types.logical.VarCharType;
import org.junit.jupiter.api.Test;

/**
 * Random schemas and records, read here and by Avro's own reader. Where that one reads a value, a column has it if its
 * logical type can hold it; everything else is a dead letter. {@code -Davro.pairs} sets how many pairs of schemas.
 */
class AvroReferenceTest {
    private static final int PAIRS = Integer.getInteger("avro.pairs", 600);
    private static final long SEED = Long.getLong("avro.seed", 20_261_126);
    private static final int RECORDS = 5;

    /** Avro reads the value, but its logical type, or UTF-8, cannot be like that. */
    private static final class NotAValue extends Exception {
        NotAValue(String message) {
            super(message);
        }
    }

    @Test
    void recordsAreReadAsAvrosOwnReaderReadsThem() throws Exception {
        int read = 0;
        int refused = 0;
        for (int pair = 0; pair < PAIRS; pair++) {
            AvroSchemaPairs random = new AvroSchemaPairs(new Random(SEED + pair));
            AvroSchemaPairs.Pair schemas = random.records();
            // Through text, as the registry has it.
            Schema writer = AvroRecords.parse(schemas.writer().toString());
            String readerText = schemas.reader().toString();
            Schema reader = AvroRecords.parse(readerText);
            RowType columns = (RowType) column(reader);
            AvroValue ours = new AvroResolution(new AvroScalars(true))
                    .rows(writer, AvroReaderSchema.of(readerText, columns), columns);
            for (int i = 0; i < RECORDS; i++) {
                byte[] message = AvroRecords.encode(1, writer, random.value(writer));
                Object expected = expected(writer, reader, message);
                Object found = found(ours, message);
                String about = String.format("pair %d: writer %s, reader %s", pair, writer, reader);
                if (expected instanceof Exception) {
                    assertThat(found).as("%s: %s", about, expected).isInstanceOf(BadValueException.class);
                    refused++;
                } else {
                    if (found instanceof Exception e) {
                        throw new AssertionError(about + ": expected " + expected, e);
                    }
                    assertThat(plain(found, columns)).as(about).isEqualTo(expected);
                    read++;
                }
            }
        }
        assertThat(read).as("records that can be read").isGreaterThan(PAIRS);
        assertThat(refused).as("records that cannot").isGreaterThan(PAIRS / 4);
    }

    private static Object expected(Schema writer, Schema reader, byte[] message) throws Exception {
        BinaryDecoder in = DecoderFactory.get().binaryDecoder(message, 5, message.length - 5, null);
        GenericData data = new GenericData();
        data.setFastReaderEnabled(false);
        try {
            return sql(new GenericDatumReader<>(writer, reader, data).read(null, in), reader);
        } catch (AvroRuntimeException | NotAValue e) {
            return e;
        }
    }

    private static Object found(AvroValue ours, byte[] message) throws Exception {
        BinaryDecoder in = DecoderFactory.get().binaryDecoder(message, 5, message.length - 5, null);
        try {
            Object row = ours.read(in);
            assertThat(in.isEnd()).isTrue();
            return row;
        } catch (BadValueException e) {
            return e;
        }
    }

    /** Avro's value as plain Java, with the meaning that its schema gives it. */
    private static Object sql(Object value, Schema schema) throws NotAValue {
        if (value == null) {
            return null;
        }
        String logicalType =
                schema.getLogicalType() == null ? "" : schema.getLogicalType().getName();
        switch (schema.getType()) {
            case UNION:
                for (Schema type : schema.getTypes()) {
                    if (type.getType() != Schema.Type.NULL) {
                        return sql(value, type);
                    }
                }
                throw new AssertionError(schema);
            case RECORD: {
                Map<String, Object> row = new LinkedHashMap<>();
                for (Schema.Field field : schema.getFields()) {
                    row.put(field.name(), sql(((GenericRecord) value).get(field.name()), field.schema()));
                }
                return row;
            }
            case ARRAY: {
                Object[] elements = ((Collection<?>) value).toArray();
                for (int i = 0; i < elements.length; i++) {
                    elements[i] = sql(elements[i], schema.getElementType());
                }
                return Arrays.asList(elements);
            }
            case MAP: {
                Map<Object, Object> map = new LinkedHashMap<>();
                for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                    map.put(entry.getKey().toString(), sql(entry.getValue(), schema.getValueType()));
                }
                return map;
            }
            case INT: {
                int number = (Integer) value;
                if (logicalType.equals("time-millis") && (number < 0 || number > 86_399_999)) {
                    throw new NotAValue(number + " is no time of day");
                }
                return logicalType.equals("date")
                        ? (int) time(Instant.EPOCH.plus(number, ChronoUnit.DAYS))
                                .toLocalDate()
                                .toEpochDay()
                        : number;
            }
            case LONG: {
                long number = (Long) value;
                return switch (logicalType) {
                    case "timestamp-millis", "local-timestamp-millis" -> time(Instant.ofEpochMilli(number));
                    case "timestamp-micros", "local-timestamp-micros" -> time(
                            Instant.EPOCH.plus(number, ChronoUnit.MICROS));
                    default -> number;
                };
            }
            case STRING:
                return utf8(((Utf8) value).getBytes(), ((Utf8) value).getByteLength());
            case BYTES: {
                ByteBuffer buffer = (ByteBuffer) value;
                byte[] bytes = new byte[buffer.remaining()];
                buffer.duplicate().get(bytes);
                return binary(bytes, schema);
            }
            case FIXED:
                return binary(((GenericData.Fixed) value).bytes(), schema);
            case ENUM:
                return value.toString();
            default:
                return value;
        }
    }

    private static LocalDateTime time(Instant instant) throws NotAValue {
        LocalDateTime time = LocalDateTime.ofInstant(instant, ZoneOffset.UTC);
        if (time.getYear() < 0 || time.getYear() > 9999) {
            throw new NotAValue(time + " is beyond SQL's years");
        }
        return time;
    }

    private static Object binary(byte[] bytes, Schema schema) throws NotAValue {
        if (!(schema.getLogicalType() instanceof LogicalTypes.Decimal decimal)) {
            return IntStream.range(0, bytes.length).mapToObj(i -> bytes[i]).toList();
        }
        if (bytes.length == 0) {
            throw new NotAValue("no digits");
        }
        BigDecimal number = new BigDecimal(new BigInteger(bytes), decimal.getScale());
        if (number.precision() > decimal.getPrecision()) {
            throw new NotAValue(number + " has too many digits");
        }
        return number;
    }

    private static String utf8(byte[] bytes, int length) throws NotAValue {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes, 0, length))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new NotAValue("not UTF-8");
        }
    }

    private static LogicalType column(Schema schema) {
        String logicalType =
                schema.getLogicalType() == null ? "" : schema.getLogicalType().getName();
        return switch (schema.getType()) {
            case BOOLEAN -> new BooleanType(false);
            case INT -> switch (logicalType) {
                case "date" -> new DateType(false);
                case "time-millis" -> new TimeType(false, 3);
                default -> new IntType(false);
            };
            case LONG -> switch (logicalType) {
                case "timestamp-millis", "local-timestamp-millis" -> new TimestampType(false, 3);
                case "timestamp-micros", "local-timestamp-micros" -> new TimestampType(false, 6);
                default -> new BigIntType(false);
            };
            case FLOAT -> new FloatType(false);
            case DOUBLE -> new DoubleType(false);
            case STRING, ENUM -> new VarCharType(false, VarCharType.MAX_LENGTH);
            case BYTES, FIXED -> schema.getLogicalType() instanceof LogicalTypes.Decimal decimal
                    ? new DecimalType(false, decimal.getPrecision(), decimal.getScale())
                    : new VarBinaryType(false, VarBinaryType.MAX_LENGTH);
            case ARRAY -> new ArrayType(false, column(schema.getElementType()));
            case MAP -> new MapType(
                    false, new VarCharType(false, VarCharType.MAX_LENGTH), column(schema.getValueType()));
            case RECORD -> new RowType(
                    false,
                    schema.getFields().stream()
                            .map(field -> new RowType.RowField(field.name(), column(field.schema())))
                            .toList());
            case UNION -> {
                List<Schema> values = schema.getTypes().stream()
                        .filter(type -> type.getType() != Schema.Type.NULL)
                        .toList();
                yield column(values.get(0)).copy(schema.getTypes().size() > 1);
            }
            case NULL -> throw new AssertionError(schema);
        };
    }

    /** Flink's value as plain Java. */
    private static Object plain(Object value, LogicalType type) {
        if (value == null) {
            return null;
        }
        return switch (type.getTypeRoot()) {
            case ROW -> {
                Map<String, Object> row = new LinkedHashMap<>();
                for (RowType.RowField field : ((RowType) type).getFields()) {
                    int index = row.size();
                    row.put(
                            field.getName(),
                            plain(
                                    RowData.createFieldGetter(field.getType(), index)
                                            .getFieldOrNull((RowData) value),
                                    field.getType()));
                }
                yield row;
            }
            case ARRAY -> list((ArrayData) value, type.getChildren().get(0));
            case MAP -> {
                List<Object> keys =
                        list(((MapData) value).keyArray(), type.getChildren().get(0));
                List<Object> values =
                        list(((MapData) value).valueArray(), type.getChildren().get(1));
                Map<Object, Object> map = new LinkedHashMap<>();
                IntStream.range(0, keys.size()).forEach(i -> map.put(keys.get(i), values.get(i)));
                yield map;
            }
            case VARCHAR -> ((StringData) value).toString();
            case VARBINARY -> {
                byte[] bytes = (byte[]) value;
                yield IntStream.range(0, bytes.length).mapToObj(i -> bytes[i]).toList();
            }
            case DECIMAL -> ((DecimalData) value).toBigDecimal();
            case TIMESTAMP_WITHOUT_TIME_ZONE -> ((TimestampData) value).toLocalDateTime();
            default -> value;
        };
    }

    private static List<Object> list(ArrayData array, LogicalType type) {
        ArrayData.ElementGetter getter = ArrayData.createElementGetter(type);
        Object[] elements = new Object[array.size()];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = plain(getter.getElementOrNull(array, i), type);
        }
        return Arrays.asList(elements);
    }
}

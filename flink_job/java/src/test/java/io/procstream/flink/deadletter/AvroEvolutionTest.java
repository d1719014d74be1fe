package io.procstream.flink.deadletter;

import static org.apache.flink.table.api.DataTypes.ARRAY;
import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.apache.flink.table.api.DataTypes.BYTES;
import static org.apache.flink.table.api.DataTypes.DATE;
import static org.apache.flink.table.api.DataTypes.DECIMAL;
import static org.apache.flink.table.api.DataTypes.INT;
import static org.apache.flink.table.api.DataTypes.MAP;
import static org.apache.flink.table.api.DataTypes.ROW;
import static org.apache.flink.table.api.DataTypes.SMALLINT;
import static org.apache.flink.table.api.DataTypes.STRING;
import static org.apache.flink.table.api.DataTypes.TIME;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP_LTZ;
import static org.apache.flink.table.api.DataTypes.VARBINARY;
import static org.apache.flink.table.api.DataTypes.VARCHAR;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecordBuilder;
import org.apache.flink.avro.shaded.org.apache.avro.util.Utf8;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.DataType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Records of one version of a schema, read as another version. */
class AvroEvolutionTest {
    private static final int ID = 1;

    private StubRegistry registry;

    @BeforeEach
    void startRegistry() throws Exception {
        registry = new StubRegistry();
    }

    @AfterEach
    void stopRegistry() {
        registry.close();
    }

    private Decoder decoder(Schema writer, String reader, DataType columns, String... more) throws Exception {
        registry.register(ID, writer.toString());
        String[] options = {
            "format", "avro-confluent", "avro-confluent.url", registry.url(), "avro-confluent.schema", reader
        };
        String[] all = java.util.Arrays.copyOf(options, options.length + more.length);
        System.arraycopy(more, 0, all, options.length, more.length);
        return Decoder.of(columns, all);
    }

    private static String record(String... fields) {
        return "{\"type\": \"record\", \"name\": \"Event\", \"fields\": [" + String.join(", ", fields) + "]}";
    }

    private static String field(String name, String type) {
        return "{\"name\": \"" + name + "\", \"type\": " + type + "}";
    }

    private static String logical(String type, String logicalType) {
        return "{\"type\": \"" + type + "\", \"logicalType\": \"" + logicalType + "\"}";
    }

    /** The only column, {@code f}, of a record that is written and read with one type. */
    private GenericRowData one(String type, Object value, DataType column, String... options) throws Exception {
        Schema schema = AvroRecords.parse(record(field("f", type)));
        return decoder(schema, schema.toString(), Decoder.row("f", column), options)
                .row(AvroRecords.encode(
                        ID,
                        schema,
                        new GenericRecordBuilder(schema).set("f", value).build()));
    }

    private static String error(GenericRowData row) {
        assertThat(row.isNullAt(0)).isTrue();
        return row.getString(1).toString();
    }

    private static final String ADDR_1 =
            "{\"type\": \"record\", \"name\": \"Addr\", \"fields\": [" + field("street", "\"string\"") + "]}";
    private static final String ADDR_2 = "{\"type\": \"record\", \"name\": \"Addr\", \"fields\": ["
            + field("street", "\"string\"") + ", {\"name\": \"country\", \"type\": \"string\", \"default\": \"DE\"}]}";

    @Test
    void aRenamedFieldIsFoundByItsAliasAndANewOneHasItsDefault() throws Exception {
        Schema first = AvroRecords.parse(
                record(field("id", "\"long\""), field("at", "\"long\""), field("mail", "\"string\"")));
        String second = record(
                field("id", "\"long\""),
                field("at", "\"long\""),
                "{\"name\": \"email\", \"type\": \"string\", \"aliases\": [\"mail\"]}",
                "{\"name\": \"country\", \"type\": \"string\", \"default\": \"DE\"}",
                "{\"name\": \"tier\", \"type\": \"int\", \"default\": 1}");
        Decoder decoder = decoder(
                first, second, Decoder.row("tier", INT(), "email", STRING(), "country", STRING(), "id", BIGINT()));
        GenericRowData row = decoder.row(AvroRecords.encode(
                ID,
                first,
                new GenericRecordBuilder(first)
                        .set("id", 7L)
                        .set("at", 8L)
                        .set("mail", "a@b.c")
                        .build()));
        assertThat(row.toString()).isEqualTo("+I(1,a@b.c,DE,7,null,null)");
    }

    @Test
    void aNewFieldOfANestedRecordHasItsDefault() throws Exception {
        Schema first = AvroRecords.parse(record(
                field("home", ADDR_1),
                field("all", "{\"type\": \"array\", \"items\": \"Addr\"}"),
                field("named", "{\"type\": \"map\", \"values\": \"Addr\"}")));
        String second = record(
                field("home", ADDR_2),
                field("all", "{\"type\": \"array\", \"items\": \"Addr\"}"),
                field("named", "{\"type\": \"map\", \"values\": \"Addr\"}"));
        DataType address = Decoder.row("street", STRING().notNull(), "country", STRING().notNull());
        Object street = new GenericRecordBuilder(first.getField("home").schema())
                .set("street", "s")
                .build();
        GenericRowData row = decoder(
                        first,
                        second,
                        Decoder.row("home", address, "all", ARRAY(address), "named", MAP(STRING().notNull(), address)))
                .row(AvroRecords.encode(
                        ID,
                        first,
                        new GenericRecordBuilder(first)
                                .set("home", street)
                                .set("all", List.of(street))
                                .set("named", Map.of("k", street))
                                .build()));
        assertThat(row.getRow(0, 2).toString()).isEqualTo("+I(s,DE)");
        assertThat(row.getArray(1).getRow(0, 2).toString()).isEqualTo("+I(s,DE)");
        assertThat(row.getMap(2).valueArray().getRow(0, 2).toString()).isEqualTo("+I(s,DE)");
    }

    @Test
    void aFieldThatARecordLacksAndThatHasNoDefaultIsNamed() throws Exception {
        Schema first = AvroRecords.parse(record(field("id", "\"long\"")));
        Decoder decoder = decoder(
                first,
                record(field("id", "\"long\""), field("email", "\"string\"")),
                Decoder.row("id", BIGINT(), "email", STRING()));
        assertThat(decoder.error(AvroRecords.framed(ID, (byte) 2)))
                .startsWith("UNDECODABLE: ")
                .contains("missing required field email");
    }

    @Test
    void aFieldThatNoColumnAsksForIsNotMissed() throws Exception {
        Schema first = AvroRecords.parse(record(field("id", "\"long\"")));
        Decoder decoder = decoder(
                first, record(field("id", "\"long\""), field("email", "\"string\"")), Decoder.row("id", BIGINT()));
        assertThat(decoder.row(AvroRecords.framed(ID, (byte) 2)).getLong(0)).isEqualTo(1);
    }

    @Test
    void aSymbolThatIsNewIsTheReadersDefaultOrNamed() throws Exception {
        String colour = "{\"type\": \"enum\", \"name\": \"Colour\", \"symbols\": [%s]%s}";
        Schema writer = AvroRecords.parse(record(field("f", String.format(colour, "\"RED\", \"GREEN\"", ""))));
        byte[] green = AvroRecords.framed(ID, (byte) 2);
        DataType columns = Decoder.row("f", STRING());
        String without = record(field("f", String.format(colour, "\"BLUE\", \"RED\"", "")));
        String with = record(field("f", String.format(colour, "\"BLUE\", \"RED\"", ", \"default\": \"BLUE\"")));
        assertThat(decoder(writer, with, columns).row(green).getString(0)).hasToString("BLUE");
        assertThat(decoder(writer, without, columns)
                        .row(AvroRecords.framed(ID, (byte) 0))
                        .getString(0))
                .hasToString("RED");
        assertThat(decoder(writer, without, columns).error(green))
                .isEqualTo("UNDECODABLE: f: found GREEN, expected one of BLUE, RED");
        assertThat(decoder(writer, without, columns).error(AvroRecords.framed(ID, (byte) 4)))
                .startsWith("UNDECODABLE: f: found symbol 2, expected");
    }

    @Test
    void aDefaultThatDoesNotFitConcernsOnlyTheRecordsThatNeedIt() throws Exception {
        String reader = record(field("id", "\"long\""), "{\"name\": \"f\", \"type\": \"int\", \"default\": \"x\"}");
        DataType columns = Decoder.row("id", BIGINT(), "f", INT());
        Schema old = AvroRecords.parse(record(field("id", "\"long\"")));
        Schema current = AvroRecords.parse(record(field("id", "\"long\""), field("f", "\"int\"")));
        assertThat(decoder(old, reader, columns).error(AvroRecords.framed(ID, (byte) 2)))
                .contains("missing required field f");
        assertThat(decoder(current, reader, columns)
                        .row(AvroRecords.framed(ID, (byte) 2, (byte) 4))
                        .getInt(1))
                .isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource({
        "timestamp-millis, 3, 1, 1970-01-01T00:00:00.001",
        "timestamp-micros, 6, 1767225600123456, 2026-01-01T00:00:00.123456",
        "timestamp-micros, 6, -1, 1969-12-31T23:59:59.999999",
        "local-timestamp-millis, 3, -1, 1969-12-31T23:59:59.999",
        "local-timestamp-micros, 6, 1767225600123456, 2026-01-01T00:00:00.123456",
        "timestamp-nanos, 9, 1767225600123456789, 2026-01-01T00:00:00.123456789",
        "timestamp-millis, 3, 253402300799999, 9999-12-31T23:59:59.999",
        "timestamp-millis, 3, -62167219200000, 0000-01-01T00:00",
    })
    void aTimestampHasThePrecisionOfItsLogicalType(String logicalType, int precision, long value, String expected)
            throws Exception {
        GenericRowData row = one(logical("long", logicalType), value, TIMESTAMP(precision));
        assertThat(row.getTimestamp(0, precision).toLocalDateTime()).isEqualTo(LocalDateTime.parse(expected));
        if (!logicalType.startsWith("local-")) {
            GenericRowData instant = one(
                    logical("long", logicalType),
                    value,
                    TIMESTAMP_LTZ(precision),
                    "avro-confluent.timestamp_mapping.legacy",
                    "false");
            assertThat(instant.getTimestamp(0, precision)).isEqualTo(row.getTimestamp(0, precision));
        }
        assertThat(one(logical("long", logicalType), value, BIGINT()).getLong(0))
                .isEqualTo(value);
    }

    @ParameterizedTest
    @CsvSource({
        "timestamp-millis, 253402300800000, +10000-01-01T00:00:00Z",
        "timestamp-millis, 1769850000000000, +58054-",
        "timestamp-millis, -62167219200001, -0001-12-31T23:59:59.999Z",
        "timestamp-millis, 9223372036854775807, +292278994-",
        "local-timestamp-micros, -9223372036854775808, -290308-",
    })
    void aTimestampBeyondTheYearsOfFlinksTypeIsALetter(String logicalType, long value, String found) throws Exception {
        int precision = logicalType.endsWith("millis") ? 3 : 6;
        assertThat(error(one(logical("long", logicalType), value, TIMESTAMP(precision))))
                .startsWith("UNDECODABLE: f: found " + found)
                .endsWith(", expected a time of the years 0000 to 9999");
    }

    @ParameterizedTest
    @CsvSource({"2932897, +10000-01-01", "-719529, -0001-12-31", "2147483647, +5881580-07-11"})
    void aDateBeyondTheYearsOfFlinksTypeIsALetter(int days, String found) throws Exception {
        assertThat(error(one(logical("int", "date"), days, DATE())))
                .isEqualTo("UNDECODABLE: f: found " + found + ", expected a time of the years 0000 to 9999");
        assertThat(one(logical("int", "date"), 2_932_896, DATE()).getInt(0)).isEqualTo(2_932_896);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 86_400_000, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void aTimeOfDayBeyondADayIsALetter(int millis) throws Exception {
        assertThat(error(one(logical("int", "time-millis"), millis, TIME(3))))
                .isEqualTo("UNDECODABLE: f: found " + millis + " ms, expected a time of day, 0 to 86399999 ms");
        assertThat(one(logical("int", "time-millis"), 86_399_999, TIME(3)).getInt(0))
                .isEqualTo(86_399_999);
    }

    @ParameterizedTest
    @CsvSource({"99999, true", "-99999, true", "100000, false", "-100000, false", "99999999999999999999999, false"})
    void aDecimalBeyondItsPrecisionIsALetter(BigInteger unscaled, boolean fits) throws Exception {
        String type = "{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 5, \"scale\": 2}";
        GenericRowData row = one(type, ByteBuffer.wrap(unscaled.toByteArray()), DECIMAL(5, 2));
        if (fits) {
            assertThat(row.getDecimal(0, 5, 2).toBigDecimal()).isEqualTo(new BigDecimal(unscaled, 2));
        } else {
            assertThat(error(row))
                    .isEqualTo("UNDECODABLE: f: found " + unscaled
                            + "E-2, expected at most 5 digits, 2 of them after the point");
        }
        assertThat(error(one(type, ByteBuffer.allocate(0), DECIMAL(5, 2)))).contains("f: found no bytes");
    }

    @Test
    void aDecimalOfAnotherScaleIsALetterAndOfAnotherPrecisionANumber() throws Exception {
        String type = "{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": %d, \"scale\": %d}";
        String reader = record(field("f", String.format(type, 5, 2)));
        byte[] hundred = AvroRecords.framed(ID, (byte) 2, (byte) 100);
        Schema finer = AvroRecords.parse(record(field("f", String.format(type, 5, 3))));
        Schema wider = AvroRecords.parse(record(field("f", String.format(type, 9, 2))));
        DataType columns = Decoder.row("f", DECIMAL(5, 2));
        assertThat(decoder(finer, reader, columns).error(hundred))
                .isEqualTo("UNDECODABLE: f: found a decimal of scale 3, expected a decimal of scale 2");
        assertThat(decoder(wider, reader, columns).row(hundred).getDecimal(0, 5, 2))
                .hasToString("1.00");
    }

    @Test
    void aFixedIsBytesOrADecimal() throws Exception {
        String fixed = "{\"type\": \"fixed\", \"name\": \"F\", \"size\": 2%s}";
        String decimal = ", \"logicalType\": \"decimal\", \"precision\": 4, \"scale\": 1";
        Schema schema = AvroRecords.parse(record(field("f", String.format(fixed, ""))));
        GenericData.Fixed value = new GenericData.Fixed(schema.getField("f").schema(), new byte[] {1, 2});
        assertThat(one(String.format(fixed, ""), value, VARBINARY(2)).getBinary(0))
                .containsExactly(1, 2);
        assertThat(one(String.format(fixed, decimal), value, DECIMAL(4, 1)).getDecimal(0, 4, 1))
                .hasToString("25.8");
    }

    @Test
    void textThatIsNotUtf8IsALetter() throws Exception {
        Utf8 broken = new Utf8(new byte[] {'a', (byte) 0xc3, 'b'});
        assertThat(error(one("\"string\"", broken, STRING())))
                .isEqualTo("UNDECODABLE: f: found bytes that are not UTF-8, expected text");
        assertThat(one("\"bytes\"", ByteBuffer.wrap(broken.getBytes()), BYTES()).getBinary(0))
                .isEqualTo(broken.getBytes());
    }

    @Test
    void aColumnsOwnLengthIsKept() throws Exception {
        assertThat(one("\"string\"", "zażół", VARCHAR(5)).getString(0)).hasToString("zażół");
        assertThat(error(one("\"string\"", "zażółć", VARCHAR(5))))
                .isEqualTo("UNDECODABLE: f: found 6 characters, expected at most 5 characters");
    }

    @Test
    void aNumberThatANarrowerColumnCannotHoldIsALetter() throws Exception {
        Schema writer = AvroRecords.parse(record(field("f", "\"int\"")));
        registry.register(ID, writer.toString());
        Decoder decoder = Decoder.of(
                Decoder.row("f", SMALLINT()), "format", "avro-confluent", "avro-confluent.url", registry.url());
        assertThat(decoder.error(AvroRecords.framed(ID, (byte) 0x80, (byte) 0x80, (byte) 4)))
                .isEqualTo("UNDECODABLE: f: found 32768, expected -32768 to 32767");
    }

    @Test
    void aValueDeepInARecordIsNamed() throws Exception {
        String cpus = "{\"type\": \"array\", \"items\": {\"type\": \"map\", \"values\": {\"type\": \"record\","
                + " \"name\": \"T\", \"fields\": [" + field("at", logical("int", "time-millis")) + "]}}}";
        Schema schema = AvroRecords.parse(record(field("list", cpus)));
        Schema time = schema.getField("list").schema().getElementType().getValueType();
        Object late = new GenericRecordBuilder(time).set("at", -5).build();
        Decoder decoder = decoder(
                schema, schema.toString(), Decoder.row("list", ARRAY(MAP(STRING(), Decoder.row("at", TIME(3))))));
        GenericRecordBuilder event = new GenericRecordBuilder(schema).set("list", List.of(Map.of(), Map.of("k", late)));
        assertThat(decoder.error(AvroRecords.encode(ID, schema, event.build())))
                .startsWith("UNDECODABLE: list[1]{k}.at: found -5 ms");
    }

    @Test
    void aBranchOfAUnionThatTheReaderLacksConcernsOnlyTheRecordsThatTakeIt() throws Exception {
        Schema writer = AvroRecords.parse(record(field("f", "[\"null\", \"string\", \"int\"]")));
        Decoder decoder = decoder(writer, record(field("f", "[\"null\", \"long\"]")), Decoder.row("f", BIGINT()));
        assertThat(decoder.row(AvroRecords.framed(ID, (byte) 4, (byte) 6)).getLong(0))
                .isEqualTo(3);
        assertThat(decoder.row(AvroRecords.framed(ID, (byte) 0)).isNullAt(0)).isTrue();
        assertThat(decoder.error(AvroRecords.framed(ID, (byte) 2, (byte) 2, (byte) 'a')))
                .startsWith("UNDECODABLE: f: ");
        assertThat(decoder.error(AvroRecords.framed(ID, (byte) 6)))
                .isEqualTo("UNDECODABLE: f: found branch 3, expected a union of 3 types");
    }

    @Test
    void aSchemaThatRefersToOthersIsResolved() throws Exception {
        registry.registerVersion("addr-value", 3, 40, ADDR_1);
        String event = record(field("home", "\"Addr\""));
        registry.registerWithReference(ID, event, "Addr", "addr-value", 3);
        Decoder decoder = Decoder.of(
                Decoder.row("home", ROW(org.apache.flink.table.api.DataTypes.FIELD("street", STRING()))),
                "format",
                "avro-confluent",
                "avro-confluent.url",
                registry.url());
        assertThat(decoder.row(AvroRecords.framed(ID, (byte) 2, (byte) 's'))
                        .getRow(0, 1)
                        .getString(0))
                .hasToString("s");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "[\"null\", \"int\", \"long\"] | Column 'f' is BIGINT, expected a type for Avro's [\"null\",\"int\",\"long\"].",
                "\"string\" | Column 'f' is BIGINT, expected a type for Avro's string.",
                "{\"type\": \"array\", \"items\": \"long\"} | Column 'f' is BIGINT, expected a type for Avro's array.",
                "[\"null\", {\"type\": \"int\", \"logicalType\": \"date\"}] | Column 'f' is BIGINT, expected a type for Avro's date.",
            })
    void aSchemaThatDoesNotFitTheColumnsIsRefusedBeforeAJobStarts(String type, String message) {
        Schema schema = AvroRecords.parse(record(field("f", type)));
        assertThatThrownBy(() -> decoder(schema, schema.toString(), Decoder.row("f", BIGINT())))
                .isInstanceOf(ValidationException.class)
                .hasMessage(message);
    }

    @Test
    void aSchemaThatContainsItselfIsRefusedWithThePlace() {
        String tree = "{\"type\": \"record\", \"name\": \"Tree\", \"fields\": [" + field("next", "[\"null\", \"Tree\"]")
                + "]}";
        Schema schema = AvroRecords.parse(record(field("root", tree)));
        DataType column = Decoder.row("root", Decoder.row("next", Decoder.row("next", STRING())));
        assertThatThrownBy(() -> decoder(schema, schema.toString(), column))
                .isInstanceOf(ValidationException.class)
                .hasMessage("Column 'root.next.next' is STRING, expected a type for Avro's record.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"string\" | Option 'schema' is of type string, expected a record.",
                "{\"type\": \"recor\"} | Option 'schema' is not an Avro schema: .*",
                "nonsense | Option 'schema' is not an Avro schema: .*",
            })
    void aSchemaThatIsNoneIsRefused(String text, String message) {
        Schema writer = AvroRecords.parse(record(field("f", "\"long\"")));
        assertThatThrownBy(() -> decoder(writer, text, Decoder.row("f", BIGINT())))
                .isInstanceOf(ValidationException.class)
                .hasMessageMatching("(?s)" + message);
    }
}

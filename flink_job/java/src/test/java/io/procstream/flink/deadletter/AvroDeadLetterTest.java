package io.procstream.flink.deadletter;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.apache.flink.table.api.DataTypes.ARRAY;
import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.apache.flink.table.api.DataTypes.BOOLEAN;
import static org.apache.flink.table.api.DataTypes.BYTES;
import static org.apache.flink.table.api.DataTypes.DATE;
import static org.apache.flink.table.api.DataTypes.DECIMAL;
import static org.apache.flink.table.api.DataTypes.DOUBLE;
import static org.apache.flink.table.api.DataTypes.FLOAT;
import static org.apache.flink.table.api.DataTypes.INT;
import static org.apache.flink.table.api.DataTypes.MAP;
import static org.apache.flink.table.api.DataTypes.SMALLINT;
import static org.apache.flink.table.api.DataTypes.STRING;
import static org.apache.flink.table.api.DataTypes.TIME;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP_LTZ;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecordBuilder;
import org.apache.flink.formats.avro.AvroRowDataDeserializationSchema;
import org.apache.flink.formats.avro.AvroToRowDataConverters;
import org.apache.flink.formats.avro.registry.confluent.ConfluentRegistryAvroDeserializationSchema;
import org.apache.flink.formats.avro.typeutils.AvroSchemaConverter;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.Collector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class AvroDeadLetterTest {
    private static final int ID = 7;
    private static final Schema WRITER = AvroRecords.parse(
            """
            {"type": "record", "name": "Event", "fields": [
              {"name": "id", "type": "long"},
              {"name": "host", "type": "string"},
              {"name": "ts", "type": {"type": "long", "logicalType": "timestamp-millis"}},
              {"name": "value", "type": ["null", "double"], "default": null}]}""");
    private static final DataType TABLE =
            Decoder.row("id", BIGINT(), "host", STRING(), "ts", TIMESTAMP(3), "value", DOUBLE());

    private StubRegistry registry;

    @BeforeEach
    void startRegistry() throws Exception {
        registry = new StubRegistry();
        registry.register(ID, WRITER.toString());
    }

    @AfterEach
    void stopRegistry() {
        registry.close();
    }

    private Decoder decoder(DataType table, String... more) throws Exception {
        return Decoder.of(table, options(more));
    }

    private String[] options(String... more) {
        String[] options = {"format", "avro-confluent", "avro-confluent.url", registry.url()};
        String[] all = Arrays.copyOf(options, options.length + more.length);
        System.arraycopy(more, 0, all, options.length, more.length);
        return all;
    }

    private static byte[] good(long id) throws Exception {
        return AvroRecords.encode(
                ID,
                WRITER,
                new GenericRecordBuilder(WRITER)
                        .set("id", id)
                        .set("host", "host " + id)
                        .set("ts", 1_767_225_600_123L)
                        .set("value", id / 2.0)
                        .build());
    }

    private static void assertGood(GenericRowData row, long id) {
        assertThat(row.getLong(0)).isEqualTo(id);
        assertThat(row.getString(1)).hasToString("host " + id);
        assertThat(row.getTimestamp(2, 3).toString()).isEqualTo("2026-01-01T00:00:00.123");
        assertThat(row.getDouble(3)).isEqualTo(id / 2.0);
        assertThat(row.isNullAt(4)).as("error").isTrue();
        assertThat(row.isNullAt(5)).as("raw").isTrue();
    }

    @Test
    void aGoodRecordIsARowWithoutError() throws Exception {
        Decoder decoder = decoder(TABLE);
        assertGood(decoder.row(good(1)), 1);
        assertThat(decoder.deadLetters()).isZero();
    }

    @Test
    void aTombstoneIsALetterWithoutBytes() throws Exception {
        assertThat(decoder(TABLE).error(null)).isEqualTo("TOMBSTONE: the record's value is null");
    }

    @Test
    void aWrongMagicByteIsNamed() throws Exception {
        assertThat(decoder(TABLE).error("{\"id\": 1}".getBytes(UTF_8)))
                .isEqualTo("WRONG_MAGIC_BYTE: expected 0, found 0x7b");
        assertThat(decoder(TABLE).error(new byte[] {(byte) 0xff})).endsWith("found 0xff");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4})
    void aRecordShorterThanItsHeaderIsTruncated(int length) throws Exception {
        assertThat(decoder(TABLE).error(new byte[length])).startsWith("TRUNCATED: " + length + " bytes, expected");
    }

    @Test
    void everyPrefixOfARecordIsTruncated() throws Exception {
        Decoder decoder = decoder(TABLE);
        byte[] whole = good(1);
        for (int length = 5; length < whole.length; length++) {
            assertThat(decoder.error(Arrays.copyOf(whole, length))).startsWith("TRUNCATED: ");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 1000})
    void bytesAfterTheRecordAreCounted(int more) throws Exception {
        byte[] whole = good(1);
        assertThat(decoder(TABLE).error(Arrays.copyOf(whole, whole.length + more)))
                .isEqualTo("TRAILING_BYTES: " + more + " bytes after the record");
    }

    @Test
    void anIdTheRegistryDoesNotKnowIsTheRecordsFaultAndAskedForOnce() throws Exception {
        Decoder decoder = decoder(TABLE);
        for (int i = 0; i < 3; i++) {
            assertThat(decoder.error(AvroRecords.framed(4711, (byte) 2)))
                    .isEqualTo("UNKNOWN_SCHEMA_ID: 4711 is not the id of a schema in the registry");
        }
        assertThat(registry.requestsFor(4711)).isEqualTo(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, -1, Integer.MIN_VALUE})
    void anIdThatNoRegistryGivesIsNotAskedFor(int id) throws Exception {
        assertThat(decoder(TABLE).error(AvroRecords.framed(id))).startsWith("UNKNOWN_SCHEMA_ID: " + id);
        assertThat(registry.requests()).isZero();
    }

    @Test
    void aSchemaThatIsNotAvroIsTheRecordsFault() throws Exception {
        registry.registerOfType(8, "JSON", "{\"type\": \"object\"}");
        assertThat(decoder(TABLE).error(AvroRecords.framed(8, (byte) 2)))
                .isEqualTo("UNDECODABLE: the registry's schema 8 is not an Avro schema");
    }

    @Test
    void goodRecordsAmongAllKindsOfBadOnesAreDecoded() throws Exception {
        Decoder decoder = decoder(TABLE);
        byte[] whole = good(0);
        List<byte[]> bad = List.of(
                "garbage, and a good deal of it".getBytes(UTF_8),
                Arrays.copyOf(whole, whole.length - 1),
                Arrays.copyOf(whole, 7),
                Arrays.copyOf(whole, whole.length + 40),
                AvroRecords.framed(4711, whole),
                AvroRecords.framed(ID, (byte) 2, (byte) 0x81, (byte) 0x80, (byte) 0x80, (byte) 0x80, (byte) 0x0f),
                new byte[0]);
        for (int i = 0; i < 20 * bad.size(); i++) {
            assertThat(decoder.error(bad.get(i % bad.size()))).isNotNull();
            assertGood(decoder.row(good(i)), i);
        }
        assertThat(decoder.deadLetters()).isEqualTo(20L * bad.size());
    }

    @Test
    void noGarbageFailsTheJobOrHarmsTheNextRecord() throws Exception {
        Decoder decoder = decoder(TABLE);
        Random random = new Random(42);
        for (int i = 0; i < 5_000; i++) {
            byte[] garbage = new byte[5 + random.nextInt(60)];
            random.nextBytes(garbage);
            ByteBuffer.wrap(garbage).put((byte) 0).putInt(ID);
            decoder.decode(garbage);
            assertGood(decoder.row(good(i)), i);
        }
        assertThat(decoder.deadLetters()).isGreaterThan(4_000);
    }

    @Test
    void aLengthOfGigabytesIsUndecodable() throws Exception {
        Decoder decoder = decoder(Decoder.row("id", BIGINT(), "host", STRING()));
        byte[] length = {(byte) 0xfe, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x0f}; // 2^31 - 1, zigzag
        byte[] body = ByteBuffer.allocate(6).put((byte) 2).put(length).array();
        assertThat(decoder.error(AvroRecords.framed(ID, body))).matches("(UNDECODABLE|TRUNCATED): .+");
        byte[] negative = {2, 3};
        assertThat(decoder.error(AvroRecords.framed(ID, negative))).startsWith("UNDECODABLE: ");
    }

    @Test
    void columnsPairWithTheWritersFieldsByName() throws Exception {
        Decoder decoder = decoder(Decoder.row("absent", STRING(), "value", DOUBLE(), "id", BIGINT()));
        GenericRowData row = decoder.row(good(4));
        assertThat(row.isNullAt(0)).isTrue();
        assertThat(row.getDouble(1)).isEqualTo(2.0);
        assertThat(row.getLong(2)).isEqualTo(4);
    }

    @Test
    void recordsOfTwoSchemaVersionsMayAlternate() throws Exception {
        Schema second = AvroRecords.parse(
                """
                {"type": "record", "name": "Event", "fields": [
                  {"name": "zone", "type": "string"},
                  {"name": "id", "type": "int"}]}""");
        registry.register(8, second.toString());
        Decoder decoder = decoder(Decoder.row("id", BIGINT(), "zone", STRING()));
        byte[] newer = AvroRecords.encode(
                8,
                second,
                new GenericRecordBuilder(second).set("zone", "z").set("id", 5).build());
        for (int i = 0; i < 10; i++) {
            assertThat(decoder.row(good(i)).getLong(0)).isEqualTo(i);
            assertThat(decoder.row(newer))
                    .isEqualTo(GenericRowData.of(5L, decoder.row(newer).getString(1), null, null));
        }
        assertThat(registry.requests()).isEqualTo(2);
    }

    @Test
    void aFieldOfAnotherTypeThanItsColumnIsUndecodableAndNamed() throws Exception {
        assertThat(decoder(Decoder.row("host", BIGINT())).error(good(1)))
                .startsWith("UNDECODABLE: ")
                .contains("string");
    }

    @Test
    void nestedRowsArraysMapsAndBytesAreDecoded() throws Exception {
        Schema writer = AvroRecords.parse(
                """
                {"type": "record", "name": "Snapshot", "fields": [
                  {"name": "cpus", "type": {"type": "array", "items": {"type": "record", "name": "Cpu", "fields": [
                     {"name": "cpu", "type": "string"}, {"name": "user", "type": "long"}]}}},
                  {"name": "labels", "type": {"type": "map", "values": "int"}},
                  {"name": "blob", "type": "bytes"}]}""");
        Schema cpu = writer.getField("cpus").schema().getElementType();
        registry.register(9, writer.toString());
        Decoder decoder = decoder(Decoder.row(
                "cpus",
                ARRAY(Decoder.row("user", BIGINT(), "cpu", STRING(), "steal", BIGINT())),
                "labels",
                MAP(STRING(), INT()),
                "blob",
                BYTES()));
        for (long ticks = 1; ticks < 4; ticks++) {
            GenericRowData row = decoder.row(AvroRecords.encode(
                    9,
                    writer,
                    new GenericRecordBuilder(writer)
                            .set(
                                    "cpus",
                                    List.of(
                                            new GenericRecordBuilder(cpu)
                                                    .set("cpu", "cpu")
                                                    .set("user", ticks)
                                                    .build(),
                                            new GenericRecordBuilder(cpu)
                                                    .set("cpu", "cpu0")
                                                    .set("user", 2 * ticks)
                                                    .build()))
                            .set("labels", Map.of("a", 1))
                            .set("blob", ByteBuffer.wrap(new byte[] {1, 2}))
                            .build()));
            RowData second = row.getArray(0).getRow(1, 3);
            assertThat(row.getArray(0).size()).isEqualTo(2);
            assertThat(second.getLong(0)).isEqualTo(2 * ticks);
            assertThat(second.getString(1)).hasToString("cpu0");
            assertThat(second.isNullAt(2)).isTrue();
            assertThat(row.getMap(1).size()).isEqualTo(1);
            assertThat(row.getBinary(2)).containsExactly(1, 2);
        }
    }

    private static final String RECORD = "{\"type\": \"record\", \"name\": \"R\", \"fields\": [%s]}";

    /** A field as its writer declares it, a value, and the column that reads it. */
    static Stream<Arguments> fields() {
        return Stream.of(
                Arguments.of("\"boolean\"", true, BOOLEAN()),
                Arguments.of("\"int\"", -3, INT()),
                Arguments.of("\"int\"", 3, BIGINT()),
                Arguments.of("\"int\"", 3, DOUBLE()),
                Arguments.of("\"int\"", 3, SMALLINT()),
                Arguments.of("\"long\"", Long.MIN_VALUE, BIGINT()),
                Arguments.of("\"long\"", 3L, FLOAT()),
                Arguments.of("\"float\"", 1.5f, DOUBLE()),
                Arguments.of("\"string\"", "zażółć", STRING()),
                Arguments.of("\"string\"", "ab", BYTES()),
                Arguments.of("\"bytes\"", ByteBuffer.wrap("ab".getBytes(UTF_8)), STRING()),
                Arguments.of("[\"null\", \"long\"]", null, BIGINT()),
                Arguments.of("[\"long\", \"null\"]", 5L, BIGINT()),
                Arguments.of("[\"null\", \"int\", \"long\"]", 5L, BIGINT()),
                Arguments.of("{\"type\": \"int\", \"logicalType\": \"date\"}", 20_000, DATE()),
                Arguments.of("{\"type\": \"int\", \"logicalType\": \"time-millis\"}", 3_600_000, TIME(3)),
                Arguments.of("{\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}", 17L, TIMESTAMP(3)),
                Arguments.of(
                        "{\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 5, \"scale\": 2}",
                        ByteBuffer.wrap(new byte[] {1, 2}),
                        DECIMAL(5, 2)),
                Arguments.of("{\"type\": \"array\", \"items\": \"int\"}", List.of(1, 2), ARRAY(BIGINT())),
                Arguments.of("{\"type\": \"array\", \"items\": [\"null\", \"int\"]}", List.of(), ARRAY(INT())),
                Arguments.of("{\"type\": \"map\", \"values\": \"int\"}", Map.of("k", 1), MAP(STRING(), INT())));
    }

    @ParameterizedTest
    @MethodSource("fields")
    void aRecordIsReadAsByFlinksOwnFormat(String field, Object value, DataType column) throws Exception {
        Schema writer = AvroRecords.parse(String.format(
                RECORD, "{\"name\": \"skipped\", \"type\": \"string\"}, {\"name\": \"f\", \"type\": " + field + "}"));
        registry.register(9, writer.toString());
        GenericRecordBuilder record =
                new GenericRecordBuilder(writer).set("skipped", "x").set("f", value);
        byte[] message = AvroRecords.encode(9, writer, record.build());
        RowType table = (RowType)
                Decoder.row("f", column, "absent", STRING()).getLogicalType().copy(false);
        RowData expected = new AvroRowDataDeserializationSchema(
                        ConfluentRegistryAvroDeserializationSchema.forGeneric(
                                AvroSchemaConverter.convertToSchema(table), registry.url()),
                        AvroToRowDataConverters.createRowConverter(table),
                        InternalTypeInfo.of(table))
                .deserialize(message);

        Decoder decoder = decoder(Decoder.row("f", column, "absent", STRING()));
        for (int i = 0; i < 2; i++) {
            GenericRowData row = decoder.row(message);
            assertThat(row.isNullAt(2)).as("error %s", row.getField(2)).isTrue();
            assertThat(row.getField(0)).isEqualTo(((GenericRowData) expected).getField(0));
            assertThat(row.isNullAt(1)).isTrue();
        }
    }

    @Test
    void aTimestampIsAnInstantIfFlinksLegacyMappingIsOff() throws Exception {
        DataType table = Decoder.row("ts", TIMESTAMP_LTZ(3));
        Decoder decoder = decoder(table, "avro-confluent.timestamp_mapping.legacy", "false");
        assertThat(decoder.row(good(1)).getTimestamp(0, 3).getMillisecond()).isEqualTo(1_767_225_600_123L);
        assertThatThrownBy(() -> decoder(table)).isInstanceOf(UnsupportedOperationException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"timestamp-micros", "timestamp-nanos", "local-timestamp-micros"})
    void aTimestampOfAnotherUnitIsNotReadAsMilliseconds(String logicalType) throws Exception {
        String time = "{\"type\": \"long\", \"logicalType\": \"" + logicalType + "\"}";
        Schema flat = AvroRecords.parse(String.format(RECORD, "{\"name\": \"ts\", \"type\": " + time + "}"));
        Schema deep = AvroRecords.parse(String.format(
                RECORD,
                "{\"name\": \"a\", \"type\": {\"type\": \"array\", \"items\": "
                        + flat.toString().replace("\"R\"", "\"I\"") + "}}"));
        registry.register(9, flat.toString());
        registry.register(10, deep.toString());
        String expected = "ts: found " + logicalType.replace("local-", "") + ", expected timestamp-millis";
        assertThat(decoder(Decoder.row("ts", TIMESTAMP(3))).error(AvroRecords.framed(9, (byte) 2)))
                .isEqualTo("UNDECODABLE: " + expected);
        Decoder nested = decoder(Decoder.row("a", ARRAY(Decoder.row("ts", TIMESTAMP(3)))));
        assertThat(nested.error(AvroRecords.framed(10, (byte) 2, (byte) 2, (byte) 0)))
                .isEqualTo("UNDECODABLE: a[0]." + expected);
        assertThat(nested.row(AvroRecords.framed(10, (byte) 0)).getArray(0).size())
                .as("without a value there is nothing wrong")
                .isZero();
        assertThat(decoder(Decoder.row("ts", BIGINT()))
                        .row(AvroRecords.framed(9, (byte) 2))
                        .getLong(0))
                .isEqualTo(1);
    }

    @Test
    void aColumnOfMicrosecondsReadsMicroseconds() throws Exception {
        Schema micros = AvroRecords.parse(String.format(
                RECORD, "{\"name\": \"ts\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}}"));
        registry.register(9, micros.toString());
        Decoder decoder =
                decoder(Decoder.row("ts", TIMESTAMP_LTZ(6)), "avro-confluent.timestamp_mapping.legacy", "false");
        assertThat(decoder.row(AvroRecords.framed(9, (byte) 3)).getTimestamp(0, 6))
                .hasToString("1969-12-31T23:59:59.999998");
    }

    @Test
    void rowsGivenEarlierDoNotChangeWithTheNextRecord() throws Exception {
        Decoder decoder = decoder(TABLE);
        GenericRowData first = decoder.row(good(1));
        GenericRowData letter = decoder.row(new byte[] {9});
        decoder.row(good(2));
        decoder.row(new byte[] {8});
        assertGood(first, 1);
        assertThat((byte[]) letter.getField(5)).containsExactly(9);
    }

    @Test
    void aFailureOfTheOperatorBehindIsNotABadRecord() throws Exception {
        Decoder decoder = decoder(TABLE);
        Collector<RowData> failing = new Collector<>() {
            @Override
            public void collect(RowData row) {
                throw new IllegalStateException("sink is full");
            }

            @Override
            public void close() {}
        };
        assertThatThrownBy(() -> decoder.decode(good(1), failing)).hasMessage("sink is full");
        assertThat(decoder.deadLetters()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"error, 1", "raw, 1"})
    void aTableMayReadOnlyOneOfTheTwo(String key, int index) throws Exception {
        Decoder decoder = Decoder.of(List.of(key), Decoder.row("id", BIGINT()), options());
        GenericRowData letter = decoder.row(new byte[] {1});
        assertThat(letter.getArity()).isEqualTo(2);
        assertThat(letter.isNullAt(index)).isFalse();
        assertThat(decoder.row(good(3)).getLong(0)).isEqualTo(3);
    }

    @Test
    void aColumnThatMustNotBeNullIsRefused() {
        assertThatThrownBy(() -> decoder(Decoder.row("id", BIGINT().notNull())))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("Column 'id' is NOT NULL");
    }

    @Test
    void optionsAreChecked() {
        assertThatThrownBy(() -> decoder(TABLE, "avro-confluent.subjekt", "x"))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("Unsupported options found for 'avro-confluent'")
                .hasMessageContaining("subjekt");
        assertThatThrownBy(() -> decoder(TABLE, "avro-confluent.url.x", "x")).isInstanceOf(ValidationException.class);
        assertThatThrownBy(() -> Decoder.of(TABLE, "format", "avro-confluent"))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("url");
        assertThatThrownBy(() -> Decoder.of(TABLE)).isInstanceOf(ValidationException.class);
        assertThatThrownBy(() -> Decoder.of(TABLE, "format", "avro"))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("'avro' cannot be wrapped");
    }

    @Test
    void optionsOfTheRegistryClientPass() throws Exception {
        Decoder decoder = decoder(
                TABLE,
                "avro-confluent.basic-auth.credentials-source",
                "USER_INFO",
                "avro-confluent.basic-auth.user-info",
                "user:secret",
                "avro-confluent.subject",
                "events-value",
                "avro-confluent.properties.http.read.timeout.ms",
                "5000");
        assertGood(decoder.row(good(1)), 1);
    }

    private static final String COLOURED =
            """
            {"type": "record", "name": "Event", "fields": [
              {"name": "id", "type": ["null", "long"]},
              {"name": "colour", "type": ["null",
                {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}]}]}""";

    @Test
    void anEnumIsReadAsTextByAGivenSchema() throws Exception {
        Schema writer = AvroRecords.parse(COLOURED);
        Schema colour = writer.getField("colour").schema().getTypes().get(1);
        registry.register(8, writer.toString());
        Decoder decoder = decoder(Decoder.row("id", BIGINT(), "colour", STRING()), "avro-confluent.schema", COLOURED);
        GenericRecordBuilder event = new GenericRecordBuilder(writer)
                .set("id", 5L)
                .set("colour", new GenericData.EnumSymbol(colour, "BLUE"));
        GenericRowData row = decoder.row(AvroRecords.encode(8, writer, event.build()));
        assertThat(row.getLong(0)).isEqualTo(5);
        assertThat(row.getString(1)).hasToString("BLUE");
    }

    @Test
    void aGivenSchemaMustHaveTheColumns() {
        assertThatThrownBy(() -> decoder(TABLE, "avro-confluent.schema", COLOURED))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("expected the columns");
    }
}

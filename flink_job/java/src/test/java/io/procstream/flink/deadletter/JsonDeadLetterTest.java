package io.procstream.flink.deadletter;

import static org.apache.flink.table.api.DataTypes.ARRAY;
import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.apache.flink.table.api.DataTypes.BOOLEAN;
import static org.apache.flink.table.api.DataTypes.BYTES;
import static org.apache.flink.table.api.DataTypes.DATE;
import static org.apache.flink.table.api.DataTypes.DECIMAL;
import static org.apache.flink.table.api.DataTypes.DOUBLE;
import static org.apache.flink.table.api.DataTypes.INT;
import static org.apache.flink.table.api.DataTypes.MAP;
import static org.apache.flink.table.api.DataTypes.STRING;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP;
import static org.apache.flink.table.api.DataTypes.TIMESTAMP_LTZ;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.formats.common.TimestampFormat;
import org.apache.flink.formats.json.JsonParserRowDataDeserializationSchema;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonDeadLetterTest {
    private static final DataType TABLE = Decoder.row("id", BIGINT(), "name", STRING());

    private static byte[] json(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    void goodDocumentsAmongBadOnesAreDecoded() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json");
        for (long id = 0; id < 10; id++) {
            assertThat(decoder.error(json("{\"id\": "))).startsWith("TRUNCATED: ");
            assertThat(decoder.error(json("no json")))
                    .isEqualTo("UNDECODABLE: no JSON at byte 3: Unrecognized token 'no': was"
                            + " expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')");
            assertThat(decoder.error(json("{\"id\": \"x\"}")))
                    .startsWith("UNDECODABLE: id: found \"x\", expected a whole number");
            GenericRowData row = decoder.row(json("{\"id\": " + id + ", \"name\": \"n\"}"));
            assertThat(row.getLong(0)).isEqualTo(id);
            assertThat(row.isNullAt(2)).isTrue();
        }
        assertThat(decoder.deadLetters()).isEqualTo(30);
    }

    @Test
    void aTombstoneIsALetter() throws Exception {
        assertThat(Decoder.of(TABLE, "format", "json").error(null)).startsWith("TOMBSTONE: ");
    }

    @Test
    void anErrorIsOneLineOfLimitedLength() throws Exception {
        String error = Decoder.of(TABLE, "format", "json").error(json("\"" + "x\\n".repeat(5_000)));
        assertThat(error).hasSizeLessThan(600).doesNotContain("\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"id\": 2}", "x", "}", ",", "\0", "{", "1", "null"})
    void textAfterTheDocumentIsNotDroppedSilently(String more) throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json");
        assertThat(decoder.error(json("{\"id\": 1}" + more))).isEqualTo("TRAILING_BYTES: text after the JSON object");
        assertThat(decoder.error(json("{\"id\": 1, \"name\": \"n\", \"more\": [{}]}\n" + more)))
                .isEqualTo("TRAILING_BYTES: text after the JSON object");
    }

    @Test
    void whiteSpaceAroundTheDocumentIsNothing() throws Exception {
        GenericRowData row = Decoder.of(TABLE, "format", "json").row(json("\r\n {\"id\": 1} \t\r\n"));
        assertThat(row.getLong(0)).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''              | TRUNCATED: the value is empty, expected a JSON object",
                "' '             | TRUNCATED: the value is empty, expected a JSON object",
                "{               | TRUNCATED: the JSON object does not end within 1 bytes",
                "{\"name\": \"n    | TRUNCATED: the JSON object does not end within 11 bytes",
                "{\"id\": 1       | TRUNCATED: the JSON object does not end within 8 bytes",
                "null            | UNDECODABLE: found null, expected a JSON object",
                "true            | UNDECODABLE: found true, expected a JSON object",
                "17              | UNDECODABLE: found a number, expected a JSON object",
                "1.5             | UNDECODABLE: found a number, expected a JSON object",
                "\"text\"          | UNDECODABLE: found a string, expected a JSON object",
                "[]              | UNDECODABLE: found an array, expected a JSON object",
                "[{\"id\": 1}]     | UNDECODABLE: found an array, expected a JSON object",
                "[null]          | UNDECODABLE: found an array, expected a JSON object",
            })
    void whatIsNoObjectIsALetter(String text, String error) throws Exception {
        assertThat(Decoder.of(TABLE, "format", "json").error(json(text))).isEqualTo(error);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"id\": \"x\"",
                "\"id\": true",
                "\"id\": [1]",
                "\"id\": {}",
                "\"id\": 99999999999999999999",
                "\"id\": 1e30",
                "\"at\": 17",
                "\"at\": \"2026-01-01\"",
                "\"list\": 1",
                "\"list\": {}",
                "\"nested\": \"x\"",
                "\"nested\": []",
            })
    void aValueOfAnotherTypeIsALetter(String field) throws Exception {
        Decoder decoder = Decoder.of(
                Decoder.row(
                        "id", BIGINT(),
                        "at", TIMESTAMP_LTZ(3),
                        "list", ARRAY(STRING()),
                        "nested", Decoder.row("x", BIGINT())),
                "format",
                "json");
        String name = field.substring(1, field.indexOf('"', 1));
        assertThat(decoder.error(json("{" + field + "}"))).startsWith("UNDECODABLE: " + name + ": found ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"name", "unknown"})
    void nestingWithoutEndIsALetter(String field) throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json");
        for (String open : List.of("[", "{\"a\":")) {
            String value = open.repeat(10_000);
            assertThat(decoder.error(json("{\"" + field + "\": " + value)))
                    .startsWith("UNDECODABLE: values nest more than 1000 deep at byte ");
        }
        assertThat(decoder.error(json("[".repeat(10_000)))).contains("found an array");
        assertThat(decoder.row(json("{\"id\": 1}")).getLong(0)).isEqualTo(1);
    }

    @Test
    void aRecordIsReadAsByFlinksOwnFormat() throws Exception {
        DataType table = Decoder.row(
                "b", BOOLEAN(),
                "i", INT(),
                "d", DOUBLE(),
                "c", DECIMAL(10, 2),
                "text", STRING(),
                "at", TIMESTAMP_LTZ(3),
                "local", TIMESTAMP(3),
                "day", DATE(),
                "bytes", BYTES(),
                "list", ARRAY(STRING()),
                "map", MAP(STRING(), INT()),
                "nested", Decoder.row("x", BIGINT(), "y", STRING()),
                "absent", STRING());
        byte[] message = json(
                """
                {"unknown": {"b": [1, {"i": 2}]}, "b": true, "i": -3, "d": 1e3, "c": 12.34, "text": {"k":["1"]},
                 "at": "2026-01-01T00:00:00.123Z", "local": "2026-01-01T00:00:00.123", "day": "2026-01-01",
                 "bytes": "AAEC", "list": ["zażółć", null], "map": {"k": 1}, "nested": {"z": 1, "x": 5}, "more": []}""");
        RowType type = (RowType) table.getLogicalType();
        DeserializationSchema<RowData> flinks = new JsonParserRowDataDeserializationSchema(
                type, InternalTypeInfo.of(type), false, false, TimestampFormat.ISO_8601);
        flinks.open(null);
        List<RowData> expected = new ArrayList<>();
        flinks.deserialize(message, new ListCollector<>(expected));

        Decoder decoder = Decoder.of(table, "format", "json");
        GenericRowData row = decoder.row(message);
        for (int i = 0; i < type.getFieldCount(); i++) {
            assertThat(row.getField(i)).isEqualTo(((GenericRowData) expected.get(0)).getField(i));
            assertThat(row.isNullAt(i)).isEqualTo(i == type.getFieldCount() - 1);
        }
    }

    @Test
    void noGarbageFailsTheJobOrHarmsTheNextRecord() throws Exception {
        Decoder decoder = Decoder.of(TABLE, "format", "json");
        byte[] good = json("{\"id\": 7, \"name\": \"zażółć\", \"more\": [1, {\"a\": null}]}");
        Random random = new Random(42);
        for (int i = 0; i < 20_000; i++) {
            byte[] changed = Arrays.copyOf(good, random.nextInt(good.length + 3));
            for (int change = 0; change < random.nextInt(4) && changed.length > 0; change++) {
                changed[random.nextInt(changed.length)] = (byte) random.nextInt(256);
            }
            assertThat(decoder.decode(changed)).hasSize(1);
            assertThat(decoder.row(good).getLong(0)).isEqualTo(7);
        }
        assertThat(decoder.deadLetters()).isGreaterThan(10_000);
    }

    @Test
    void theFormatsOptionsAreChecked() {
        assertThatThrownBy(() -> Decoder.of(TABLE, "format", "json", "json.ignore-parse-errors", "true"))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("Unsupported options found for 'json'")
                .hasMessageContaining("ignore-parse-errors");
        assertThatThrownBy(() -> Decoder.of(TABLE, "format", "jason"))
                .isInstanceOf(ValidationException.class)
                .hasMessageContaining("jason");
    }
}

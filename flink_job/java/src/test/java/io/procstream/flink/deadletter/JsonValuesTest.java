package io.procstream.flink.deadletter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericMapData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;
import org.apache.flink.table.types.utils.TypeConversions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each declared type against each kind of JSON value: the table in the documentation, line by line. */
class JsonValuesTest {
    private static final Path TABLE = Path.of("../../docs/json-values.md");
    private static final Pattern CODE = Pattern.compile("`([^`]*)`");
    private static final String REFUSED = "refused: expected ";

    /** Kinds of JSON values, by how they begin. */
    private enum Kind {
        BOOLEAN("[tf].*"),
        WHOLE_NUMBER("-?\\d+"),
        FRACTION("-?\\d+[.eE].*"),
        TEXT("\".*"),
        ARRAY("\\[.*"),
        OBJECT("\\{.*");

        private final Pattern pattern;

        Kind(String pattern) {
            this.pattern = Pattern.compile(pattern);
        }

        static Kind of(String json) {
            return Stream.of(values())
                    .filter(kind -> kind.pattern.matcher(json).matches())
                    .findFirst()
                    .orElseThrow();
        }
    }

    /** Declared type, JSON, what becomes of it. */
    static List<Arguments> lines() throws Exception {
        List<Arguments> lines = new ArrayList<>();
        for (String line : Files.readAllLines(TABLE)) {
            String[] cells = line.split(" \\| ");
            if (!line.startsWith("| `") || cells.length < 3) {
                continue;
            }
            String becomes = cells[2].replaceFirst(" ?\\|$", "");
            List<String> expected = codes(becomes);
            for (String json : codes(cells[1])) {
                lines.add(Arguments.of(
                        codes(cells[0]).get(0),
                        json,
                        becomes.startsWith(REFUSED) || expected.isEmpty() ? becomes : expected.get(0)));
            }
        }
        return lines;
    }

    private static List<String> codes(String cell) {
        return CODE.matcher(cell).results().map(found -> found.group(1)).toList();
    }

    @ParameterizedTest(name = "{0} <- {1} becomes {2}")
    @MethodSource("lines")
    void aValueIsWhatTheTableSays(String declared, String json, String becomes) throws Exception {
        Decoder decoder = Decoder.of(Decoder.row("v", type(declared)), "format", "json");
        byte[] record = json("{\"before\": [{}], \"v\": " + json + ", \"after\": 1}");
        if (becomes.startsWith(REFUSED)) {
            String error = decoder.error(record);
            assertThat(error)
                    .matches("(?s)UNDECODABLE: v\\S*: found .*")
                    .endsWith("expected " + becomes.substring(REFUSED.length()));
            if (error.contains(" v: ") && !error.contains("in a name")) {
                assertThat(error).contains("found " + json + ", expected");
            }
        } else {
            GenericRowData row = decoder.row(record);
            assertThat(String.valueOf(row.getField(1))).as("error").isEqualTo("null");
            assertThat(text(row.getField(0), type(declared).getLogicalType())).isEqualTo(becomes);
        }
        // Nothing of a record stays behind for the next one.
        assertThat(decoder.row(json("{\"v\": null}")).isNullAt(1)).isTrue();
    }

    @Test
    void everyTypeIsInTheTableWithEveryKindOfValue() throws Exception {
        Map<LogicalTypeRoot, Set<Kind>> kinds = lines().stream()
                .collect(Collectors.groupingBy(
                        line -> type((String) line.get()[0]).getLogicalType().getTypeRoot(),
                        Collectors.mapping(
                                line -> Kind.of((String) line.get()[1]),
                                Collectors.toCollection(() -> EnumSet.noneOf(Kind.class)))));
        Set<LogicalTypeRoot> likeAnother = EnumSet.of(LogicalTypeRoot.BINARY, LogicalTypeRoot.MULTISET);
        Set<LogicalTypeRoot> containers = EnumSet.of(LogicalTypeRoot.ARRAY, LogicalTypeRoot.MAP, LogicalTypeRoot.ROW);
        assertThat(kinds).hasSize(20);
        kinds.forEach((type, found) -> {
            Set<Kind> expected = EnumSet.allOf(Kind.class);
            // Where a whole number is refused, so is a fraction.
            expected.remove(type == LogicalTypeRoot.FLOAT ? Kind.BOOLEAN : Kind.FRACTION);
            if (!likeAnother.contains(type)) {
                assertThat(found).as(type.toString()).containsAll(expected);
            }
            if (containers.contains(type)) {
                assertThat(found).as(type.toString()).contains(Kind.ARRAY, Kind.OBJECT);
            }
        });
    }

    private static DataType type(String declared) {
        return TypeConversions.fromLogicalToDataType(
                LogicalTypeParser.parse(declared, JsonValuesTest.class.getClassLoader()));
    }

    /** A value as the table shows it. */
    private static String text(Object value, LogicalType type) {
        if (value == null) {
            return "null";
        }
        return switch (type.getTypeRoot()) {
            case DATE -> LocalDate.ofEpochDay((int) value).toString();
            case TIME_WITHOUT_TIME_ZONE -> LocalTime.MIDNIGHT
                    .plus((int) value, ChronoUnit.MILLIS)
                    .toString();
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> value + "Z";
            case BINARY, VARBINARY -> HexFormat.ofDelimiter(" ").formatHex((byte[]) value);
            case ROW -> IntStream.range(0, type.getChildren().size())
                    .mapToObj(i -> text(
                            ((GenericRowData) value).getField(i),
                            type.getChildren().get(i)))
                    .collect(Collectors.joining(", ", "(", ")"));
            case ARRAY -> elements(
                    ((GenericArrayData) value), type.getChildren().get(0));
            case MAP, MULTISET -> entries((GenericMapData) value);
            default -> value.toString();
        };
    }

    private static String elements(GenericArrayData array, LogicalType type) {
        return IntStream.range(0, array.size())
                .mapToObj(i -> text(array.toObjectArray()[i], type))
                .toList()
                .toString();
    }

    private static String entries(GenericMapData map) {
        ArrayData keys = map.keyArray();
        return IntStream.range(0, keys.size())
                .mapToObj(i -> keys.getString(i) + "=" + map.get(keys.getString(i)))
                .collect(Collectors.toCollection(TreeSet::new))
                .toString()
                .replace('[', '{')
                .replace(']', '}');
    }

    private static byte[] json(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "epoch-seconds | 1767225600                | 2026-01-01T00:00",
                "epoch-seconds | 1767225600.123            | 2026-01-01T00:00:00.123",
                "epoch-seconds | -0.5                      | 1969-12-31T23:59:59.500",
                "epoch-seconds | 17672256e2                | 2026-01-01T00:00",
                "epoch-millis  | 1767225600123             | 2026-01-01T00:00:00.123",
                "epoch-millis  | '\"1767225600123\"'       | 2026-01-01T00:00:00.123",
                "epoch-millis  | -1                        | 1969-12-31T23:59:59.999",
                "epoch-millis  | 0e999999999               | 1970-01-01T00:00",
                "epoch-micros  | 1767225600123000          | 2026-01-01T00:00:00.123",
                "epoch-nanos   | 1767225600123000000       | 2026-01-01T00:00:00.123",
                "epoch-nanos   | 253402300799999000000     | 9999-12-31T23:59:59.999",
                "epoch-millis  | -62167219200000           | 0000-01-01T00:00",
                "epoch-millis  | -62167219200001           | refused: epoch-millis, a number of the years 0000 to 9999",
                "epoch-seconds | 253402300800              | refused: epoch-seconds, a number of the years 0000 to 9999",
                "epoch-millis  | 1e999999999               | refused: epoch-millis, a number of the years 0000 to 9999",
                "epoch-millis  | 1e2147483646              | refused: epoch-millis, a number of the years 0000 to 9999",
                "epoch-millis  | '\"2026-01-01T00:00:00\"' | refused: epoch-millis, a number of the years 0000 to 9999",
                "epoch-millis  | true                      | refused: epoch-millis, a number of the years 0000 to 9999",
                "epoch-seconds | 1767225600.1234           | refused: at most 3 digits of a second",
                "epoch-micros  | 1767225600123456          | refused: at most 3 digits of a second",
                "epoch-millis  | 1e-999999999              | refused: at most 3 digits of a second",
                "epoch-millis  | 1e-2147483647             | refused: at most 3 digits of a second",
            })
    void timesAreNumbersIfTheTableSaysSo(String format, String json, String becomes) throws Exception {
        DataType table = Decoder.row(
                "at", DataTypes.TIMESTAMP(3),
                "all", DataTypes.ARRAY(DataTypes.TIMESTAMP_LTZ(3)),
                "other", DataTypes.TIMESTAMP_LTZ(3));
        Decoder decoder =
                Decoder.of(table, "format", "json", "json.times", format, "json.times-by-column.other", "iso-8601");
        byte[] one = json("{\"at\": " + json + ", \"other\": \"2026-01-01T00:00:00Z\"}");
        byte[] several = json("{\"all\": [null, " + json + "]}");
        if (becomes.startsWith("refused: ")) {
            String expected = "found " + json + ", expected " + becomes.substring("refused: ".length());
            assertThat(decoder.error(one)).isEqualTo("UNDECODABLE: at: " + expected);
            assertThat(decoder.error(several)).isEqualTo("UNDECODABLE: all[1]: " + expected);
        } else {
            assertThat(decoder.row(one).getField(0)).hasToString(becomes);
            assertThat(decoder.row(one).getField(2)).hasToString("2026-01-01T00:00");
            assertThat(((GenericArrayData) decoder.row(several).getField(1)).toObjectArray()[1])
                    .hasToString(becomes);
        }
        assertThat(decoder.error(json("{\"other\": 1}"))).startsWith("UNDECODABLE: other: found 1, expected a time");
    }

    @Test
    void optionsOfTimesAreChecked() {
        DataType table = Decoder.row("at", DataTypes.TIMESTAMP(3));
        assertThatThrownBy(() -> Decoder.of(table, "format", "json", "json.times", "epoch-days"))
                .hasStackTraceContaining("epoch-days")
                .hasStackTraceContaining("epoch-millis");
        assertThatThrownBy(() -> Decoder.of(table, "format", "json", "json.times-by-column.at", "x"))
                .hasStackTraceContaining("epoch-millis");
        assertThatThrownBy(() -> Decoder.of(table, "format", "json", "json.times-by-column.ta", "epoch-millis"))
                .isInstanceOf(ValidationException.class)
                .hasMessage("Option 'times-by-column' names 'ta', expected columns of: at.");
    }

    @ParameterizedTest
    @ValueSource(strings = {"INTERVAL DAY", "MAP<INT, INT>", "ARRAY<MAP<BYTES, INT>>", "MULTISET<INT>"})
    void aTypeThatJsonHasNoValuesForIsRefusedWhenTheTableIsPlanned(String declared) {
        assertThatThrownBy(() -> Decoder.of(Decoder.row("v", type(declared)), "format", "json"))
                .isInstanceOf(ValidationException.class)
                .hasMessageMatching("Column 'v.*' is .*, expected a type that JSON has values for\\.");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"v\": NaN}    | no JSON at byte 9: Non-standard token 'NaN'",
                "{\"v\": 1 /**/} | no JSON at byte 8: Unexpected character ('/' (code 47)): maybe a (non-standard) comment?",
            })
    void textThatIsNoJsonIsNamedWithItsPlace(String text, String error) throws Exception {
        Decoder decoder = Decoder.of(Decoder.row("v", DataTypes.INT()), "format", "json");
        assertThat(decoder.error(json(text))).isEqualTo("UNDECODABLE: " + error);
    }

    @Test
    void theValueIsCutAndThePathIsThatOfTheField() throws Exception {
        DataType table = Decoder.row("order", type("ROW<items ARRAY<ROW<qty INT, notes MAP<STRING, INT>>>>"));
        Decoder decoder = Decoder.of(table, "format", "json");
        String items = "{\"order\": {\"id\": 1, \"items\": [{}, {\"notes\": {}, %s}]}, \"x\": []}";
        assertThat(decoder.error(json(String.format(items, "\"qty\": 1.5"))))
                .isEqualTo("UNDECODABLE: order.items[1].qty: found 1.5,"
                        + " expected a whole number from -2147483648 to 2147483647");
        assertThat(decoder.error(json(String.format(items, "\"qty\": \"" + "é😀".repeat(100) + "\""))))
                .contains("found \"" + "é😀".repeat(39) + "é..., expected");
        assertThat(decoder.error(json(String.format(items.replace("\"notes\": {}, ", ""), "\"notes\": {\"k\": []}"))))
                .startsWith("UNDECODABLE: order.items[1].notes{k}: found [], expected a whole");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "'{\"a\": 1, \"a\": 2}'                     | UNDECODABLE: a: found 2, expected each name once",
                "'{\"a\": 1, \"\\u0061\": null}'            | UNDECODABLE: a: found null, expected each name once",
                "'{\"a\": null, \"b\": [{}], \"a\": null}'  | UNDECODABLE: a: found null, expected each name once",
                "'{\"b\": 1, \"b\": {\"c\": 1, \"c\": 2}}'  | null",
                "'{\"A\": 1, \"a\": 2}'                     | null",
            })
    void aNameComesOnce(String text, String error) throws Exception {
        Decoder decoder = Decoder.of(Decoder.row("a", DataTypes.INT(), "z", DataTypes.INT()), "format", "json");
        assertThat(String.valueOf(decoder.row(json(text)).getField(2))).isEqualTo(error);
    }

    @Test
    void aRecordIsInUtf8() throws Exception {
        Decoder decoder = Decoder.of(Decoder.row("a", DataTypes.STRING()), "format", "json");
        String text = "{\"a\": \"é\", \"x\": \"y\"}";
        assertThat(decoder.row(json("\ufeff" + text)).getString(0)).hasToString("é");
        assertThat(decoder.row(json("\ufeff " + text)).getString(0)).hasToString("é");
        assertThat(decoder.error(json("\ufeff\ufeff" + text))).startsWith("UNDECODABLE: no JSON at byte ");
        for (var encoding : List.of(StandardCharsets.UTF_16, StandardCharsets.UTF_16LE, StandardCharsets.ISO_8859_1)) {
            assertThat(decoder.error(text.getBytes(encoding))).startsWith("UNDECODABLE: ");
        }
        byte[] utf32 = new byte[4 * 9];
        for (int i = 0; i < 9; i++) {
            utf32[4 * i] = (byte) "{\"a\":\"x\"}".charAt(i);
        }
        assertThat(decoder.error(utf32)).startsWith("UNDECODABLE: ");
        for (String bytes : List.of("c0af", "eda0bd", "f4908080", "e9", "80", "f0808080")) {
            for (String name : List.of("a", "ignored")) {
                byte[] record = json("{\"" + name + "\": \"____\"}");
                byte[] bad = HexFormat.of().parseHex(bytes);
                System.arraycopy(bad, 0, record, record.length - 6, bad.length);
                assertThat(decoder.error(record))
                        .isEqualTo("UNDECODABLE: found bytes that are not UTF-8, expected text");
            }
        }
    }

    @Test
    void recordsOfAnySizeAreReadOneAfterAnother() throws Exception {
        Decoder decoder = Decoder.of(Decoder.row("a", DataTypes.STRING(), "z", DataTypes.INT()), "format", "json");
        for (int size : new int[] {0, 1, 7_990, 7_995, 8_000, 8_005, 16_000, 100_000, 3_000_000, 5, 0}) {
            for (String unit : List.of("x", "é", "\\n", "😀", " ")) {
                String text = unit.repeat(size / unit.length());
                GenericRowData row = decoder.row(json("{\"" + "k".repeat(size) + "\": [\"" + text + "\", "
                        + "1".repeat(size + 1) + "], \"a\": {\"t\": \"" + text + "\"}, \"z\": 7} " + " ".repeat(size)));
                assertThat(row.isNullAt(2)).isTrue();
                assertThat(row.getString(0).toString().equals("{\"t\": \"" + text + "\"}"))
                        .isTrue();
                assertThat(row.getInt(1)).isEqualTo(7);
                assertThat(decoder.row(json("{\"a\": \"" + text + "\"}"))
                                .getString(0)
                                .toString()
                                .equals(text.replace("\\n", "\n")))
                        .isTrue();
            }
        }
    }
}

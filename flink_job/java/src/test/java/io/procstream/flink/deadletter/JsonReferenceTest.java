package io.procstream.flink.deadletter;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.MapData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.IntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.utils.LogicalTypeParser;
import org.apache.flink.table.types.utils.TypeConversions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random records of each type, read here and judged by {@code src/test/python/json_judge.py}, which knows only
 * {@code docs/json-values.md}. {@code -Djson.documents} sets how many of each type, {@code -Dpython} who judges.
 */
class JsonReferenceTest {
    private static final int DOCUMENTS = Integer.getInteger("json.documents", 300);
    private static final long SEED = Long.getLong("json.seed", 20_261_201);
    private static final int SHOWN = 20;
    private static final int LONGEST_SHOWN = 400;

    private static final List<String> TYPES = List.of(
            "BOOLEAN",
            "TINYINT",
            "SMALLINT",
            "INT",
            "BIGINT",
            "DECIMAL(10, 2)",
            "DECIMAL(38, 0)",
            "DECIMAL(38, 18)",
            "DECIMAL(5, 5)",
            "DOUBLE",
            "FLOAT",
            "STRING",
            "VARCHAR(4)",
            "CHAR(2)",
            "BYTES",
            "VARBINARY(2)",
            "BINARY(2)",
            "DATE",
            "TIME(0)",
            "TIME(3)",
            "TIMESTAMP(0)",
            "TIMESTAMP(3)",
            "TIMESTAMP(6)",
            "TIMESTAMP(9)",
            "TIMESTAMP_LTZ(3)",
            "TIMESTAMP_LTZ(6)",
            "TIMESTAMP_LTZ(9)",
            "ARRAY<INT>",
            "ARRAY<INT NOT NULL>",
            "ARRAY<DECIMAL(10, 2)>",
            "ARRAY<ARRAY<STRING>>",
            "MAP<STRING, INT>",
            "MAP<STRING, DOUBLE>",
            "MAP<STRING, STRING NOT NULL>",
            "MAP<STRING, ARRAY<TIMESTAMP(3)>>",
            "MULTISET<STRING>",
            "ROW<a INT, b STRING>",
            "ROW<a INT NOT NULL>",
            "ROW<a INT, b ROW<c BIGINT>>",
            "ARRAY<ROW<a FLOAT NOT NULL, b MAP<STRING, DATE>>>");

    private static final List<String> EPOCH_TYPES = List.of(
            "TIMESTAMP(0)",
            "TIMESTAMP(3)",
            "TIMESTAMP(9)",
            "TIMESTAMP_LTZ(3)",
            "TIMESTAMP_LTZ(6)",
            "ROW<a TIMESTAMP_LTZ(3) NOT NULL, b TIME(3)>");

    private record Column(String type, String times) {
        LogicalType logicalType() {
            return LogicalTypeParser.parse(type, JsonReferenceTest.class.getClassLoader());
        }

        Decoder decoder() throws Exception {
            return Decoder.of(
                    Decoder.row("v", TypeConversions.fromLogicalToDataType(logicalType())),
                    times.equals("iso-8601")
                            ? new String[] {"format", "json"}
                            : new String[] {"format", "json", "json.times", times});
        }

        @Override
        public String toString() {
            return times.equals("iso-8601") ? type : type + " of " + times;
        }
    }

    @Test
    void recordsAreReadAsTheDocumentationSays(@TempDir Path folder) throws Exception {
        List<Column> columns = new ArrayList<>();
        TYPES.forEach(type -> columns.add(new Column(type, "iso-8601")));
        for (String times : List.of("epoch-seconds", "epoch-millis", "epoch-micros", "epoch-nanos")) {
            EPOCH_TYPES.forEach(type -> columns.add(new Column(type, times)));
        }
        Path questions = folder.resolve("questions");
        Path answers = folder.resolve("answers");
        write(columns, questions);
        judge(questions, answers);

        Map<String, Integer> disagreements = new TreeMap<>();
        List<String> shown = new ArrayList<>();
        try (BufferedReader question = Files.newBufferedReader(questions);
                BufferedReader answer = Files.newBufferedReader(answers)) {
            for (Column column : columns) {
                LogicalType type = column.logicalType();
                Decoder decoder = column.decoder();
                int good = 0;
                for (int i = 0; i < DOCUMENTS; i++) {
                    byte[] record =
                            Base64.getDecoder().decode(question.readLine().split("\t", 3)[2]);
                    String expected = answer.readLine();
                    String found = answer(decoder, type, record);
                    good += expected.startsWith("ok") ? 1 : 0;
                    if (found.equals(expected)) {
                        continue;
                    }
                    disagreements.merge(column.toString(), 1, Integer::sum);
                    if (shown.size() < SHOWN) {
                        shown.add(String.format(
                                "%n%s, document %d: %s%n  expected %s%n  found    %s",
                                column,
                                i,
                                shortened(new String(record, StandardCharsets.UTF_8)),
                                shortened(expected),
                                shortened(found)));
                    }
                }
                assertThat(good).as("good records of %s", column).isBetween(DOCUMENTS / 10, DOCUMENTS * 9 / 10);
            }
        }
        assertThat(shown)
                .as(
                        "%d disagreements, of %d records: %s; the first:%s%n",
                        disagreements.values().stream()
                                .mapToInt(Integer::intValue)
                                .sum(),
                        columns.size() * DOCUMENTS,
                        disagreements,
                        String.join("", shown))
                .isEmpty();
    }

    private static void write(List<Column> columns, Path questions) throws Exception {
        try (BufferedWriter out = Files.newBufferedWriter(questions)) {
            for (int i = 0; i < columns.size(); i++) {
                Column column = columns.get(i);
                JsonDocuments documents = new JsonDocuments(new Random(SEED + i), column.logicalType(), column.times());
                for (int document = 0; document < DOCUMENTS; document++) {
                    String record = Base64.getEncoder().encodeToString(documents.record());
                    out.write(column.type() + "\t" + column.times() + "\t" + record + "\n");
                }
            }
        }
    }

    private static void judge(Path questions, Path answers) throws Exception {
        Process judge = new ProcessBuilder(System.getProperty("python", "python3.11"), "src/test/python/json_judge.py")
                .redirectInput(questions.toFile())
                .redirectOutput(answers.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(judge.waitFor()).as("exit status of the judge").isZero();
    }

    private static String answer(Decoder decoder, LogicalType type, byte[] record) {
        try {
            GenericRowData row = decoder.row(record);
            if (row.isNullAt(1)) {
                return "ok\t" + canonical(row.getField(0), type);
            }
            String error = row.getString(1).toString();
            assertThat(row.getField(0)).as("column of a dead letter").isNull();
            assertThat(row.getField(2)).as("raw").isEqualTo(record);
            return "bad\t" + error.substring(0, error.indexOf(':'));
        } catch (Exception | AssertionError e) {
            return "threw\t" + e;
        }
    }

    private static String shortened(String text) {
        return text.length() <= LONGEST_SHOWN
                ? text
                : text.substring(0, LONGEST_SHOWN / 2) + "…" + text.substring(text.length() - LONGEST_SHOWN / 2);
    }

    /** Flink's value as the judge writes it. */
    private static String canonical(Object value, LogicalType type) {
        if (value == null) {
            return "null";
        }
        List<LogicalType> children = type.getChildren();
        return switch (type.getTypeRoot()) {
            case ROW -> IntStream.range(0, children.size())
                    .mapToObj(i -> canonical(
                            RowData.createFieldGetter(children.get(i), i).getFieldOrNull((RowData) value),
                            children.get(i)))
                    .collect(Collectors.joining(", ", "(", ")"));
            case ARRAY -> "[" + String.join(", ", list((ArrayData) value, children.get(0))) + "]";
            case MAP -> map((MapData) value, children.get(0), children.get(1));
            case MULTISET -> map((MapData) value, children.get(0), new IntType(false));
            case CHAR, VARCHAR -> hex(((StringData) value).toBytes());
            case BINARY, VARBINARY -> hex((byte[]) value);
            case DECIMAL -> ((DecimalData) value).toBigDecimal().toPlainString();
            case FLOAT -> String.format("%08x", Float.floatToRawIntBits((Float) value));
            case DOUBLE -> String.format("%016x", Double.doubleToRawLongBits((Double) value));
            case TIME_WITHOUT_TIME_ZONE -> Long.toString((Integer) value * 1_000_000L);
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> {
                TimestampData time = (TimestampData) value;
                yield BigInteger.valueOf(time.getMillisecond())
                        .multiply(BigInteger.valueOf(1_000_000))
                        .add(BigInteger.valueOf(time.getNanoOfMillisecond()))
                        .toString();
            }
            default -> value.toString();
        };
    }

    private static String map(MapData map, LogicalType key, LogicalType value) {
        List<String> keys = list(map.keyArray(), key);
        List<String> values = list(map.valueArray(), value);
        return IntStream.range(0, keys.size())
                .mapToObj(i -> keys.get(i) + "=" + values.get(i))
                .sorted()
                .collect(Collectors.joining(", ", "{", "}"));
    }

    private static List<String> list(ArrayData array, LogicalType type) {
        ArrayData.ElementGetter getter = ArrayData.createElementGetter(type);
        return IntStream.range(0, array.size())
                .mapToObj(i -> canonical(getter.getElementOrNull(array, i), type))
                .toList();
    }

    private static String hex(byte[] bytes) {
        return '"' + HexFormat.of().formatHex(bytes) + '"';
    }
}

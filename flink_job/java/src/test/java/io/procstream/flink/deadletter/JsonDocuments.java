package io.procstream.flink.deadletter;

import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** Random records with a column {@code v}: near what its type takes, on both sides. */
final class JsonDocuments {
    private static final Map<String, Integer> DECIMALS =
            Map.of("epoch-seconds", 0, "epoch-millis", 3, "epoch-micros", 6, "epoch-nanos", 9);
    private static final BigInteger SECOND = BigInteger.TEN.pow(9);
    private static final BigInteger EARLIEST = nanos(LocalDate.of(0, 1, 1));
    private static final BigInteger END = nanos(LocalDate.of(10_000, 1, 1));

    private final Random random;
    private final LogicalType type;
    private final String times;

    JsonDocuments(Random random, LogicalType type, String times) {
        this.random = random;
        this.type = type;
        this.times = times;
    }

    private static BigInteger nanos(LocalDate day) {
        return BigInteger.valueOf(day.toEpochDay() * 86_400).multiply(SECOND);
    }

    byte[] record() {
        byte[] document = document().getBytes(StandardCharsets.UTF_8);
        return oneOf(6) ? damaged(document) : document;
    }

    private boolean oneOf(int chances) {
        return random.nextInt(chances) == 0;
    }

    @SafeVarargs
    private <T> T any(T... choices) {
        return choices[random.nextInt(choices.length)];
    }

    // ---- Documents

    private String document() {
        if (oneOf(150)) {
            return anything(0);
        }
        List<String> fields = new ArrayList<>();
        for (int times = oneOf(40) ? 2 : oneOf(30) ? 0 : 1; times > 0; times--) {
            fields.add(field("v", value(type)));
        }
        addIgnored(fields);
        return between(blanks(), "{", String.join(",", fields), "}", blanks());
    }

    private void addIgnored(List<String> fields) {
        while (oneOf(3)) {
            fields.add(field(any("w", "V", "A", "v ", "", "é", "\0", "\ud83d"), anything(0)));
        }
        if (oneOf(1_500)) {
            fields.add(field("w".repeat(60_000), "1"));
        }
        Collections.shuffle(fields, random);
    }

    private String field(String name, String value) {
        return between(blanks(), quoted(name), blanks(), ":", value);
    }

    private static String between(String... parts) {
        return String.join("", parts);
    }

    private String blanks() {
        return oneOf(4) ? any(" ", "\t", "\r\n", "  ", "\n") : "";
    }

    private String anything(int depth) {
        String value =
                switch (random.nextInt(depth < 3 ? 11 : 8)) {
                    case 0 -> any("true", "false");
                    case 1 -> "null";
                    case 2 -> text(random.nextInt(6));
                    case 3 -> any("\"\\ud83d\"", "\"true\"", "\"null\"", "\"1.50\"", "\"{}\"", "\"\"");
                    case 4 -> any("0", "-0", "1.10", "1E400", "-0.0e-0", "1e+05", "12345678901234567890123");
                    case 5 -> written(integer(64));
                    case 6 -> any("{}", "[]", "[ ]", "{\t}");
                    case 7 -> oneOf(40) ? large() : "1";
                    case 8 -> array(() -> anything(depth + 1));
                    default -> object(
                            () -> field(any("a", "b", "\ud83d", "v", "é"), anything(depth + 1)), random.nextInt(3));
                };
        return between(blanks(), value, blanks());
    }

    private String large() {
        int levels = 996 + random.nextInt(6);
        return any(
                "1".repeat(2_000),
                "0." + "1".repeat(5_000),
                "1e" + "9".repeat(1_200),
                "[".repeat(levels) + "]".repeat(levels),
                "{\"a\":".repeat(levels) + "1" + "}".repeat(levels),
                "\"" + "\\u00e9".repeat(20_000) + "\"");
    }

    private String array(Supplier<String> element) {
        List<String> elements = new ArrayList<>();
        for (int size = random.nextInt(4); size > 0; size--) {
            elements.add(element.get());
        }
        return between("[", blanks(), String.join(",", elements), "]");
    }

    private String object(Supplier<String> field, int size) {
        List<String> fields = new ArrayList<>();
        for (; size > 0; size--) {
            fields.add(field.get());
        }
        return between("{", blanks(), String.join(",", fields), "}");
    }

    private byte[] damaged(byte[] document) {
        int at = random.nextInt(document.length);
        byte[] mark = {(byte) 0xef, (byte) 0xbb, (byte) 0xbf};
        return switch (random.nextInt(12)) {
            case 0, 1 -> Arrays.copyOf(document, at);
            case 2 -> replaced(document, at, 1);
            case 3 -> replaced(document, at, 0, (byte) "{}[],:\"\\ 01.eE-+tn\t\f".charAt(random.nextInt(20)));
            case 4 -> replaced(document, at, 0, (byte) random.nextInt());
            case 5 -> replaced(document, at, 1, (byte) random.nextInt());
            case 6 -> replaced(
                    document,
                    at,
                    0,
                    any(
                            new byte[] {(byte) 0xc0, (byte) 0x80},
                            new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
                            new byte[] {(byte) 0xf4, (byte) 0x90, (byte) 0x80, (byte) 0x80},
                            new byte[] {(byte) 0xe2, (byte) 0x82},
                            new byte[] {(byte) 0xff},
                            mark));
            case 7 -> replaced(document, 0, 0, mark);
            case 8 -> replaced(
                    document,
                    0,
                    oneOf(4) ? document.length : 0,
                    any("\ufeff\ufeff", " \ufeff", "\ufeff ", "", " \r\n", "\u00a0", "\f")
                            .getBytes(StandardCharsets.UTF_8));
            case 9 -> replaced(
                    document,
                    document.length,
                    0,
                    any("{}", " x", ",", "]", "\0", "\f", "\ufeff", "\u00a0").getBytes(StandardCharsets.UTF_8));
            case 10 -> replaced(
                    document,
                    document.length,
                    0,
                    any(new byte[] {(byte) 0xe2, (byte) 0x82}, new byte[] {(byte) 0xc3}, new byte[] {(byte) 0x80}));
            default -> replaced(document, document.length, 0, "\t\r\n ".getBytes(StandardCharsets.UTF_8));
        };
    }

    private static byte[] replaced(byte[] document, int at, int length, byte... by) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.write(document, 0, at);
        out.writeBytes(by);
        out.write(document, at + length, document.length - at - length);
        return out.toByteArray();
    }

    // ---- Values

    private String value(LogicalType type) {
        if (oneOf(20)) {
            return anything(0);
        }
        return oneOf(20) ? "null" : between(blanks(), valueOf(type), blanks());
    }

    private String valueOf(LogicalType type) {
        List<LogicalType> children = type.getChildren();
        return switch (type.getTypeRoot()) {
            case BOOLEAN -> any(
                    "true", "false", "\"true\"", "\"false\"", "true", quoted("true"), "1", "\"True\"", "\" true\"");
            case TINYINT -> numeric(integer(8));
            case SMALLINT -> numeric(integer(16));
            case INTEGER -> numeric(integer(32));
            case BIGINT -> numeric(integer(64));
            case DECIMAL -> numeric(decimal((DecimalType) type));
            case DOUBLE -> numeric(floating(any(Double.MAX_VALUE, Double.MIN_VALUE, Double.MIN_NORMAL, bits())));
            case FLOAT -> numeric(floating(
                    any(Float.MAX_VALUE, Float.MIN_VALUE, Float.MIN_NORMAL, Float.intBitsToFloat(random.nextInt()))));
            case CHAR, VARCHAR -> oneOf(2)
                    ? text(Math.max(0, Math.min(LogicalTypeChecks.getLength(type), 6) + random.nextInt(4) - 2))
                    : anything(1);
            case BINARY, VARBINARY -> base64(
                    Math.max(0, Math.min(LogicalTypeChecks.getLength(type), 6) + random.nextInt(4) - 2));
            case DATE -> quoted(almost(date()));
            case TIME_WITHOUT_TIME_ZONE -> quoted(almost(timeOfDay(LogicalTypeChecks.getPrecision(type))));
            case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> times.equals("iso-8601") != oneOf(12)
                    ? quoted(almost(timestamp(type)))
                    : numeric(epoch(LogicalTypeChecks.getPrecision(type)));
            case ARRAY -> array(() -> value(children.get(0)));
            case MAP -> object(() -> field(key(), value(children.get(1))), random.nextInt(4));
            case MULTISET -> object(() -> field(key(), numeric(integer(32))), random.nextInt(4));
            case ROW -> row((RowType) type);
            default -> throw new AssertionError(type);
        };
    }

    private String key() {
        return oneOf(30) ? "\ud83d" : oneOf(4) ? any("a", "b", "A", "", "é") : "k" + random.nextInt(50);
    }

    private String row(RowType type) {
        List<String> fields = new ArrayList<>();
        for (RowType.RowField field : type.getFields()) {
            for (int times = oneOf(25) ? 2 : oneOf(8) ? 0 : 1; times > 0; times--) {
                fields.add(field(field.getName(), value(field.getType())));
            }
        }
        addIgnored(fields);
        return between("{", String.join(",", fields), blanks(), "}");
    }

    // ---- Texts

    private String text(int length) {
        StringBuilder text = new StringBuilder();
        for (; length > 0; length--) {
            text.append(any("a", "Z", "1", "\"", "\\", "/", "é", "€", "😀", "\n", "\0", "\u007f", "\u2028", "\uffff"));
        }
        if (oneOf(20)) {
            text.insert(random.nextInt(text.length() + 1), any("\ud83d", "\ude00", "\ude00\ud83d", "\ud83d\ud83d"));
        }
        String quoted = quoted(text.toString());
        if (oneOf(60)) {
            String bad = any("\\x", "\\u12g4", "\\U0041", "\n", "\0", "\u001f", "\\'", "\\ud8");
            return quoted.substring(0, quoted.length() - 1) + bad + "\"";
        }
        return quoted;
    }

    /** With escapes where they are necessary, and some where they are not. */
    private String quoted(String text) {
        StringBuilder out = new StringBuilder("\"");
        text.codePoints().forEach(point -> {
            String character = Character.toString(point);
            if (oneOf(2) && "\"\\/\n".contains(character)) {
                out.append('\\').append(point == '\n' ? "n" : character);
            } else if ("\"\\\n\0".contains(character) || (point >= 0xd800 && point <= 0xdfff) || oneOf(16)) {
                character.chars().forEach(unit -> out.append(String.format(oneOf(2) ? "\\u%04x" : "\\u%04X", unit)));
            } else {
                out.append(character);
            }
        });
        return out.append('"').toString();
    }

    private String base64(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        String text = Base64.getEncoder().encodeToString(bytes);
        return quoted(
                switch (random.nextInt(12)) {
                    case 0 -> text.replace("=", "");
                    case 1 -> text.replace('/', '_').replace('+', '-');
                    case 2 -> text + any("=", "====", " ", "\n", "A");
                    case 3 -> any(" ", "\n", "=") + text;
                    default -> text;
                });
    }

    // ---- Numbers

    private BigDecimal integer(int bits) {
        BigInteger limit = BigInteger.ONE.shiftLeft(bits - 1);
        BigDecimal number = new BigDecimal(any(
                BigInteger.ZERO,
                BigInteger.valueOf(random.nextInt(10)),
                limit,
                limit.subtract(BigInteger.ONE),
                limit.negate(),
                limit.not(),
                BigInteger.valueOf(9_007_199_254_740_993L),
                new BigInteger(random.nextInt(bits), random),
                new BigInteger(random.nextInt(bits), random).negate()));
        return oneOf(6) ? number.add(new BigDecimal(any("0.5", "-0.5", "0.1", "1e-30", "-1e-30"))) : number;
    }

    private BigDecimal decimal(DecimalType type) {
        int scale = type.getScale();
        BigDecimal unit = BigDecimal.ONE.scaleByPowerOfTen(-scale);
        BigDecimal limit = BigDecimal.ONE.scaleByPowerOfTen(type.getPrecision() - scale);
        BigInteger digits = new BigInteger(random.nextInt(128), random)
                .mod(BigInteger.TEN.pow(1 + random.nextInt(type.getPrecision())));
        BigDecimal number = any(
                BigDecimal.ZERO,
                unit,
                limit,
                limit.subtract(unit),
                limit.subtract(unit.movePointLeft(1)),
                new BigDecimal(digits, scale),
                new BigDecimal(digits, scale),
                new BigDecimal(digits, Math.max(0, scale - 1)),
                new BigDecimal(digits, scale + 1));
        return oneOf(2) ? number : number.negate();
    }

    private double bits() {
        return Double.longBitsToDouble(random.nextLong());
    }

    /** A number, the middle between it and the next, or close to that. */
    private BigDecimal floating(double value) {
        return Double.isFinite(value) ? near(new BigDecimal(value), new BigDecimal(Math.ulp(value))) : BigDecimal.TEN;
    }

    private BigDecimal floating(float value) {
        return Float.isFinite(value) ? near(new BigDecimal(value), new BigDecimal(Math.ulp(value))) : BigDecimal.TEN;
    }

    private BigDecimal near(BigDecimal value, BigDecimal ulp) {
        BigDecimal middle = value.add(ulp.divide(BigDecimal.valueOf(2)));
        BigDecimal little = BigDecimal.ONE.scaleByPowerOfTen(-middle.scale() - random.nextInt(30));
        return any(
                value,
                value,
                value.negate(),
                value.round(new MathContext(1 + random.nextInt(20))),
                middle,
                middle.add(little),
                middle.subtract(little),
                new BigDecimal(any("0", "0.1", "16777217", "9007199254740993", "1.00000017881393432617187499")));
    }

    /** A number since 1970. Only seconds have a fraction; a column that has no room for it takes none. */
    private BigDecimal epoch(int precision) {
        int decimals = DECIMALS.getOrDefault(times, 3);
        BigInteger nanos = any(
                BigInteger.ZERO,
                SECOND.negate(),
                EARLIEST,
                EARLIEST.subtract(BigInteger.ONE),
                END,
                END.subtract(BigInteger.ONE),
                SECOND.multiply(BigInteger.valueOf(random.nextInt())),
                new BigInteger(61, random),
                new BigInteger(61, random).negate(),
                new BigInteger(20, random));
        BigInteger room = BigInteger.TEN.pow(9 - (oneOf(5) ? 9 : precision));
        BigInteger unit = decimals == 0 ? BigInteger.ONE : BigInteger.TEN.pow(9 - decimals);
        nanos = nanos.subtract(nanos.mod(room.max(unit)));
        BigDecimal number = new BigDecimal(nanos).movePointLeft(9 - decimals);
        return oneOf(20) && precision <= decimals ? number.add(new BigDecimal("0.5")) : number;
    }

    private String numeric(BigDecimal number) {
        return switch (random.nextInt(14)) {
            case 0, 1, 2 -> quoted(written(number));
            case 3 -> quoted(badlyWritten(written(number)));
            case 4 -> any("", "-")
                    + any("0", "0.00", "1", "10.5", "0.001")
                    + any("e", "E", "e-", "e+", "E-0")
                    + any("5", "308", "324", "400", "999999999", "2147483648", "99999999999999999999");
            case 5 -> {
                String plain = number.toPlainString();
                int zeros = Math.max(0, 998 + random.nextInt(4) - plain.length());
                String padded = plain + (plain.contains(".") ? "0" : ".") + "0".repeat(zeros);
                yield oneOf(3) ? quoted(padded) : padded;
            }
            default -> written(number);
        };
    }

    /** In one of JSON's notations. */
    private String written(BigDecimal number) {
        String sign = number.signum() == 0 && oneOf(3) ? "-" : "";
        if (oneOf(3)) {
            return sign + number.toPlainString();
        }
        if (oneOf(3)) {
            return sign
                    + number.setScale(Math.max(0, number.scale()) + random.nextInt(4))
                            .toPlainString();
        }
        BigDecimal zeros = oneOf(2) ? number.stripTrailingZeros() : number;
        int scale = random.nextInt(zeros.precision() + 3);
        int exponent = scale - zeros.scale();
        return between(
                sign,
                new BigDecimal(zeros.unscaledValue(), scale).toPlainString(),
                any("e", "E"),
                exponent < 0 ? "-" : any("", "+"),
                any("", "", "0", "000"),
                Integer.toString(Math.abs(exponent)));
    }

    private String badlyWritten(String number) {
        return any(
                "+" + number,
                " " + number,
                number + " ",
                number + "\n",
                "0" + number,
                number + "d",
                number + ".",
                "." + number,
                number + "e",
                "0x" + number,
                number.replace('1', '١'),
                number.replace('.', ','),
                "--" + number,
                "NaN",
                "-Infinity",
                "");
    }

    // ---- Times

    /** Mostly the same, or with a character too much, too little or instead of another. */
    private String almost(String time) {
        if (!oneOf(6)) {
            return time;
        }
        int at = random.nextInt(time.length());
        String other = any("0", "1", "5", "9", "-", ":", "T", "Z", "z", ".", "+", " ", "٣");
        return time.substring(0, at) + (oneOf(3) ? "" : other) + time.substring(at + random.nextInt(2));
    }

    private String date() {
        return oneOf(2)
                ? any(
                        "0000-01-01",
                        "0000-02-29",
                        "0001-01-01",
                        "9999-12-31",
                        "1969-12-31",
                        "1970-01-01",
                        "1582-10-10",
                        "1900-02-28",
                        "1900-02-29",
                        "2000-02-29",
                        "2026-02-29",
                        "2026-04-31")
                : String.format(
                        "%04d-%02d-%02d", random.nextInt(10_000), 1 + random.nextInt(12), 1 + random.nextInt(30));
    }

    private String timeOfDay(int precision) {
        String minutes = oneOf(4)
                ? any("00:00", "23:59", "24:00", "12:60")
                : String.format("%02d:%02d", random.nextInt(24), random.nextInt(60));
        if (oneOf(5)) {
            return minutes;
        }
        String seconds = minutes + (oneOf(15) ? ":60" : String.format(":%02d", random.nextInt(60)));
        if (oneOf(3)) {
            return seconds;
        }
        int digits = 1 + random.nextInt(oneOf(10) ? 10 : 9);
        StringBuilder fraction = new StringBuilder();
        for (int i = 0; i < digits; i++) {
            fraction.append(i < precision || oneOf(30) ? random.nextInt(10) : 0);
        }
        return seconds + "." + fraction;
    }

    private String timestamp(LogicalType type) {
        String local = date() + any("T", "T", " ") + timeOfDay(LogicalTypeChecks.getPrecision(type));
        boolean needed = type.is(LogicalTypeRoot.TIMESTAMP_WITH_LOCAL_TIME_ZONE);
        if (oneOf(needed ? 15 : 2)) {
            return local;
        }
        String hours = any("+", "-") + String.format("%02d", random.nextInt(15));
        String minutes = String.format("%02d", random.nextInt(oneOf(8) ? 100 : 60));
        return local
                + any(
                        "Z",
                        "Z",
                        hours,
                        hours + minutes,
                        hours + ":" + minutes,
                        hours + ":" + minutes,
                        any("+00:00", "-00:00", "+18:00", "-18:00", "+24:00", "+99:00", "+1:00", "z", " Z", "UTC"));
    }
}

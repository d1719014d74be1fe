package io.procstream.flink.deadletter;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.DecimalData;

/**
 * Reads numbers, and text that is exactly a number of JSON (RFC 8259, section 6). No number loses digits: what the
 * column cannot hold is refused. FLOAT and DOUBLE hold the nearest value (IEEE 754), but not infinity.
 */
final class JsonNumbers {
    /** Longer ones are refused: to convert n digits takes time in the order of n squared. */
    private static final int MAX_LENGTH = 1_000;

    private static final String DIGITS_OF_LONG =
            BigInteger.valueOf(Long.MIN_VALUE).toString();

    private JsonNumbers() {}

    /** A reader of whole numbers. */
    static Whole whole(long least, long most) {
        return new Whole(least, most, "a whole number from " + least + " to " + most);
    }

    record Whole(long least, long most, String expected) {
        long read(JsonInput in) throws IOException {
            JsonParser parser = in.parser();
            long value;
            if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                    && parser.getTextLength() < DIGITS_OF_LONG.length() - 1) {
                value = parser.getLongValue();
            } else {
                value = wholeOf(in);
            }
            if (value < least || value > most) {
                throw in.refused(expected);
            }
            return value;
        }

        private long wholeOf(JsonInput in) throws IOException {
            BigDecimal exact = exact(in);
            if (exact != null) {
                try {
                    return exact.signum() == 0 ? 0 : exact.longValueExact();
                } catch (ArithmeticException e) {
                    throw in.refused(expected);
                }
            }
            throw in.refused(expected);
        }
    }

    static JsonValue decimal(int precision, int scale) {
        String expected =
                "a number with at most " + (precision - scale) + " digits before and " + scale + " after the point";
        return in -> {
            BigDecimal number = exact(in);
            DecimalData decimal = number == null ? null : decimal(number, precision, scale);
            if (decimal == null) {
                throw in.refused(expected);
            }
            return decimal;
        };
    }

    private static DecimalData decimal(BigDecimal number, int precision, int scale) {
        if (number.signum() == 0) {
            return DecimalData.zero(precision, scale);
        }
        // Of the exponent, before any digit is written: 1e999999999 has a gigabyte of them.
        if ((long) number.precision() - number.scale() > precision - scale) {
            return null;
        }
        BigDecimal stripped = number.scale() > scale ? number.stripTrailingZeros() : number;
        return stripped.scale() > scale ? null : DecimalData.fromBigDecimal(stripped, precision, scale);
    }

    static double toDouble(JsonInput in) throws IOException {
        JsonParser parser = in.parser();
        double value = Double.NaN;
        if (parser.currentToken().isNumeric()) {
            if (parser.getTextLength() <= MAX_LENGTH) {
                value = parser.getDoubleValue();
                if (value == 0 && parser.getTextCharacters()[parser.getTextOffset()] == '-') {
                    value = -0.0; // also of the whole number -0, which has no sign as an int
                }
            }
        } else {
            String number = text(in);
            value = number == null ? Double.NaN : Double.parseDouble(number);
        }
        if (!Double.isFinite(value)) {
            throw in.refused("a number within the range of DOUBLE");
        }
        return value;
    }

    static float toFloat(JsonInput in) throws IOException {
        String number = text(in);
        // From the text: by way of a double it would be rounded twice.
        float value = number == null ? Float.NaN : Float.parseFloat(number);
        if (!Float.isFinite(value)) {
            throw in.refused("a number within the range of FLOAT");
        }
        return value;
    }

    /** The number with all its digits; null if the value is none. */
    static BigDecimal exact(JsonInput in) throws IOException {
        String number = text(in);
        try {
            return number == null ? null : new BigDecimal(number);
        } catch (NumberFormatException e) { // an exponent beyond an int
            return digitsAreZero(number) ? BigDecimal.ZERO : null;
        }
    }

    private static boolean digitsAreZero(String number) {
        int exponent = Math.max(number.indexOf('e'), number.indexOf('E'));
        return number.substring(0, exponent).chars().noneMatch(digit -> digit >= '1' && digit <= '9');
    }

    /** A number, or text that is one, as it is written; null if the value is neither, or too long. */
    private static String text(JsonInput in) throws IOException {
        JsonParser parser = in.parser();
        JsonToken token = parser.currentToken();
        if (token != JsonToken.VALUE_STRING && !token.isNumeric() || parser.getTextLength() > MAX_LENGTH) {
            return null;
        }
        String text = parser.getText();
        return token.isNumeric() || isNumber(text) ? text : null;
    }

    private static boolean isNumber(String text) {
        int at = text.startsWith("-") ? 1 : 0;
        int whole = digits(text, at);
        if (whole == at || whole > at + 1 && text.charAt(at) == '0') {
            return false;
        }
        at = whole;
        if (at < text.length() && text.charAt(at) == '.') {
            int fraction = digits(text, at + 1);
            if (fraction == at + 1) {
                return false;
            }
            at = fraction;
        }
        if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
            at++;
            if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
                at++;
            }
            int exponent = digits(text, at);
            if (exponent == at) {
                return false;
            }
            at = exponent;
        }
        return at == text.length();
    }

    /** Where the digits end that begin there. */
    private static int digits(String text, int start) {
        int at = start;
        while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
            at++;
        }
        return at;
    }
}

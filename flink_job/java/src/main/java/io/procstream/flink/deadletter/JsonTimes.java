package io.procstream.flink.deadletter;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.DateTimeException;
import java.time.LocalDate;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.TimestampData;

/** Reads times: text of ISO 8601, or numbers since 1970. Digits of a second that a column cannot hold are refused. */
final class JsonTimes {
    /** How a record's times are written. */
    enum Format {
        ISO_8601("iso-8601", 0),
        EPOCH_SECONDS("epoch-seconds", 1),
        EPOCH_MILLIS("epoch-millis", 1_000),
        EPOCH_MICROS("epoch-micros", 1_000_000),
        EPOCH_NANOS("epoch-nanos", 1_000_000_000);

        private final String text;
        private final long perSecond;

        Format(String text, long perSecond) {
            this.text = text;
            this.perSecond = perSecond;
        }

        @Override
        public String toString() {
            return text;
        }
    }

    private static final int NANO_DIGITS = 9;
    private static final int MILLI_DIGITS = 3;
    private static final int NANOS_OF_MILLI = 1_000_000;
    private static final int NANOS_OF_SECOND = 1_000_000_000;
    private static final int SECONDS_OF_DAY = 24 * 60 * 60;
    private static final int[] POWERS_OF_TEN = {
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000
    };

    /** Before the point of nanoseconds until the year 9999, or less: an exponent can ask for a gigabyte of them. */
    private static final int MAX_DIGITS = 21;

    /** {@link java.time.ZoneOffset#MAX}. */
    private static final int MAX_OFFSET_HOURS = 18;

    private JsonTimes() {}

    /** A reader of days since 1970. */
    static JsonValue date() {
        String expected = "a date such as 2026-01-31";
        return in -> {
            Clock clock = new Clock(textOf(in));
            int day = clock.date();
            if (day == Clock.NONE || !clock.isAtEnd()) {
                throw in.refused(expected);
            }
            return day;
        };
    }

    /** A reader of milliseconds since midnight: Flink has no finer time of day. */
    static JsonValue timeOfDay(int precision) {
        int digits = Math.min(precision, MILLI_DIGITS);
        String expected = "a time of day such as 12:34:56.789";
        return in -> {
            Clock clock = new Clock(textOf(in));
            int second = clock.secondOfDay();
            if (second == Clock.NONE || !clock.isAtEnd()) {
                throw in.refused(expected);
            }
            refuseFiner(clock.nanos, digits, in);
            return second * 1_000 + clock.nanos / NANOS_OF_MILLI;
        };
    }

    /** A reader of timestamps; {@code instant}: of TIMESTAMP_LTZ, which needs a zone. */
    static JsonValue timestamp(int precision, boolean instant, Format format) {
        return format == Format.ISO_8601 ? ofText(precision, instant) : ofNumber(precision, format);
    }

    private static JsonValue ofText(int precision, boolean instant) {
        String expected = instant
                ? "a time with Z or an offset, such as 2026-01-31T12:34:56.789Z"
                : "a time such as 2026-01-31T12:34:56.789";
        return in -> {
            Clock clock = new Clock(textOf(in));
            int day = clock.date();
            int second = day == Clock.NONE || !clock.skips('T', ' ') ? Clock.NONE : clock.secondOfDay();
            if (second == Clock.NONE) {
                boolean isNumber = in.parser().currentToken().isNumeric();
                throw in.refused(isNumber ? expected + " (json.times is for numbers)" : expected);
            }
            boolean local = clock.isAtEnd();
            int offset = local ? 0 : clock.offset();
            if (local && instant || offset == Clock.NONE || !clock.isAtEnd()) {
                throw in.refused(expected);
            }
            refuseFiner(clock.nanos, precision, in);
            TimestampData time = at((long) day * SECONDS_OF_DAY + second - offset, clock.nanos);
            if (time == null) {
                throw in.refused(expected);
            }
            return time;
        };
    }

    private static JsonValue ofNumber(int precision, Format format) {
        String expected = format + ", a number of the years 0000 to 9999";
        int digitsOfSecond = Long.toString(format.perSecond).length() - 1;
        return in -> {
            BigDecimal number = JsonNumbers.exact(in);
            if (number != null && number.signum() == 0) {
                return TimestampData.fromEpochMillis(0);
            }
            if (number == null || (long) number.precision() - number.scale() > MAX_DIGITS) {
                throw in.refused(expected);
            }
            BigDecimal stripped = number.stripTrailingZeros();
            if ((long) stripped.scale() + digitsOfSecond > precision) {
                throw in.refused(atMost(precision));
            }
            BigDecimal seconds = stripped.movePointLeft(digitsOfSecond);
            BigDecimal whole = seconds.setScale(0, RoundingMode.FLOOR);
            int nanos = seconds.subtract(whole).movePointRight(NANO_DIGITS).intValueExact();
            TimestampData time = at(whole.longValue(), nanos);
            if (time == null) {
                throw in.refused(expected);
            }
            return time;
        };
    }

    private static TimestampData at(long second, int nanos) {
        try {
            return TimeRange.timestamp(
                    Math.multiplyExact(second, 1_000L) + nanos / NANOS_OF_MILLI, nanos % NANOS_OF_MILLI);
        } catch (BadValueException | ArithmeticException e) {
            return null;
        }
    }

    private static void refuseFiner(int nanos, int precision, JsonInput in) throws IOException {
        if (nanos % POWERS_OF_TEN[NANO_DIGITS - precision] != 0) {
            throw in.refused(atMost(precision));
        }
    }

    private static String atMost(int precision) {
        return "at most " + precision + " digits of a second";
    }

    /** Empty if the value is no text. */
    private static String textOf(JsonInput in) throws IOException {
        JsonParser parser = in.parser();
        return parser.currentToken() == JsonToken.VALUE_STRING ? parser.getText() : "";
    }

    /** Goes through a text of ISO 8601, one part after another. */
    private static final class Clock {
        /** There is no such part. */
        static final int NONE = Integer.MIN_VALUE;

        private final String text;
        private int next;
        private int nanos;

        Clock(String text) {
            this.text = text;
        }

        boolean isAtEnd() {
            return next == text.length();
        }

        boolean skips(char one, char other) {
            boolean is = next < text.length() && (text.charAt(next) == one || text.charAt(next) == other);
            if (is) {
                next++;
            }
            return is;
        }

        boolean skips(char one) {
            return skips(one, one);
        }

        /** As days since 1970. */
        int date() {
            int year = number(4);
            int month = skips('-') ? number(2) : NONE;
            int day = skips('-') ? number(2) : NONE;
            try {
                return year < 0 ? NONE : (int) LocalDate.of(year, month, day).toEpochDay();
            } catch (DateTimeException e) {
                return NONE;
            }
        }

        /** Seconds since midnight; what is below a second is in {@code nanos}. */
        int secondOfDay() {
            int hour = number(2);
            int minute = skips(':') ? number(2) : NONE;
            int second = 0;
            nanos = 0;
            if (skips(':')) {
                second = number(2);
                nanos = skips('.') ? fraction() : 0;
            }
            boolean valid = isWithin(hour, 23) && isWithin(minute, 59) && isWithin(second, 59) && nanos != NONE;
            return valid ? (hour * 60 + minute) * 60 + second : NONE;
        }

        /** Seconds east of UTC: Z, or hours with or without minutes. */
        int offset() {
            if (skips('Z')) {
                return 0;
            }
            int sign = skips('+') ? 1 : skips('-') ? -1 : 0;
            int hours = number(2);
            int minutes = 0;
            if (skips(':') || !isAtEnd()) {
                minutes = number(2);
            }
            boolean valid = sign != 0 && isWithin(hours, MAX_OFFSET_HOURS) && isWithin(minutes, 59);
            int seconds = (hours * 60 + minutes) * 60;
            return valid && seconds <= MAX_OFFSET_HOURS * 60 * 60 ? sign * seconds : NONE;
        }

        private static boolean isWithin(int value, int most) {
            return value >= 0 && value <= most;
        }

        private int number(int digits) {
            int value = 0;
            for (int i = 0; i < digits; i++, next++) {
                if (!isDigit()) {
                    return NONE;
                }
                value = 10 * value + text.charAt(next) - '0';
            }
            return value;
        }

        private int fraction() {
            int start = next;
            int value = 0;
            while (isDigit() && next - start < NANO_DIGITS) {
                value = 10 * value + text.charAt(next++) - '0';
            }
            return next == start ? NONE : value * POWERS_OF_TEN[NANO_DIGITS - (next - start)];
        }

        private boolean isDigit() {
            return next < text.length() && text.charAt(next) >= '0' && text.charAt(next) <= '9';
        }
    }
}

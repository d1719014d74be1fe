package io.procstream.flink.deadletter;

import java.time.Instant;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import org.apache.flink.table.data.TimestampData;

/**
 * What Flink's types of time hold: years 0000 to 9999, and times within a day. Flink does not check it, and what reads
 * its tables later fails on such a value, or changes it.
 */
final class TimeRange {
    private static final int FIRST_DAY = (int) LocalDate.of(0, 1, 1).toEpochDay();
    private static final int LAST_DAY = (int) LocalDate.of(9999, 12, 31).toEpochDay();
    private static final int MILLIS_OF_DAY = (int) ChronoUnit.DAYS.getDuration().toMillis();
    private static final long FIRST_MILLI = (long) FIRST_DAY * MILLIS_OF_DAY;
    private static final long LAST_MILLI = (LAST_DAY + 1L) * MILLIS_OF_DAY - 1;
    private static final String YEARS = "a time of the years 0000 to 9999";

    private TimeRange() {}

    /** A timestamp, from milliseconds since 1970 and the nanoseconds of the millisecond. */
    static TimestampData timestamp(long millis, int nanos) throws BadValueException {
        if (millis < FIRST_MILLI || millis > LAST_MILLI) {
            throw BadValueException.expected(Instant.ofEpochMilli(millis).toString(), YEARS);
        }
        return TimestampData.fromEpochMillis(millis, nanos);
    }

    /** A date, in days since 1970. */
    static int date(int days) throws BadValueException {
        if (days < FIRST_DAY || days > LAST_DAY) {
            throw BadValueException.expected(LocalDate.ofEpochDay(days).toString(), YEARS);
        }
        return days;
    }

    /** A time of day, in milliseconds since midnight. */
    static int timeOfDay(int millis) throws BadValueException {
        if (millis < 0 || millis >= MILLIS_OF_DAY) {
            throw BadValueException.expected(millis + " ms", "a time of day, 0 to " + (MILLIS_OF_DAY - 1) + " ms");
        }
        return millis;
    }
}

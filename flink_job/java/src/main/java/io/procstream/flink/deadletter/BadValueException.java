package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.io.IOException;

/**
 * A value that its column cannot hold. While the exception passes through the values that contain it, each adds its
 * part of the place: {@code user.tags[3]}.
 */
final class BadValueException extends IOException {
    /** Characters of the value that are shown. */
    static final int MAX_FOUND = 80;

    private final String problem;
    private String place = "";

    BadValueException(String problem) {
        super(problem);
        this.problem = problem;
    }

    /** The usual problem: what was found, shortened, and what the column expects. */
    static BadValueException expected(String found, String expected) {
        String shown = found.codePointCount(0, found.length()) <= MAX_FOUND
                ? found
                : found.substring(0, found.offsetByCodePoints(0, MAX_FOUND)) + "...";
        return new BadValueException("found " + shown + ", expected " + expected);
    }

    BadValueException inField(String name) {
        return within(name);
    }

    BadValueException inElement(int index) {
        return within("[" + index + "]");
    }

    BadValueException inKey(String key) {
        return within("{" + key + "}");
    }

    private BadValueException within(String step) {
        boolean isField = !place.isEmpty() && place.charAt(0) != '[' && place.charAt(0) != '{';
        place = isField ? step + "." + place : step + place;
        return this;
    }

    BadRecordException asRecord() {
        return new BadRecordException(Reason.UNDECODABLE, place.isEmpty() ? problem : place + ": " + problem);
    }

    /** Thousands of bad values a second need no stack trace each. */
    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}

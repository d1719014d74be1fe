package io.procstream.flink.deadletter;

import java.io.IOException;

/** A record that can never be decoded, however often it is tried. */
final class BadRecordException extends IOException {
    private static final int MAX_DETAIL = 500;

    /** The first word of the error column. */
    enum Reason {
        TOMBSTONE,
        WRONG_MAGIC_BYTE,
        UNKNOWN_SCHEMA_ID,
        TRUNCATED,
        TRAILING_BYTES,
        MISSING_FIELD,
        UNDECODABLE
    }

    BadRecordException(Reason reason, String detail) {
        super(reason + ": " + oneLine(detail));
    }

    /** UNDECODABLE, for the innermost cause: decoders wrap it in what a reader of the error does not need. */
    static BadRecordException undecodable(Throwable failure) {
        return new BadRecordException(Reason.UNDECODABLE, summary(failure));
    }

    /** The innermost cause in one line. */
    static String summary(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String name = cause.getClass().getSimpleName();
        return cause.getMessage() == null ? name : name + " " + oneLine(cause.getMessage());
    }

    private static String oneLine(String detail) {
        String first = detail.lines().findFirst().orElse("");
        return first.substring(0, Math.min(first.length(), MAX_DETAIL));
    }

    /** Thousands of bad records a second need no stack trace each. */
    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}

package io.procstream.flink.deadletter;

import java.io.IOException;

/** A record that can never be decoded, however often it is tried. */
final class BadRecordException extends IOException {
    private static final int MAX_DETAIL = 500;

    /** What is wrong, as the first word of the error column. */
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
        super(reason + ": " + detail);
    }

    /** UNDECODABLE, for the innermost cause: decoders wrap it in what a person does not need. */
    static BadRecordException undecodable(Throwable failure) {
        Throwable cause = failure;
        while (cause.getCause() != null && cause.getCause() != cause) {
            cause = cause.getCause();
        }
        String name = cause.getClass().getSimpleName();
        String message = cause.getMessage() == null
                ? ""
                : " " + cause.getMessage().lines().findFirst().orElse("");
        String detail = name + message;
        return new BadRecordException(Reason.UNDECODABLE, detail.substring(0, Math.min(detail.length(), MAX_DETAIL)));
    }

    /** Thousands of bad records a second need no stack trace each. */
    @Override
    public synchronized Throwable fillInStackTrace() {
        return this;
    }
}

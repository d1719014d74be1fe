package io.procstream.flink.deadletter;

import java.time.Duration;

/**
 * How long to wait for an id that a registry does not have yet. A schema may reach one replica of a registry after
 * the records that name it. Garbage has random ids, so what is waited for all of them is limited.
 */
final class LagBudget {
    /** For one id. */
    static final Duration FOR_ID = Duration.ofSeconds(2);
    /** For all ids, in each minute. */
    static final Duration IN_MINUTE = Duration.ofSeconds(5);

    private static final long MINUTE = Duration.ofMinutes(1).toNanos();

    private long minute;
    private long spent;

    /** Whether an id that was waited for since {@code start} may be waited for a pause longer. */
    boolean allows(Duration pause, long start) {
        long now = System.nanoTime();
        if (spent == 0 || now - minute > MINUTE) {
            minute = now;
            spent = 0;
        }
        if (now - start + pause.toNanos() > FOR_ID.toNanos() || spent + pause.toNanos() > IN_MINUTE.toNanos()) {
            return false;
        }
        spent += pause.toNanos();
        return true;
    }
}

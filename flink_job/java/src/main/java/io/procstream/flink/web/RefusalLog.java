package io.procstream.flink.web;

import java.time.Duration;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One line a minute of what was refused: a page in a browser can send thousands of requests. */
final class RefusalLog {
    private static final Logger LOG = LoggerFactory.getLogger(RequestGuard.class);
    private static final long PAUSE = Duration.ofMinutes(1).toNanos();

    private final LongSupplier nanoTime;
    private long last;
    private long unlogged;
    private boolean empty = true;

    RefusalLog(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
    }

    /** Logs a request, unless another one was logged within the last minute. Returns whether it did. */
    synchronized boolean add(String method, String path, String client, String reason) {
        long now = nanoTime.getAsLong();
        if (!empty && now - last < PAUSE) {
            unlogged++;
            return false;
        }
        LOG.warn(
                "Refused {} {} from {}: {}. {} more since the last such line. Other hosts: {} (docs/security.md).",
                method,
                path,
                client,
                reason,
                unlogged,
                RequestGuardFactory.ALLOWED_HOSTS.key());
        empty = false;
        last = now;
        unlogged = 0;
        return true;
    }
}

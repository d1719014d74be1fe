package io.procstream.flink.lake;

/**
 * The id of the checkpoint a subtask is about to close its files for: its writer tells its files.
 */
final class CheckpointId {
    private static final long UNKNOWN = 0;

    private long id = UNKNOWN;

    void set(long checkpointId) {
        id = checkpointId;
    }

    void clear() {
        id = UNKNOWN;
    }

    long get() {
        if (id == UNKNOWN) {
            throw new IllegalStateException("A file is closed, but no checkpoint was announced to the writer.");
        }
        return id;
    }
}

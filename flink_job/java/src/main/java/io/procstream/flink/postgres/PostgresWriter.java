package io.procstream.flink.postgres;

import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.IntStream;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.data.RowData;
import org.apache.flink.types.RowKind;

/**
 * Collects rows and writes them in a transaction. Everything happens in the task's own thread, so that an error fails the
 * task where it arises; closing never writes, for what is not written comes again from the last checkpoint.
 */
final class PostgresWriter implements SinkWriter<RowData> {
    private static final int ATTEMPTS = 3;
    private static final long PAUSE_MS = 1000;
    private static final int ANSWER_SECONDS = 5;

    private final PostgresSink sink;
    private final ProcessingTimeService clock;
    private final Counter sent;
    private final List<String[]> appended = new ArrayList<>();
    /** The last change of each key: a statement cannot change a row twice. Null deletes it. */
    private final Map<List<String>, String[]> upserted = new LinkedHashMap<>();

    private boolean timerIsSet;
    private Connection connection;

    PostgresWriter(PostgresSink sink, ProcessingTimeService clock, Counter sent) {
        this.sink = sink;
        this.clock = clock;
        this.sent = sent;
    }

    @Override
    public void write(RowData row, Context context) throws IOException, InterruptedException {
        String[] values = texts(row);
        if (!sink.statements().isUpsert()) {
            appended.add(values);
        } else if (row.getRowKind() != RowKind.UPDATE_BEFORE) {
            List<String> key = Arrays.stream(sink.statements().key())
                    .mapToObj(index -> values[index])
                    .toList();
            upserted.remove(key); // the order is that of the last changes
            upserted.put(key, row.getRowKind() == RowKind.DELETE ? null : values);
        }
        if (size() >= sink.maxRows()) {
            flush(false);
        } else if (!timerIsSet) {
            timerIsSet = true;
            clock.registerTimer(
                    clock.getCurrentProcessingTime() + sink.interval().toMillis(), time -> {
                        timerIsSet = false;
                        flush(false);
                    });
        }
    }

    private static String[] texts(RowData row) {
        return IntStream.range(0, row.getArity())
                .mapToObj(index ->
                        row.isNullAt(index) ? null : row.getString(index).toString())
                .toArray(String[]::new);
    }

    private int size() {
        return appended.size() + upserted.size();
    }

    @Override
    public void flush(boolean endOfInput) throws IOException, InterruptedException {
        for (int attempt = 1; size() > 0; attempt++) {
            try {
                writeAll();
                sent.inc(size());
                appended.clear();
                upserted.clear();
            } catch (SQLException e) {
                disconnect();
                if (attempt == ATTEMPTS) {
                    throw new IOException(
                            String.format(
                                    "PostgreSQL at %s, table %s: %s",
                                    sink.database(), sink.statements().table(), reason(e)),
                            e);
                }
                Thread.sleep(attempt * PAUSE_MS);
            }
        }
    }

    /** Without the statement that the driver repeats with all its values. */
    private static String reason(SQLException e) {
        Throwable innermost = e.getNextException() != null ? e.getNextException() : e;
        return String.valueOf(innermost.getMessage()).lines().findFirst().orElse("");
    }

    private void writeAll() throws SQLException {
        if (connection == null) {
            connection = connect();
        }
        List<String[]> inserted = new ArrayList<>(appended);
        List<List<String>> deleted = new ArrayList<>();
        upserted.forEach((key, values) -> {
            if (values == null) {
                deleted.add(key);
            } else {
                inserted.add(values);
            }
        });
        execute(sink.statements().insert(), inserted);
        execute(
                sink.statements().delete(),
                deleted.stream().map(key -> key.toArray(String[]::new)).toList());
        connection.commit();
    }

    private void execute(String sql, List<String[]> rows) throws SQLException {
        if (rows.isEmpty()) {
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (String[] values : rows) {
                for (int i = 0; i < values.length; i++) {
                    statement.setString(i + 1, values[i]);
                }
                statement.addBatch();
            }
            statement.executeBatch();
        }
    }

    private Connection connect() throws SQLException {
        Properties properties = new Properties();
        if (sink.database().user() != null) {
            properties.setProperty("user", sink.database().user());
        }
        if (sink.database().password() != null) {
            properties.setProperty("password", sink.database().password());
        }
        properties.setProperty("loginTimeout", String.valueOf(ANSWER_SECONDS));
        try {
            Class.forName("org.postgresql.Driver");
        } catch (ClassNotFoundException e) {
            throw new SQLException("the driver org.postgresql is not on Flink's class path", e);
        }
        Connection opened = DriverManager.getConnection(sink.database().url(), properties);
        opened.setAutoCommit(false);
        return opened;
    }

    private void disconnect() {
        if (connection != null) {
            try {
                connection.close();
            } catch (SQLException e) {
                // It is broken already.
            }
            connection = null;
        }
    }

    @Override
    public void close() {
        disconnect();
    }
}

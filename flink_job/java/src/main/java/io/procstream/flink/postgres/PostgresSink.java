package io.procstream.flink.postgres;

import java.io.Serializable;
import java.time.Duration;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.table.data.RowData;

/** Writes rows in batches, all of them before each checkpoint: at least once, and with a key as good as once. */
record PostgresSink(PostgresStatements statements, Database database, int maxRows, Duration interval)
        implements Sink<RowData> {

    /** Where it is. User and password may be null. */
    record Database(String url, String user, String password) implements Serializable {
        @Override
        public String toString() {
            return url.replaceFirst("\\?.*", "");
        }
    }

    @Override
    public SinkWriter<RowData> createWriter(WriterInitContext context) {
        return new PostgresWriter(
                this, context.getProcessingTimeService(), context.metricGroup().getNumRecordsSendCounter());
    }
}

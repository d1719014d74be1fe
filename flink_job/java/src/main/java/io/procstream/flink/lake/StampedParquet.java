package io.procstream.flink.lake;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.flink.api.common.serialization.BulkWriter;
import org.apache.flink.core.fs.FSDataOutputStream;
import org.apache.flink.table.data.RowData;

/** Parquet files that get their checkpoint id when they are closed, by {@link ParquetStamp}. */
final class StampedParquet implements BulkWriter.Factory<RowData> {
    private final BulkWriter.Factory<RowData> parquet;
    private final transient CheckpointId checkpointId;
    private final boolean markTimestampsUtc;

    /** A format for the files of one subtask, whose writer sets {@code checkpointId}. */
    StampedParquet(BulkWriter.Factory<RowData> parquet, CheckpointId checkpointId, boolean markTimestampsUtc) {
        this.parquet = parquet;
        this.checkpointId = checkpointId;
        this.markTimestampsUtc = markTimestampsUtc;
    }

    @Override
    public BulkWriter<RowData> create(FSDataOutputStream out) throws IOException {
        Tail tail = new Tail(out);
        BulkWriter<RowData> rows = parquet.create(tail);
        return new BulkWriter<>() {
            @Override
            public void addElement(RowData row) throws IOException {
                rows.addElement(row);
            }

            @Override
            public void flush() throws IOException {
                rows.flush();
            }

            @Override
            public void finish() throws IOException {
                ParquetStamp stamp = new ParquetStamp(checkpointId.get(), markTimestampsUtc);
                tail.hold();
                rows.finish();
                stamp.append(tail.held(), out);
                out.flush();
            }
        };
    }

    /**
     * Passes bytes on until told to hold; from then on keeps back the last ones, with the footer
     * among them. The encoder writes its last row group and the footer in one go, and only the end of
     * that needs to be kept.
     */
    private static final class Tail extends FSDataOutputStream {
        /** More than any sane footer: 16 MiB is the metadata of some 200,000 column chunks. */
        private static final int KEPT = 16 << 20;

        private final FSDataOutputStream out;
        private ByteArrayOutputStream held;

        Tail(FSDataOutputStream out) {
            this.out = out;
        }

        void hold() {
            held = new ByteArrayOutputStream(1 << 16);
        }

        byte[] held() {
            return held.toByteArray();
        }

        @Override
        public void write(byte[] bytes, int start, int length) throws IOException {
            if (held == null) {
                out.write(bytes, start, length);
                return;
            }
            held.write(bytes, start, length);
            if (held.size() > 2 * KEPT) {
                byte[] all = held.toByteArray();
                int released = all.length - KEPT;
                out.write(all, 0, released);
                held.reset();
                held.write(all, released, KEPT);
            }
        }

        @Override
        public void write(int oneByte) throws IOException {
            write(new byte[] {(byte) oneByte}, 0, 1);
        }

        @Override
        public long getPos() throws IOException {
            return out.getPos() + (held == null ? 0 : held.size());
        }

        @Override
        public void flush() throws IOException {
            out.flush();
        }

        @Override
        public void sync() throws IOException {
            out.sync();
        }

        @Override
        public void close() throws IOException {
            out.close();
        }
    }
}

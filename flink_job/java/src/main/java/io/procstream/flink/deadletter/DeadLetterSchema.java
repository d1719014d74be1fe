package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.util.Collector;
import org.apache.flink.util.InstantiationUtil;

/** Turns what another decoder throws into a row of nulls with the error and the record's bytes. */
final class DeadLetterSchema implements DeserializationSchema<RowData> {
    static final String METRIC = "numDeadLetters";

    /**
     * Where things are in a row that is produced: the decoder's fields, then metadata.
     *
     * @param arity of the whole row
     * @param error index of the error, or negative if the table does not read it
     * @param raw index of the record's bytes, or negative
     * @param required columns that a good record has
     */
    record Layout(int arity, int error, int raw, List<Required> required) implements Serializable {}

    /** A column that must not be null. */
    record Required(int index, String name) implements Serializable {}

    private final DeserializationSchema<RowData> pristine;
    private final String format;
    private final Layout layout;
    private final TypeInformation<RowData> type;

    private transient DeserializationSchema<RowData> decoder;
    private transient InitializationContext context;
    private transient List<RowData> rows;
    private transient Collector<RowData> toRows;
    private transient Counter deadLetters;

    /**
     * Wraps a decoder.
     *
     * @param decoder if it is no {@link JudgingSchema}, each of its exceptions is the record's fault
     * @param format the decoder's name
     */
    DeadLetterSchema(
            DeserializationSchema<RowData> decoder, String format, Layout layout, TypeInformation<RowData> type) {
        this.pristine = decoder;
        this.format = format;
        this.layout = layout;
        this.type = type;
    }

    @Override
    public void open(InitializationContext context) throws Exception {
        this.context = context;
        rows = new ArrayList<>();
        toRows = new ListCollector<>(rows);
        deadLetters = context.getMetricGroup().counter(METRIC);
        renewDecoder();
    }

    private void renewDecoder() throws Exception {
        decoder = InstantiationUtil.clone(pristine, Thread.currentThread().getContextClassLoader());
        decoder.open(context);
    }

    @Override
    public void deserialize(byte[] message, Collector<RowData> out) throws IOException {
        String error = null;
        rows.clear();
        try {
            decode(message);
        } catch (BadRecordException e) {
            error = e.getMessage();
        }
        // Outside the try: an exception from an operator behind us is not a bad record.
        if (error != null) {
            deadLetters.inc();
            out.collect(letter(error, message));
            return;
        }
        for (RowData row : rows) {
            out.collect(widened((GenericRowData) row));
        }
    }

    private void decode(byte[] message) throws IOException {
        if (message == null) {
            throw new BadRecordException(Reason.TOMBSTONE, "the record's value is null");
        }
        try {
            decoder.deserialize(message, toRows);
        } catch (Exception | OutOfMemoryError | StackOverflowError e) {
            if (pristine instanceof JudgingSchema) {
                throw e;
            }
            renewAfter(e);
            throw BadRecordException.undecodable(e);
        }
        if (rows.isEmpty()) {
            throw new BadRecordException(Reason.UNDECODABLE, "format '" + format + "' made no row of it");
        }
        for (RowData row : rows) {
            refuseMissing((GenericRowData) row);
        }
    }

    private void refuseMissing(GenericRowData row) throws BadRecordException {
        for (Required column : layout.required) {
            if (row.isNullAt(column.index)) {
                throw new BadRecordException(Reason.MISSING_FIELD, column.name + " is missing or null");
            }
        }
    }

    /** A decoder that failed may hold on to the rest of the bad record. */
    private void renewAfter(Throwable failure) throws IOException {
        try {
            renewDecoder();
        } catch (Exception e) {
            e.addSuppressed(failure);
            throw new IOException("Format '" + format + "' cannot be opened again.", e);
        }
    }

    private RowData widened(GenericRowData row) {
        if (row.getArity() == layout.arity) {
            return row;
        }
        GenericRowData wide = new GenericRowData(row.getRowKind(), layout.arity);
        for (int i = 0; i < row.getArity(); i++) {
            wide.setField(i, row.getField(i));
        }
        return wide;
    }

    private RowData letter(String error, byte[] message) {
        GenericRowData row = new GenericRowData(layout.arity);
        if (layout.error >= 0) {
            row.setField(layout.error, StringData.fromString(error));
        }
        if (layout.raw >= 0) {
            row.setField(layout.raw, message);
        }
        return row;
    }

    @Override
    public RowData deserialize(byte[] message) {
        throw new UnsupportedOperationException("Rows are given to a collector.");
    }

    @Override
    public boolean isEndOfStream(RowData row) {
        return false;
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return type;
    }
}

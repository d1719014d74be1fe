package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericData;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;
import org.apache.flink.formats.avro.AvroToRowDataConverters;
import org.apache.flink.formats.avro.AvroToRowDataConverters.AvroToRowDataConverter;
import org.apache.flink.formats.avro.typeutils.AvroSchemaConverter;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;

/**
 * Decodes Avro in Confluent's wire format: a zero byte, the schema id in four bytes, the record.
 *
 * <p>Reads what Flink's {@code avro-confluent} reads, from the same parts, but each record by
 * itself: Flink's own decoder buffers, so that what a bad record leaves is read as the start of the
 * next one. The position after the record also shows bytes that do not belong to it.
 */
final class AvroConfluentSchema implements JudgingSchema {
    private static final byte MAGIC_BYTE = 0;
    private static final int HEADER_SIZE = 1 + Integer.BYTES;

    private final RegistrySchemas registry;
    private final String readerSchemaText;
    private final AvroToRowDataConverter toRow;
    private final TypeInformation<RowData> type;

    private transient Schema readerSchema;
    private transient Map<Integer, DatumReader<GenericRecord>> readers;
    private transient int lastId;
    private transient DatumReader<GenericRecord> lastReader;
    private transient BinaryDecoder decoder;

    /**
     * A decoder for a table.
     *
     * @param columns paired with the writer's fields by name; absent ones are null
     * @param givenSchema the schema to read as, its fields being the columns in their order; null:
     *     derived from the columns. Only a given one can have an enum or a fixed: the derived one asks
     *     for a string or bytes, to which Avro resolves neither
     * @param legacyTimestamps Flink's {@code timestamp_mapping.legacy}: Avro's timestamp-millis is
     *     TIMESTAMP(3); otherwise it is TIMESTAMP_LTZ(3) and local-timestamp-millis TIMESTAMP(3)
     * @throws ValidationException for timestamps finer than milliseconds: Flink's converter cannot
     */
    AvroConfluentSchema(
            RowType columns,
            String givenSchema,
            boolean legacyTimestamps,
            RegistrySchemas registry,
            TypeInformation<RowData> type) {
        this.registry = registry;
        this.readerSchemaText = givenSchema == null
                ? AvroSchemaConverter.convertToSchema(columns.copy(false), legacyTimestamps)
                        .toString()
                : matching(givenSchema, columns, legacyTimestamps);
        this.toRow = AvroToRowDataConverters.createRowConverter(columns, legacyTimestamps);
        this.type = type;
        if (readerSchemaText.contains("timestamp-micros")) {
            throw new ValidationException(
                    "Avro timestamps are read in milliseconds: declare a precision of 3 or less.");
        }
    }

    private static String matching(String schema, RowType columns, boolean legacyTimestamps) {
        LogicalType fields =
                AvroSchemaConverter.convertToDataType(schema, legacyTimestamps).getLogicalType();
        if (!fields.copy(false).equals(columns.copy(false))) {
            throw new ValidationException(String.format(
                    "Option 'schema' gives %s, expected the columns: %s.",
                    fields.asSummaryString(), columns.asSummaryString()));
        }
        return schema;
    }

    @Override
    public void open(InitializationContext context) {
        readerSchema = new Schema.Parser().parse(readerSchemaText);
        readers = new HashMap<>();
        registry.open();
    }

    @Override
    public RowData deserialize(byte[] message) throws IOException {
        DatumReader<GenericRecord> reader = reader(schemaId(message));
        decoder = DecoderFactory.get().binaryDecoder(message, HEADER_SIZE, message.length - HEADER_SIZE, decoder);
        RowData row;
        try {
            row = (RowData) toRow.convert(reader.read(null, decoder));
        } catch (EOFException e) {
            throw new BadRecordException(
                    Reason.TRUNCATED, "the record ends after " + message.length + " bytes, its schema expects more");
        } catch (IOException | RuntimeException | OutOfMemoryError | StackOverflowError e) {
            decoder = null;
            throw BadRecordException.undecodable(e); // garbage can ask for gigabytes, or nest endlessly
        }
        if (!decoder.isEnd()) {
            int left = decoder.inputStream().available();
            throw new BadRecordException(Reason.TRAILING_BYTES, left + " bytes after the record");
        }
        return row;
    }

    private static int schemaId(byte[] message) throws BadRecordException {
        if (message.length > 0 && message[0] != MAGIC_BYTE) {
            throw new BadRecordException(
                    Reason.WRONG_MAGIC_BYTE, String.format("expected 0, found 0x%02x", message[0]));
        }
        if (message.length < HEADER_SIZE) {
            throw new BadRecordException(
                    Reason.TRUNCATED,
                    message.length + " bytes, expected at least " + HEADER_SIZE + " (zero byte, schema id)");
        }
        return ByteBuffer.wrap(message).getInt(1);
    }

    private DatumReader<GenericRecord> reader(int id) throws IOException {
        if (lastReader == null || id != lastId) {
            DatumReader<GenericRecord> reader = readers.get(id);
            if (reader == null) {
                GenericData data = new GenericData(Thread.currentThread().getContextClassLoader());
                data.setFastReaderEnabled(true); // Avro's newer reader: two thirds of the time
                Schema writerSchema = registry.byId(id);
                TimeUnitCheck.compare(writerSchema, readerSchema);
                reader = new GenericDatumReader<>(writerSchema, readerSchema, data);
                readers.put(id, reader);
            }
            lastReader = reader;
            lastId = id;
        }
        return lastReader;
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

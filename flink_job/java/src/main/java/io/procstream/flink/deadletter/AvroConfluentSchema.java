package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;
import org.apache.flink.formats.avro.typeutils.AvroSchemaConverter;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/**
 * Decodes Avro in Confluent's wire format: a zero byte, the schema id in four bytes, the record.
 *
 * <p>Each record is decoded by itself. Flink's own decoder buffers, so that what is left of a bad record is read as
 * the start of the next one.
 */
final class AvroConfluentSchema implements JudgingSchema {
    private static final byte MAGIC_BYTE = 0;
    private static final int HEADER_SIZE = 1 + Integer.BYTES;

    private final RegistrySchemas registry;
    private final RowType columns;
    private final String readerSchemaText;
    private final boolean legacyTimestamps;
    private final TypeInformation<RowData> type;

    private transient Schema readerSchema;
    private transient AvroResolution resolution;
    private transient Map<Integer, AvroValue> readers;
    private transient int lastId;
    private transient AvroValue lastReader;
    private transient BinaryDecoder decoder;

    /**
     * A decoder for a table.
     *
     * @param columns paired with the reader's fields by name
     * @param givenSchema the schema to read as, with a field for each column: its aliases and defaults apply. Null:
     *     derived from the columns, and a column that a record lacks is null. Only a given schema can have an enum or a
     *     fixed: the derived one has a string or bytes, to which Avro resolves neither
     * @param legacyTimestamps Flink's {@code timestamp_mapping.legacy}
     * @throws org.apache.flink.table.api.ValidationException if the schema does not fit the columns
     */
    AvroConfluentSchema(
            RowType columns,
            String givenSchema,
            boolean legacyTimestamps,
            RegistrySchemas registry,
            TypeInformation<RowData> type) {
        this.registry = registry;
        this.columns = columns;
        this.readerSchemaText = givenSchema == null
                ? AvroSchemaConverter.convertToSchema(columns.copy(false), legacyTimestamps)
                        .toString()
                : givenSchema;
        this.legacyTimestamps = legacyTimestamps;
        this.type = type;
        Schema schema = AvroReaderSchema.of(readerSchemaText, columns);
        resolution().rows(schema, schema, columns);
    }

    private AvroResolution resolution() {
        return new AvroResolution(new AvroScalars(legacyTimestamps));
    }

    @Override
    public void open(InitializationContext context) {
        readerSchema = AvroReaderSchema.of(readerSchemaText, columns);
        resolution = resolution();
        readers = new HashMap<>();
        registry.open();
    }

    @Override
    public RowData deserialize(byte[] message) throws IOException {
        AvroValue reader = reader(schemaId(message));
        decoder = DecoderFactory.get().binaryDecoder(message, HEADER_SIZE, message.length - HEADER_SIZE, decoder);
        RowData row;
        try {
            row = (RowData) reader.read(decoder);
        } catch (EOFException e) {
            throw new BadRecordException(
                    Reason.TRUNCATED, "the record ends after " + message.length + " bytes, its schema expects more");
        } catch (BadValueException e) {
            throw e.asRecord();
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

    private AvroValue reader(int id) throws IOException {
        if (lastReader == null || id != lastId) {
            AvroValue reader = readers.get(id);
            if (reader == null) {
                reader = newReader(registry.byId(id));
                readers.put(id, reader);
            }
            lastReader = reader;
            lastId = id;
        }
        return lastReader;
    }

    private AvroValue newReader(Schema writerSchema) {
        try {
            return resolution.rows(writerSchema, readerSchema, columns);
        } catch (RuntimeException e) { // a default that is not of its field's type
            String problem = BadRecordException.summary(e);
            return in -> {
                throw new BadValueException(problem);
            };
        }
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return type;
    }
}

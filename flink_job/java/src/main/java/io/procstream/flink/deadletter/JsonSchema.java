package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.io.IOException;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.formats.common.TimestampFormat;
import org.apache.flink.formats.json.AbstractJsonDeserializationSchema;
import org.apache.flink.formats.json.JsonParserToRowDataConverters;
import org.apache.flink.formats.json.JsonParserToRowDataConverters.JsonParserToRowDataConverter;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.io.JsonEOFException;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.Collector;

/**
 * Decodes one JSON object a record with the parts of Flink's {@code json}, but all of the record: Flink takes the
 * first document and drops the text after it, makes each element of an array a row (of one offset), and skips columns
 * once a name is repeated, because it counts names.
 */
final class JsonSchema extends AbstractJsonDeserializationSchema implements JudgingSchema {
    private final JsonParserToRowDataConverter toRow;

    JsonSchema(RowType columns, boolean failOnMissingField, TimestampFormat timestamps, TypeInformation<RowData> type) {
        super(columns, type, failOnMissingField, false, timestamps);
        toRow = new JsonParserToRowDataConverters(failOnMissingField, false, timestamps).createRowConverter(columns);
    }

    @Override
    public void open(InitializationContext context) throws Exception {
        super.open(context);
        objectMapper.enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION);
    }

    @Override
    public void deserialize(byte[] message, Collector<RowData> out) throws IOException {
        RowData row;
        boolean more;
        try (JsonParser parser = objectMapper.getFactory().createParser(message)) {
            JsonToken first = parser.nextToken();
            if (first != JsonToken.START_OBJECT) {
                throw notAnObject(first);
            }
            row = (RowData) toRow.convert(parser);
            more = hasMore(parser);
        } catch (BadRecordException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            throw diagnosed(message, e);
        }
        if (more) {
            throw new BadRecordException(Reason.TRAILING_BYTES, "text after the JSON object");
        }
        out.collect(row);
    }

    private static BadRecordException notAnObject(JsonToken found) {
        if (found == null) {
            return new BadRecordException(Reason.TRUNCATED, "the value is empty, expected a JSON object");
        }
        String name = found == JsonToken.START_ARRAY
                ? "an array"
                : found.asString() != null ? found.asString() : "a " + (found.isNumeric() ? "number" : "string");
        return new BadRecordException(Reason.UNDECODABLE, "found " + name + ", expected a JSON object");
    }

    private static boolean hasMore(JsonParser parser) {
        try {
            return parser.nextToken() != null;
        } catch (IOException e) {
            return true; // and not even JSON
        }
    }

    /** Flink's converter names the field at fault, but keeps to itself what the parser said. */
    private BadRecordException diagnosed(byte[] message, Exception failure) {
        try (JsonParser parser = objectMapper.getFactory().createParser(message)) {
            while (parser.nextToken() != null) {}
        } catch (JsonEOFException e) {
            return new BadRecordException(
                    Reason.TRUNCATED, "the JSON object does not end within " + message.length + " bytes");
        } catch (IOException e) {
            return BadRecordException.undecodable(e);
        }
        return BadRecordException.undecodable(failure);
    }
}

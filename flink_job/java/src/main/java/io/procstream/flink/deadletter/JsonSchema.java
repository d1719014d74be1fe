package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.exc.StreamConstraintsException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.io.JsonEOFException;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/**
 * Decodes one JSON object (RFC 8259) a record, in one pass from its bytes into Flink's form.
 *
 * <p>Flink's own decoder converts what it should refuse: 1.5 is 1 for an INT, a DECIMAL that does not fit is null, and
 * text after the first document is dropped.
 */
final class JsonSchema implements JudgingSchema {
    /** How the parser's settings could be changed, which is not for the user. */
    private static final Pattern HINT = Pattern.compile(": enable `.*| \\(not recognized as one since .*");

    private final RowType columns;
    private final Map<String, JsonTimes.Format> times;
    private final JsonTimes.Format otherTimes;
    private final TypeInformation<RowData> type;

    private transient JsonInput in;
    private transient JsonValue reader;

    /**
     * A decoder for a table.
     *
     * @param times how times are written, by column; all others are {@code otherTimes}
     * @throws org.apache.flink.table.api.ValidationException if there are no JSON values for a column
     */
    JsonSchema(
            RowType columns,
            Map<String, JsonTimes.Format> times,
            JsonTimes.Format otherTimes,
            TypeInformation<RowData> type) {
        this.columns = columns;
        this.times = times;
        this.otherTimes = otherTimes;
        this.type = type;
        JsonColumns.of(columns, times, otherTimes);
    }

    @Override
    public void open(InitializationContext context) {
        in = new JsonInput();
        reader = JsonColumns.of(columns, times, otherTimes);
    }

    @Override
    public RowData deserialize(byte[] message) throws IOException {
        try {
            Texts.utf8(message);
        } catch (BadValueException e) {
            throw e.asRecord();
        }
        JsonParser parser = in.begin(message);
        try {
            JsonToken first = parser.nextToken();
            if (first != JsonToken.START_OBJECT) {
                throw notAnObject(first);
            }
            RowData row = read(parser);
            if (!isBlank(message, in.position())) {
                throw new BadRecordException(Reason.TRAILING_BYTES, "text after the JSON object");
            }
            return row;
        } catch (JsonProcessingException e) {
            throw malformed(e);
        } catch (BadRecordException e) {
            in.discard();
            throw e;
        } catch (RuntimeException e) { // a fault of the parser: a job would fail at this record again and again
            in.discard();
            throw BadRecordException.undecodable(e);
        }
    }

    private RowData read(JsonParser parser) throws IOException {
        try {
            return (RowData) reader.read(in);
        } catch (BadValueException e) {
            while (!parser.getParsingContext().inRoot()) {
                parser.nextToken(); // a record that is no JSON is that in the first place
            }
            throw e.asRecord();
        }
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

    private static boolean isBlank(byte[] message, int start) {
        for (int i = start; i < message.length; i++) {
            if (" \t\r\n".indexOf(message[i]) < 0) {
                return false;
            }
        }
        return true;
    }

    private BadRecordException malformed(JsonProcessingException failure) {
        boolean isPlaced = failure.getLocation() != null;
        int place = isPlaced ? in.position(failure) : in.position();
        byte[] message = in.message();
        boolean isCutOff = failure instanceof JsonEOFException || in.hasEnded() && endsWithinToken(message);
        in.discard();
        if (failure instanceof StreamConstraintsException) {
            return new BadRecordException(
                    Reason.UNDECODABLE, "values nest more than " + JsonInput.MAX_DEPTH + " deep at byte " + place);
        }
        if (isCutOff) {
            return new BadRecordException(
                    Reason.TRUNCATED, "the JSON object does not end within " + message.length + " bytes");
        }
        return new BadRecordException(
                Reason.UNDECODABLE,
                "no JSON at byte " + place + ": "
                        + HINT.matcher(failure.getOriginalMessage()).replaceFirst(""));
    }

    /** Whether the letters at the end are the beginning of a word that JSON has, or of an exponent. */
    private static boolean endsWithinToken(byte[] message) {
        int start = message.length;
        while (start > 0 && Character.isLetter(message[start - 1])) {
            start--;
        }
        String letters = new String(message, start, message.length - start, StandardCharsets.US_ASCII);
        return letters.equalsIgnoreCase("e")
                || Stream.of("true", "false", "null").anyMatch(word -> word.startsWith(letters));
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
        return type;
    }
}

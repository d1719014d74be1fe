package io.procstream.flink.deadletter;

import java.io.IOException;
import java.util.Base64;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;

/** Reads values that have no others in them. What a column cannot hold is refused, never converted. */
final class JsonScalars {
    private static final String SURROGATES = "text without half of a surrogate pair";

    private JsonScalars() {}

    /** A reader of a column's values; null if JSON has no such values. */
    static JsonValue of(LogicalType column, JsonTimes.Format times) {
        return switch (column.getTypeRoot()) {
            case BOOLEAN -> JsonScalars::bool;
            case TINYINT -> {
                JsonNumbers.Whole whole = JsonNumbers.whole(Byte.MIN_VALUE, Byte.MAX_VALUE);
                yield in -> (byte) whole.read(in);
            }
            case SMALLINT -> {
                JsonNumbers.Whole whole = JsonNumbers.whole(Short.MIN_VALUE, Short.MAX_VALUE);
                yield in -> (short) whole.read(in);
            }
            case INTEGER -> {
                JsonNumbers.Whole whole = JsonNumbers.whole(Integer.MIN_VALUE, Integer.MAX_VALUE);
                yield in -> (int) whole.read(in);
            }
            case BIGINT -> JsonNumbers.whole(Long.MIN_VALUE, Long.MAX_VALUE)::read;
            case FLOAT -> JsonNumbers::toFloat;
            case DOUBLE -> JsonNumbers::toDouble;
            case DECIMAL -> {
                DecimalType decimal = (DecimalType) column;
                yield JsonNumbers.decimal(decimal.getPrecision(), decimal.getScale());
            }
            case CHAR, VARCHAR -> text(Lengths.of(column));
            case BINARY, VARBINARY -> bytes(Lengths.of(column));
            case DATE -> JsonTimes.date();
            case TIME_WITHOUT_TIME_ZONE -> JsonTimes.timeOfDay(LogicalTypeChecks.getPrecision(column));
            case TIMESTAMP_WITHOUT_TIME_ZONE -> JsonTimes.timestamp(
                    LogicalTypeChecks.getPrecision(column), false, times);
            case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> JsonTimes.timestamp(
                    LogicalTypeChecks.getPrecision(column), true, times);
            default -> null;
        };
    }

    private static Boolean bool(JsonInput in) throws IOException {
        JsonParser parser = in.parser();
        JsonToken token = parser.currentToken();
        if (token.isBoolean()) {
            return token == JsonToken.VALUE_TRUE;
        }
        String text = token == JsonToken.VALUE_STRING ? parser.getText() : "";
        if (!text.equals("true") && !text.equals("false")) {
            throw in.refused("true or false");
        }
        return text.equals("true");
    }

    private static JsonValue text(Lengths lengths) {
        if (lengths.isUnlimited()) {
            return JsonScalars::text;
        }
        return in -> {
            boolean isText = in.parser().currentToken() == JsonToken.VALUE_STRING;
            StringData text = text(in);
            if (!lengths.admits(((BinaryStringData) text).numChars())) {
                throw isText
                        ? in.refused(lengths.expected())
                        : BadValueException.expected(text.toString(), lengths.expected());
            }
            return text;
        };
    }

    /** Of a text its characters, of anything else what the record has there. */
    private static StringData text(JsonInput in) throws IOException {
        JsonParser parser = in.parser();
        JsonToken token = parser.currentToken();
        if (token == JsonToken.VALUE_STRING) {
            StringData plain = in.plainText();
            if (plain != null) {
                return plain;
            }
            if (hasHalfOfPair(parser.getText())) {
                throw in.refused(SURROGATES);
            }
        }
        if (token.isStructStart()) {
            int start = in.skipValue();
            return StringData.fromBytes(in.message(), start, in.position() - start);
        }
        return StringData.fromString(parser.getText());
    }

    /** A name of an object, as the key of a MAP. */
    static StringData key(String name) throws BadValueException {
        if (hasHalfOfPair(name)) {
            throw BadValueException.expected("half of a surrogate pair in a name", SURROGATES);
        }
        return StringData.fromString(name);
    }

    /** Whether there is one that UTF-8 cannot write. */
    private static boolean hasHalfOfPair(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                if (i + 1 == text.length() || !Character.isSurrogatePair(text.charAt(i), text.charAt(i + 1))) {
                    return true;
                }
                i++;
            }
        }
        return false;
    }

    private static JsonValue bytes(Lengths lengths) {
        return in -> {
            byte[] bytes = base64(in);
            if (!lengths.admits(bytes.length)) {
                throw in.refused(lengths.expected());
            }
            return bytes;
        };
    }

    private static byte[] base64(JsonInput in) throws IOException {
        JsonParser parser = in.parser();
        if (parser.currentToken() == JsonToken.VALUE_STRING) {
            String text = parser.getText();
            try {
                if (text.length() % 4 == 0) { // Java also takes text without padding
                    return Base64.getDecoder().decode(text);
                }
            } catch (IllegalArgumentException e) {
                throw in.refused("bytes in Base64");
            }
        }
        throw in.refused("bytes in Base64");
    }
}

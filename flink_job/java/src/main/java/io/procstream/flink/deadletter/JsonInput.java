package io.procstream.flink.deadletter;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonProcessingException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadConstraints;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadFeature;
import org.apache.flink.table.data.StringData;

/**
 * The record that is read, and Jackson's parser in it. All records are one stream of documents to one parser: to make
 * a parser takes as long as to read a small record.
 */
final class JsonInput {
    /** As Jackson has it by default. */
    static final int MAX_DEPTH = 1_000;

    /** A parser remembers every name that it has seen, so it is replaced after this many bytes. */
    private static final long RENEWED_AFTER = 1 << 20;

    /** What a new parser reads first, to settle that the stream is UTF-8: Jackson would also take UTF-16. */
    private static final byte[] FIRST = "{}  ".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private Feed feed;
    private JsonParser parser;
    private byte[] message;

    /** Where the message begins, in the parser's count of bytes. */
    private long offset;

    /** Begins with the next record; the parser is in front of it. */
    JsonParser begin(byte[] next) throws IOException {
        if (parser == null || feed.handedOut > RENEWED_AFTER) {
            renew();
        }
        message = next;
        int skipped = startsWithMark(next) ? BYTE_ORDER_MARK.length : 0;
        offset = feed.handedOut - skipped;
        feed.give(next, skipped);
        return parser;
    }

    private static boolean startsWithMark(byte[] bytes) {
        return bytes.length >= BYTE_ORDER_MARK.length
                && bytes[0] == BYTE_ORDER_MARK[0]
                && bytes[1] == BYTE_ORDER_MARK[1]
                && bytes[2] == BYTE_ORDER_MARK[2];
    }

    private void renew() throws IOException {
        feed = new Feed();
        feed.give(FIRST, 0);
        parser = JsonFactory.builder()
                .enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER)
                .enable(StreamReadFeature.USE_FAST_BIG_NUMBER_PARSER)
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(MAX_DEPTH)
                        .maxNumberLength(Integer.MAX_VALUE)
                        .maxStringLength(Integer.MAX_VALUE)
                        .maxNameLength(Integer.MAX_VALUE)
                        .build())
                .build()
                .createParser(feed);
        parser.nextToken();
        parser.nextToken();
    }

    /** After a record that was not read to its end: what is left of it must not be read as the next one. */
    void discard() {
        parser = null;
    }

    JsonParser parser() {
        return parser;
    }

    byte[] message() {
        return message;
    }

    /** Whether the parser asked for more than the message has. */
    boolean hasEnded() {
        return feed.hasEnded;
    }

    /** Where the current token begins in the message. */
    int tokenStart() {
        return (int) (parser.currentTokenLocation().getByteOffset() - offset);
    }

    /** How far the message was read. */
    int position() {
        return (int) (parser.currentLocation().getByteOffset() - offset);
    }

    /** Where in the message the parser gave up. */
    int position(JsonProcessingException failure) {
        return (int) (failure.getLocation().getByteOffset() - offset);
    }

    /** The text at whose token the parser is, without making characters of its bytes; null if it has escapes. */
    StringData plainText() {
        int start = tokenStart() + 1;
        int end = start;
        while (end < message.length && message[end] != '"') {
            if (message[end] == '\\') {
                return null;
            }
            end++;
        }
        // Without an end the parser will say so.
        return StringData.fromBytes(message, start, end - start);
    }

    /** Goes to the last token of the value at whose first token the parser is; returns where it began. */
    int skipValue() throws IOException {
        int start = tokenStart();
        parser.skipChildren();
        parser.finishToken();
        return start;
    }

    /** The value at whose first token the parser is, for the error that it is not what is expected. */
    BadValueException refused(String expected) throws IOException {
        String found;
        if (parser.currentToken().isNumeric()) { // the parser may be behind it already
            found = parser.getText();
        } else {
            int start = skipValue();
            int end = Math.min(position(), start + 4 * BadValueException.MAX_FOUND + 4);
            found = new String(message, start, end - start, StandardCharsets.UTF_8);
        }
        return BadValueException.expected(found, expected);
    }

    /** The bytes of the message, once; then as if the stream ended. */
    private static final class Feed extends InputStream {
        private byte[] bytes;
        private int next;
        private long handedOut;
        private boolean hasEnded;

        void give(byte[] all, int start) {
            bytes = all;
            next = start;
        }

        @Override
        public int read(byte[] target, int at, int most) {
            int count = Math.min(most, bytes.length - next);
            if (count <= 0) {
                hasEnded = true;
                return -1;
            }
            System.arraycopy(bytes, next, target, at, count);
            next += count;
            handedOut += count;
            return count;
        }

        @Override
        public int read() {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }
    }
}

package io.procstream.flink.deadletter;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text as bytes. */
final class Texts {
    private Texts() {}

    /**
     * The same bytes, after a check that they are UTF-8: no reader of Parquet takes others.
     *
     * @throws BadValueException if they are not
     */
    static byte[] utf8(byte[] bytes) throws BadValueException {
        for (byte each : bytes) {
            if (each < 0) {
                return checked(bytes);
            }
        }
        return bytes;
    }

    private static byte[] checked(byte[] bytes) throws BadValueException {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return bytes;
        } catch (CharacterCodingException e) {
            throw BadValueException.expected("bytes that are not UTF-8", "text");
        }
    }
}

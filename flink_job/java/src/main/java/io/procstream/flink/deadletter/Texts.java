package io.procstream.flink.deadletter;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Text as bytes. */
final class Texts {
    private static final VarHandle EIGHT_BYTES =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final long HIGH_BITS = 0x8080808080808080L;

    private Texts() {}

    /**
     * The same bytes, after a check that they are UTF-8: no reader of Parquet takes others.
     *
     * @throws BadValueException if they are not
     */
    static byte[] utf8(byte[] bytes) throws BadValueException {
        if (!isUtf8(bytes)) {
            throw BadValueException.expected("bytes that are not UTF-8", "text");
        }
        return bytes;
    }

    /** By table 3-7 of the Unicode Standard: neither overlong forms, nor surrogates, nor beyond U+10FFFF. */
    private static boolean isUtf8(byte[] bytes) {
        int at = 0;
        while (true) {
            at = endOfAscii(bytes, at);
            if (at == bytes.length) {
                return true;
            }
            int first = bytes[at] & 0xFF;
            int length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
            if (first < 0xC2 || first > 0xF4 || at + length > bytes.length) {
                return false;
            }
            int second = bytes[at + 1] & 0xFF;
            int least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
            int most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
            if (second < least || second > most) {
                return false;
            }
            for (int i = at + 2; i < at + length; i++) {
                if ((bytes[i] & 0xC0) != 0x80) {
                    return false;
                }
            }
            at += length;
        }
    }

    private static int endOfAscii(byte[] bytes, int start) {
        int at = start;
        while (at + Long.BYTES <= bytes.length && ((long) EIGHT_BYTES.get(bytes, at) & HIGH_BITS) == 0) {
            at += Long.BYTES;
        }
        while (at < bytes.length && bytes[at] >= 0) {
            at++;
        }
        return at;
    }
}

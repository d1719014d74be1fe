package io.procstream.flink.deadletter;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class TextsTest {
    @Test
    void bytesAreTextIfJavasStrictDecoderTakesThem() {
        // Where the rules change: first and second bytes of sequences.
        int[] edges = {0x00, 0x22, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1};
        int[] more = {0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF, 0x80, 0xBF, 0x80, 0xBF, 0x80};
        Random random = new Random(7);
        int good = 0;
        for (int round = 0; round < 300_000; round++) {
            byte[] bytes = new byte[random.nextInt(24)];
            Arrays.fill(bytes, (byte) 'x');
            int start = random.nextInt(bytes.length + 1);
            int end = Math.min(bytes.length, start + 1 + random.nextInt(5));
            for (int i = start; i < end; i++) {
                int which = random.nextInt(edges.length + more.length);
                bytes[i] = (byte) (which < edges.length ? edges[which] : more[which - edges.length]);
            }
            boolean isText = isText(bytes);
            good += isText ? 1 : 0;
            assertThat(isTaken(bytes)).as(Arrays.toString(bytes)).isEqualTo(isText);
        }
        assertThat(good).isBetween(20_000, 280_000);
    }

    private static boolean isTaken(byte[] bytes) {
        try {
            return Texts.utf8(bytes) == bytes;
        } catch (BadValueException e) {
            return false;
        }
    }

    private static boolean isText(byte[] bytes) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return true;
        } catch (CharacterCodingException e) {
            return false;
        }
    }
}

package io.procstream.flink.deadletter;

import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecordBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RegistryOutageTest {
    private static final Schema WRITER = AvroRecords.parse(
            "{\"type\": \"record\", \"name\": \"Event\", \"fields\": [{\"name\": \"id\", \"type\": \"long\"}]}");

    private StubRegistry registry;
    private byte[] good;

    @BeforeEach
    void startRegistry() throws Exception {
        registry = new StubRegistry();
        registry.register(7, WRITER.toString());
        good = AvroRecords.encode(
                7, WRITER, new GenericRecordBuilder(WRITER).set("id", 1L).build());
    }

    @AfterEach
    void stopRegistry() {
        registry.close();
    }

    private Decoder decoder(String retryTimeout) throws Exception {
        return Decoder.of(
                Decoder.row("id", BIGINT()),
                "format",
                "avro-confluent",
                "avro-confluent.url",
                registry.url(),
                "retry-timeout",
                retryTimeout);
    }

    @ParameterizedTest
    @CsvSource({"500, 50001", "503, 503", "401, 40101", "403, 40301", "404, 404", "404, 40401", "429, 42901"})
    void whateverElseItAnswersItIsAskedAgain(int status, int errorCode) throws Exception {
        registry.failure = new StubRegistry.Failure(status, errorCode, 3);
        Decoder decoder = decoder("20 s");
        assertThat(decoder.row(good).getLong(0)).isEqualTo(1);
        assertThat(registry.requestsFor(7)).isEqualTo(4);
        assertThat(decoder.deadLetters()).isZero();
    }

    @Test
    void aJobWaitsForARegistryThatIsDown() throws Exception {
        Decoder decoder = decoder("30 s");
        registry.stop();
        CompletableFuture<Void> back = CompletableFuture.runAsync(
                () -> {
                    try {
                        registry.start();
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                },
                CompletableFuture.delayedExecutor(700, TimeUnit.MILLISECONDS));
        assertThat(decoder.row(good).getLong(0)).isEqualTo(1);
        back.join();
        assertThat(decoder.deadLetters()).isZero();
    }

    @ParameterizedTest
    @CsvSource({"500, 50001", "401, 40101"})
    void aRegistryThatStaysAwayFailsTheJobAndNoRecordIsCalledBad(int status, int errorCode) throws Exception {
        registry.failure = new StubRegistry.Failure(status, errorCode, Integer.MAX_VALUE);
        Decoder decoder = decoder("1 s");
        long start = System.nanoTime();
        assertThatThrownBy(() -> decoder.decode(good))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("Schema registry " + registry.url() + " did not give schema 7")
                .hasMessageContaining("" + errorCode)
                .hasMessageContaining("No record was judged");
        assertThat(Duration.ofNanos(System.nanoTime() - start))
                .isBetween(Duration.ofMillis(300), Duration.ofSeconds(5));
        assertThat(registry.requestsFor(7)).isBetween(2L, 10L);
        assertThat(decoder.deadLetters()).isZero();
    }

    @Test
    void aRefusedConnectionFailsTheJobInTheEnd() throws Exception {
        Decoder decoder = decoder("500 ms");
        registry.stop();
        assertThatThrownBy(() -> decoder.decode(good))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("Connection refused");
    }

    @Test
    void aRegistryThatTakesTheCallButNeverAnswersIsNotWaitedForLonger() throws Exception {
        registry.stop();
        int port = Integer.parseInt(registry.url().substring(registry.url().lastIndexOf(':') + 1));
        try (ServerSocket silent = new ServerSocket(port, 50, InetAddress.getLoopbackAddress())) {
            assertThat(silent.isBound()).isTrue();
            Decoder decoder = decoder("1 s");
            long start = System.nanoTime();
            assertThatThrownBy(() -> decoder.decode(good))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("SocketTimeoutException")
                    .hasMessageContaining("for 1 s");
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(8));
        }
    }

    @Test
    void afterTheOutageTheSameDecoderGoesOn() throws Exception {
        Decoder decoder = decoder("300 ms");
        registry.failure = new StubRegistry.Failure(500, 50001, 100);
        assertThatThrownBy(() -> decoder.decode(good)).isInstanceOf(IOException.class);
        registry.failure = null;
        assertThat(decoder.row(good).getLong(0)).isEqualTo(1);
    }

    @Test
    void schemasAlreadyKnownNeedNoRegistry() throws Exception {
        Decoder decoder = decoder("1 s");
        decoder.row(good);
        registry.stop();
        assertThat(decoder.row(good).getLong(0)).isEqualTo(1);
        assertThat(decoder.error(new byte[] {1})).startsWith("WRONG_MAGIC_BYTE");
    }

    @Test
    void aCancelledJobDoesNotWaitForTheRegistry() throws Exception {
        Decoder decoder = decoder("60 s");
        registry.stop();
        CompletableFuture<Throwable> ended = new CompletableFuture<>();
        Thread task = new Thread(() -> {
            try {
                decoder.decode(good);
                ended.complete(null);
            } catch (Exception e) {
                ended.complete(e);
            }
        });
        task.start();
        Thread.sleep(500);
        task.interrupt();
        assertThat(ended.get(5, TimeUnit.SECONDS)).isInstanceOf(IOException.class);
    }
}

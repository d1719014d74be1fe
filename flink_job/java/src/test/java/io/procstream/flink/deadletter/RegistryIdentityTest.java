package io.procstream.flink.deadletter;

import static org.apache.flink.table.api.DataTypes.BIGINT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecordBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A registry is believed that an id does not exist only while it has what it had when the job was planned. */
class RegistryIdentityTest {
    private static final Schema WRITER = AvroRecords.parse(
            "{\"type\": \"record\", \"name\": \"Event\", \"fields\": [{\"name\": \"id\", \"type\": \"long\"}]}");
    private static final int PLANNED = 7;
    private static final int LATER = 9;

    private StubRegistry registry;

    @BeforeEach
    void startRegistry() throws Exception {
        registry = new StubRegistry();
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
                "avro-confluent.known-schemas.3",
                WRITER.toString(),
                "avro-confluent.known-schemas." + PLANNED,
                WRITER.toString(),
                "retry-timeout",
                retryTimeout);
    }

    private static byte[] record(int schemaId) throws Exception {
        return AvroRecords.encode(
                schemaId, WRITER, new GenericRecordBuilder(WRITER).set("id", 1L).build());
    }

    private static void later(long millis, Runnable action) {
        CompletableFuture.runAsync(action, CompletableFuture.delayedExecutor(millis, TimeUnit.MILLISECONDS));
    }

    @Test
    void whatWasKnownIsNotLookedUp() throws Exception {
        registry.stop();
        Decoder decoder = decoder("1 s");
        assertThat(decoder.row(record(PLANNED)).getLong(0)).isEqualTo(1);
        assertThat(decoder.row(record(3)).getLong(0)).isEqualTo(1);
    }

    @Test
    void aRegistryThatIsStillEmptyIsWaitedFor() throws Exception {
        Decoder decoder = decoder("30 s");
        later(700, () -> {
            registry.register(LATER, WRITER.toString());
            registry.register(PLANNED, WRITER.toString());
        });
        assertThat(decoder.row(record(LATER)).getLong(0)).isEqualTo(1);
        assertThat(decoder.deadLetters()).isZero();
    }

    @Test
    void aRegistryThatStaysEmptyFailsTheJob() throws Exception {
        Decoder decoder = decoder("1 s");
        assertThatThrownBy(() -> decoder.decode(record(LATER)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("did not give schema 9")
                .hasMessageContaining("it answers 404 for schema 7, which it had when the job was planned")
                .hasMessageContaining("No record was judged");
        assertThat(decoder.deadLetters()).isZero();
    }

    @Test
    void anotherRegistryFailsTheJob() throws Exception {
        registry.register(PLANNED, "{\"type\": \"record\", \"name\": \"Other\", \"fields\": []}");
        assertThatThrownBy(() -> decoder("1 s").decode(record(LATER)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("its schema 7 is another one than when the job was planned");
    }

    @Test
    void anIdThatArrivesLateIsWaitedFor() throws Exception {
        registry.register(PLANNED, WRITER.toString());
        Decoder decoder = decoder("30 s");
        later(700, () -> registry.register(LATER, WRITER.toString()));
        assertThat(decoder.row(record(LATER)).getLong(0)).isEqualTo(1);
        assertThat(decoder.deadLetters()).isZero();
    }

    @Test
    void anIdThatDoesNotArriveIsUnknownAfterTheStatedTime() throws Exception {
        registry.register(PLANNED, WRITER.toString());
        Decoder decoder = decoder("30 s");
        long start = System.nanoTime();
        assertThat(decoder.error(record(LATER)))
                .isEqualTo("UNKNOWN_SCHEMA_ID: 9 is not the id of a schema in the registry");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofSeconds(1), Duration.ofSeconds(4));
        long requests = registry.requests();
        decoder.error(record(LATER));
        assertThat(registry.requests()).isEqualTo(requests);
    }

    @Test
    void randomIdsDelayATaskByTheStatedTimeAtMost() throws Exception {
        registry.register(PLANNED, WRITER.toString());
        Decoder decoder = decoder("30 s");
        Random random = new Random(7);
        long start = System.nanoTime();
        for (int i = 0; i < 500; i++) {
            assertThat(decoder.error(record(1_000 + random.nextInt(1_000_000_000))))
                    .startsWith("UNKNOWN_SCHEMA_ID");
        }
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(LagBudget.IN_MINUTE.plusSeconds(5));
        assertThat(registry.requests()).isLessThan(700);
        assertThat(decoder.row(record(PLANNED)).getLong(0)).isEqualTo(1);
    }

    @Test
    void aKnownSchemaThatIsNoneIsRefused() {
        assertThatThrownBy(() -> Decoder.of(
                        Decoder.row("id", BIGINT()),
                        "format",
                        "avro-confluent",
                        "avro-confluent.url",
                        registry.url(),
                        "avro-confluent.known-schemas.seven",
                        WRITER.toString()))
                .hasMessageContaining("known-schemas.seven");
    }
}

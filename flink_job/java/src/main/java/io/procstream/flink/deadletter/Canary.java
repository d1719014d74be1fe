package io.procstream.flink.deadletter;

import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import org.apache.flink.avro.shaded.org.apache.avro.AvroRuntimeException;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;

/**
 * Whether a registry has the schemas that it must have. One that is still loading its journal, was emptied, or is
 * another one says "not found" of good ids, too.
 */
final class Canary {
    /** One answer vouches for the registry for this long, so that garbage costs one request a record. */
    private static final Duration VALID = Duration.ofSeconds(1);

    private final SchemaRegistryClient client;
    private final int id;
    private final Schema schema;
    private Long confirmed;

    private Canary(SchemaRegistryClient client, int id, Schema schema) {
        this.client = client;
        this.id = id;
        this.schema = schema;
    }

    /**
     * The newest of these schemas; null if there is none that the client can read.
     *
     * @param client its cache is dropped for each look
     * @param known texts by id
     */
    static Canary of(SchemaRegistryClient client, Map<Integer, String> known) {
        for (Map.Entry<Integer, String> newest :
                new TreeMap<>(known).descendingMap().entrySet()) {
            try {
                return new Canary(client, newest.getKey(), new Schema.Parser().parse(newest.getValue()));
            } catch (AvroRuntimeException e) {
                continue; // a default that is not of its field's type
            }
        }
        return null;
    }

    /** Whether the registry was itself less than a second before {@code nanoTime}. */
    boolean wasConfirmedBefore(long nanoTime) {
        return confirmed != null && nanoTime - confirmed >= 0 && nanoTime - confirmed < VALID.toNanos();
    }

    /**
     * Looks for the schema that must be there.
     *
     * @throws IOException if the registry does not have it, or does not answer
     */
    void confirm() throws IOException {
        client.reset();
        Object found;
        try {
            found = client.getSchemaById(id).rawSchema();
        } catch (RestClientException e) {
            throw new IOException(
                    "it answers " + e.getStatus() + " for schema " + id + ", which it had when the job was planned", e);
        }
        if (!schema.equals(found)) {
            throw new IOException("its schema " + id + " is another one than when the job was planned");
        }
        confirmed = System.nanoTime();
    }
}

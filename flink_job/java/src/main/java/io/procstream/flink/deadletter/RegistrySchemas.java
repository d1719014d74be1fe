package io.procstream.flink.deadletter;

import io.procstream.flink.deadletter.BadRecordException.Reason;
import java.io.IOException;
import java.io.Serializable;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.SchemaRegistryClientConfig;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.util.TimeUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks up the schemas records were written with, and tells a record's fault from the registry's.
 *
 * <p>Only the registry's own "schema not found" (error code 40403) is the record's fault, and only while the registry
 * has a schema that it must have ({@link Canary}). Refused, timed out, not authorised, failing, empty: asked again
 * with growing pauses, and when it took too long the job fails. Then no record was called bad, and the job resumes from
 * its last checkpoint.
 *
 * <p>The schemas that were known when the job was planned are not looked up.
 */
final class RegistrySchemas implements Serializable {
    private static final Logger LOG = LoggerFactory.getLogger(RegistrySchemas.class);

    /** Error code of the registry's REST interface: "Schema not found". */
    private static final int SCHEMA_NOT_FOUND = 40403;

    /** How Confluent's client says that a schema is JSON or PROTOBUF; there is no exception class for it. */
    private static final Pattern OTHER_TYPE = Pattern.compile("^Invalid schema .* of type (?!AVRO$)", Pattern.DOTALL);

    private static final int CACHED_SCHEMAS = 1000;
    private static final int CACHED_UNKNOWN_IDS = 1000;
    private static final Duration UNKNOWN_ID_LIFETIME = Duration.ofMinutes(1);

    private static final Duration FIRST_PAUSE = Duration.ofMillis(100);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    private static final Duration LONGEST_CALL = Duration.ofSeconds(10);
    private static final Duration LAG_PAUSE = Duration.ofMillis(250);

    private final String url;
    private final HashMap<String, String> properties;
    private final HashMap<Integer, String> known;
    private final Duration retryTimeout;

    private transient SchemaRegistryClient client;
    private transient Map<Integer, Schema> knownSchemas;
    private transient Canary canary;
    private transient LagBudget lag;
    private transient Map<Integer, Long> unknownIds;

    /**
     * A registry.
     *
     * @param properties of Confluent's client; may set its HTTP timeouts
     * @param known texts of schemas that the registry has, by id
     * @param retryTimeout how long to go on asking a registry that does not answer
     */
    RegistrySchemas(String url, Map<String, String> properties, Map<Integer, String> known, Duration retryTimeout) {
        this.url = url;
        this.known = new HashMap<>(known);
        this.properties = new HashMap<>(properties);
        this.retryTimeout = retryTimeout;
        String call = Long.toString(Math.min(LONGEST_CALL.toMillis(), Math.max(1, retryTimeout.toMillis())));
        this.properties.putIfAbsent(SchemaRegistryClientConfig.HTTP_CONNECT_TIMEOUT_MS, call);
        this.properties.putIfAbsent(SchemaRegistryClientConfig.HTTP_READ_TIMEOUT_MS, call);
    }

    void open() {
        client = new CachedSchemaRegistryClient(url, CACHED_SCHEMAS, properties);
        knownSchemas = new HashMap<>();
        known.forEach((id, text) -> knownSchemas.put(
                id, new Schema.Parser().setValidateDefaults(false).parse(text)));
        canary = Canary.of(new CachedSchemaRegistryClient(url, CACHED_SCHEMAS, properties), known);
        lag = new LagBudget();
        unknownIds = new LinkedHashMap<>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<Integer, Long> eldest) {
                return size() > CACHED_UNKNOWN_IDS;
            }
        };
    }

    /**
     * The Avro schema of an id. Blocks while the registry is unavailable.
     *
     * @throws BadRecordException if the registry has no such id, or it is not of an Avro schema
     * @throws IOException if the registry did not answer within the retry timeout
     */
    Schema byId(int id) throws IOException {
        Schema planned = knownSchemas.get(id);
        if (planned != null) {
            return planned;
        }
        if (id <= 0 || isKnownAsUnknown(id)) {
            throw unknown(id); // a registry counts from 1; garbage is often negative
        }
        long start = System.nanoTime();
        Duration pause = FIRST_PAUSE;
        while (true) {
            Exception failure;
            long asked = System.nanoTime();
            try {
                return (Schema) client.getSchemaById(id).rawSchema(); // the client knows no type but Avro
            } catch (RestClientException e) {
                if (e.getErrorCode() == SCHEMA_NOT_FOUND) {
                    failure = doubt(id, asked, start);
                    if (failure == null) {
                        continue;
                    }
                } else {
                    failure = e;
                }
            } catch (IOException | RuntimeException e) {
                if (OTHER_TYPE.matcher(String.valueOf(e.getMessage())).find()) {
                    throw new BadRecordException(
                            Reason.UNDECODABLE, "the registry's schema " + id + " is not an Avro schema");
                }
                failure = e;
            }
            giveUpAfter(start, pause, id, failure);
            pause(pause);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
    }

    /**
     * Why an answer "not found" does not count; null if the id is to be asked for again at once.
     *
     * @param asked when it was asked for, in nanoseconds
     * @param start when it was asked for the first time
     * @throws BadRecordException if the answer counts
     */
    private IOException doubt(int id, long asked, long start) throws IOException {
        if (canary == null || canary.wasConfirmedBefore(asked)) {
            if (canary == null || !lag.allows(LAG_PAUSE, start)) {
                unknownIds.put(id, System.nanoTime());
                throw unknown(id);
            }
            pause(LAG_PAUSE);
        }
        try {
            canary.confirm();
            return null;
        } catch (IOException e) {
            return e;
        }
    }

    private void giveUpAfter(long start, Duration nextPause, int id, Exception failure) throws IOException {
        Duration waited = Duration.ofNanos(System.nanoTime() - start);
        String limit = TimeUtils.formatWithHighestUnit(retryTimeout);
        String state = String.format(
                "Schema registry %s did not give schema %d (%s)", url.replaceAll("//[^/@]*@", "//"), id, failure);
        if (waited.plus(nextPause).compareTo(retryTimeout) > 0) {
            throw new IOException(
                    state + " for " + limit + ". No record was judged; the job may be started again.", failure);
        }
        LOG.warn("{}. Asking again for {} in all.", state, limit);
    }

    private static void pause(Duration pause) throws IOException {
        try {
            Thread.sleep(pause.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted while the schema registry was unavailable.", e);
        }
    }

    private boolean isKnownAsUnknown(int id) {
        Long since = unknownIds.get(id);
        return since != null && System.nanoTime() - since < UNKNOWN_ID_LIFETIME.toNanos();
    }

    private static BadRecordException unknown(int id) {
        return new BadRecordException(Reason.UNKNOWN_SCHEMA_ID, id + " is not the id of a schema in the registry");
    }
}

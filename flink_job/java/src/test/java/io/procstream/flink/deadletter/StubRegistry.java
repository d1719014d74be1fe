package io.procstream.flink.deadletter;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Stands in for a schema registry: answers {@code GET /schemas/ids/<id>} and
 * {@code GET /subjects/<subject>/versions/<version>} of the Confluent REST interface and nothing else. That the real one answers alike is for the integration tests to show.
 */
final class StubRegistry implements AutoCloseable {
    private final Map<Integer, String> bodies = new ConcurrentHashMap<>();
    private final Map<String, String> versions = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private HttpServer server;
    private int port;

    /** What is answered instead of schemas, while set. */
    volatile Failure failure;

    /** An HTTP status, the registry's own error code, and how many answers are like that. */
    static final class Failure {
        private final int status;
        private final int errorCode;
        private int times;

        Failure(int status, int errorCode, int times) {
            this.status = status;
            this.errorCode = errorCode;
            this.times = times;
        }
    }

    StubRegistry() throws IOException {
        start();
    }

    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        port = server.getAddress().getPort();
        server.createContext("/", this::answer);
        server.start();
    }

    void stop() {
        server.stop(0);
    }

    String url() {
        return "http://127.0.0.1:" + port;
    }

    void register(int id, String schema) {
        bodies.put(id, "{\"schema\": " + quote(schema) + "}");
    }

    void registerOfType(int id, String type, String schema) {
        bodies.put(id, "{\"schemaType\": \"" + type + "\", \"schema\": " + quote(schema) + "}");
    }

    void registerWithReference(int id, String schema, String name, String subject, int version) {
        String reference =
                String.format("{\"name\": \"%s\", \"subject\": \"%s\", \"version\": %d}", name, subject, version);
        bodies.put(id, "{\"schema\": " + quote(schema) + ", \"references\": [" + reference + "]}");
    }

    void registerVersion(String subject, int version, int id, String schema) {
        register(id, schema);
        versions.put(
                "/subjects/" + subject + "/versions/" + version,
                String.format(
                        "{\"subject\": \"%s\", \"version\": %d, \"id\": %d, \"schema\": %s}",
                        subject, version, id, quote(schema)));
    }

    long requestsFor(int id) {
        return requests.stream()
                .filter(path -> path.matches("/schemas/ids/" + id + "(\\?.*)?"))
                .count();
    }

    int requests() {
        return requests.size();
    }

    private static String quote(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }

    private void answer(HttpExchange exchange) throws IOException {
        requests.add(exchange.getRequestURI().toString());
        Failure now = failure;
        if (now != null && now.times-- > 0) {
            reply(exchange, now.status, error(now.errorCode, "wanted failure"));
            return;
        }
        String path = exchange.getRequestURI().getPath();
        String body = path.startsWith("/schemas/ids/")
                ? bodies.get(Integer.valueOf(path.substring(path.lastIndexOf('/') + 1)))
                : versions.get(path);
        if (body == null) {
            reply(exchange, 404, error(40403, "Schema not found"));
        } else {
            reply(exchange, 200, body);
        }
    }

    private static String error(int code, String message) {
        return "{\"error_code\": " + code + ", \"message\": \"" + message + "\"}";
    }

    private static void reply(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/vnd.schemaregistry.v1+json");
        exchange.sendResponseHeaders(status, bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    @Override
    public void close() {
        stop();
    }
}

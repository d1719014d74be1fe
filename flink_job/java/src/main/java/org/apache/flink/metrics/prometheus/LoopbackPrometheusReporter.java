package org.apache.flink.metrics.prometheus;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.procstream.flink.web.RequestCheck;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Flink's Prometheus reporter for a machine that is also a desktop: it listens on 127.0.0.1 only, and refuses requests
 * of web pages. Flink's own has no option for its address. As there, every path returns the metrics.
 *
 * <p>It is in Flink's package because the registry of its superclass is visible there only.
 */
public final class LoopbackPrometheusReporter extends AbstractPrometheusReporter {
    /** One Prometheus and one user; others wait. */
    private static final int THREADS = 2;

    private static final String FORBIDDEN =
            "Forbidden: the request comes from another web site, or its Host is not a name of this machine.\n";

    private final RequestCheck check = new RequestCheck(List.of());
    private final ExecutorService executor;
    private final HttpServer server;

    /**
     * Serves the metrics at {@code port}, or at any free port if it is 0.
     *
     * @throws UncheckedIOException if the port is in use
     */
    LoopbackPrometheusReporter(int port) {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), port), 0);
        } catch (IOException error) {
            throw new UncheckedIOException("127.0.0.1:" + port + ": cannot serve metrics here", error);
        }
        executor = Executors.newFixedThreadPool(THREADS, task -> {
            Thread thread = new Thread(task, "prometheus-reporter");
            thread.setDaemon(true);
            return thread;
        });
        server.setExecutor(executor);
        server.createContext("/", this::handle);
        server.start();
        log.info("Serving metrics for Prometheus at http:/{}/metrics.", address());
    }

    InetSocketAddress address() {
        return server.getAddress();
    }

    @Override
    public void close() {
        server.stop(0);
        executor.shutdownNow();
        super.close();
    }

    private void handle(HttpExchange exchange) throws IOException {
        try {
            Optional<String> refusal =
                    check.refusal(name -> exchange.getRequestHeaders().getOrDefault(name, List.of()));
            if (refusal.isPresent()) {
                log.debug("Refused a request for metrics: {}", refusal.get());
                send(exchange, 403, "text/plain; charset=utf-8", FORBIDDEN);
            } else if (!List.of("GET", "HEAD").contains(exchange.getRequestMethod())) {
                exchange.getResponseHeaders().set("Allow", "GET, HEAD");
                send(exchange, 405, "text/plain; charset=utf-8", "Expected GET or HEAD.\n");
            } else {
                StringWriter metrics = new StringWriter();
                TextFormat.write004(metrics, registry.metricFamilySamples());
                send(exchange, 200, TextFormat.CONTENT_TYPE_004, metrics.toString());
            }
        } finally {
            exchange.close();
        }
    }

    private static void send(HttpExchange exchange, int status, String type, String text) throws IOException {
        byte[] body = text.getBytes(UTF_8);
        exchange.getResponseHeaders().set("Content-Type", type);
        if (exchange.getRequestMethod().equals("HEAD")) {
            exchange.sendResponseHeaders(status, -1);
            return;
        }
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }
}

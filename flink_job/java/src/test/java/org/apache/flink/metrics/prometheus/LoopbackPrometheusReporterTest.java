package org.apache.flink.metrics.prometheus;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;
import org.apache.flink.runtime.metrics.filter.ReporterFilter;
import org.apache.flink.runtime.metrics.groups.FrontMetricGroup;
import org.apache.flink.runtime.metrics.groups.ReporterScopedSettings;
import org.apache.flink.runtime.metrics.groups.UnregisteredMetricGroups;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests as bytes: Java's clients set some headers themselves. */
class LoopbackPrometheusReporterTest {
    private LoopbackPrometheusReporter reporter;

    @BeforeEach
    void start() {
        reporter = reporter(0);
        SimpleCounter counter = new SimpleCounter();
        counter.inc(7);
        // As Flink's registry of metrics gives it to reporters.
        ReporterScopedSettings<Metric> settings =
                new ReporterScopedSettings<>(0, '.', ReporterFilter.getNoOpFilter(), Set.of(), Map.of());
        MetricGroup group =
                new FrontMetricGroup<>(settings, UnregisteredMetricGroups.createUnregisteredTaskManagerMetricGroup());
        reporter.notifyOfAddedMetric(counter, "records", group);
    }

    @AfterEach
    void close() {
        reporter.close();
    }

    @Test
    void itListensOnLoopbackOnly() {
        assertThat(reporter.address().getAddress().getHostAddress()).isEqualTo("127.0.0.1");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Host: 127.0.0.1:9249",
                "host: localhost",
                "Host: localhost:9249\r\nOrigin: http://localhost:9249\r\nSec-Fetch-Site: same-origin",
                "Host: localhost\r\nSec-Fetch-Site: none",
            })
    void ownRequests(String headers) throws IOException {
        String answer = answer("GET", "/metrics", headers, "");
        assertThat(answer)
                .startsWith("HTTP/1.1 200 OK\r\n")
                .containsIgnoringCase("\r\nContent-Type: text/plain; version=0.0.4");
        assertThat(answer).containsPattern("(?m)^flink_\\w*records\\S* 7.0$");
        assertThat(answer("HEAD", "/metrics", headers, ""))
                .startsWith("HTTP/1.1 200 OK\r\n")
                .endsWith("\r\n\r\n");
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"})
    void requestsOfPages(String method) throws IOException {
        for (String headers : List.of(
                "Host: page.example:9249",
                "Host: 0.0.0.0:9249",
                "Host: localhost\r\nHost: page.example",
                "Host: localhost:9249\r\nOrigin: http://page.example",
                "Host: localhost:9249\r\nOrigin: http://localhost:3000",
                "Host: localhost:9249\r\nOrigin: null",
                "Host: localhost\r\nSec-Fetch-Site: cross-site",
                "Host: localhost\r\nsec-fetch-site: same-site",
                "X-Forwarded-Host: localhost")) {
            for (String path : List.of("/metrics", "/", "/no/such/path?x=y")) {
                assertThat(answer(method, path, headers, "body"))
                        .as(headers)
                        .startsWith("HTTP/1.1 403 Forbidden\r\n")
                        .doesNotContain("records", "page.example")
                        .doesNotContainIgnoringCase("Access-Control");
            }
        }
    }

    @Test
    void aRefusedRequestWithABodyGetsItsAnswer() throws IOException {
        assertThat(answer("POST", "/", "Host: page.example", "x".repeat(60_000)))
                .startsWith("HTTP/1.1 403 ");
    }

    @ParameterizedTest
    @ValueSource(strings = {"POST", "PUT", "DELETE", "OPTIONS"})
    void otherMethods(String method) throws IOException {
        assertThat(answer(method, "/metrics", "Host: localhost", "body"))
                .startsWith("HTTP/1.1 405 ")
                .contains("\r\nAllow: GET, HEAD\r\n")
                .doesNotContain("records");
    }

    @Test
    void aPortInUseIsReported() {
        int port = reporter.address().getPort();
        assertThatThrownBy(() -> reporter(port))
                .isInstanceOf(UncheckedIOException.class)
                .hasMessage("127.0.0.1:" + port + ": cannot serve metrics here");
    }

    @Test
    void afterItIsClosedItsPortIsFree() {
        reporter.close();
        reporter = reporter(reporter.address().getPort());
    }

    @Test
    void flinkFindsTheFactory() {
        List<MetricReporterFactory> found = new ArrayList<>();
        ServiceLoader.load(MetricReporterFactory.class).forEach(found::add);
        assertThat(found).hasAtLeastOneElementOfType(LoopbackPrometheusReporterFactory.class);
    }

    private static LoopbackPrometheusReporter reporter(int port) {
        MetricConfig config = new MetricConfig();
        config.setProperty("port", String.valueOf(port)); // as Flink does: all values are strings
        return new LoopbackPrometheusReporterFactory().createMetricReporter(config);
    }

    private String answer(String method, String path, String headers, String body) throws IOException {
        try (Socket socket = new Socket("127.0.0.1", reporter.address().getPort())) {
            socket.setSoTimeout(10_000);
            OutputStream output = socket.getOutputStream();
            String request = method + " " + path + " HTTP/1.1\r\n" + headers
                    + "\r\nConnection: close\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
            output.write(request.getBytes(UTF_8));
            output.flush();
            return new String(socket.getInputStream().readAllBytes(), UTF_8);
        }
    }
}

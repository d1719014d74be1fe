package io.procstream.flink.web;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.function.Function;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.DefaultHttpHeaders;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.DefaultHttpHeadersFactory;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaders;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RequestCheckTest {
    private final RequestCheck check = new RequestCheck(List.of("Flink.Example.com", "fd00::7", "10.0.0.7"));

    @ParameterizedTest
    @ValueSource(
            strings = {
                "localhost",
                "localhost:8081",
                "LOCALHOST:8081",
                "localhost.:8081",
                "127.0.0.1:1",
                "[::1]:8081",
                "[::1]",
                "flink.example.com",
                "FLINK.example.com.:443",
                "[fd00::7]:8081",
                "10.0.0.7:8081",
            })
    void allowedHosts(String host) {
        assertThat(check.refusal(headers("Host", host))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                ":8081",
                "evil.example",
                "evil.example:8081",
                "localhost.evil.example:8081",
                "localhost:8081.evil.example",
                "localhost:8081@evil.example",
                "evil.example@localhost",
                "notlocalhost",
                "127.0.0.1.evil.example",
                "127.0.0.2:8081",
                "0.0.0.0:8081",
                "[::1]evil.example",
                "[::1",
                "::1",
                "[::]:8081",
                "localhost, evil.example",
                "a.flink.example.com",
            })
    void otherHosts(String host) {
        assertThat(check.refusal(headers("Host", host)))
                .hasValueSatisfying(reason ->
                        assertThat(reason).startsWith("Host ").contains("expected", "localhost", "flink.example.com"));
    }

    @Test
    void noHostOrTwo() {
        assertThat(check.refusal(headers())).hasValue("0 Host headers; expected one");
        assertThat(check.refusal(headers("Host", "localhost", "Host", "evil.example")))
                .hasValue("2 Host headers; expected one");
    }

    @ParameterizedTest
    @CsvSource({
        "localhost:8081, http://localhost:8081",
        "localhost:8081, HTTP://LocalHost:8081",
        "127.0.0.1:8081, http://127.0.0.1:8081",
        "'[::1]:8081', 'http://[::1]:8081'",
        "flink.example.com, https://flink.example.com",
    })
    void ownOrigin(String host, String origin) {
        assertThat(check.refusal(headers("Host", host, "Origin", origin))).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "null",
                "",
                "http://evil.example",
                "http://localhost", // another port is another origin
                "http://localhost:3000",
                "http://127.0.0.1:8081",
                "http://localhost:8081.evil.example",
                "http://evil.example/localhost:8081",
                "file://localhost:8081",
                "localhost:8081",
            })
    void otherOrigins(String origin) {
        assertThat(check.refusal(headers("Host", "localhost:8081", "Origin", origin)))
                .hasValueSatisfying(reason -> assertThat(reason).startsWith("Origin "));
        assertThat(check.refusal(
                        headers("Host", "localhost:8081", "Origin", "http://localhost:8081", "Origin", origin)))
                .isPresent();
    }

    @ParameterizedTest
    @CsvSource({"same-origin, true", "none, true", "NONE, true", "same-site, false", "cross-site, false", "'', false"})
    void fetchSites(String site, boolean accepted) {
        assertThat(check.refusal(headers("Host", "localhost", "Sec-Fetch-Site", site))
                        .isEmpty())
                .isEqualTo(accepted);
    }

    @Test
    void aReasonIsShortAndHasNoControlCharacters() {
        HttpHeaders headers = DefaultHttpHeadersFactory.headersFactory()
                .withValidation(false)
                .newHeaders()
                .add("Host", "evil\u001b[31m\r\nWARN x" + "y".repeat(5000));
        assertThat(check.refusal(headers::getAll))
                .hasValueSatisfying(reason ->
                        assertThat(reason).doesNotContainPattern("\\p{Cntrl}").hasSizeLessThan(300));
    }

    static Function<String, List<String>> headers(String... namesAndValues) {
        HttpHeaders headers = new DefaultHttpHeaders();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            headers.add(namesAndValues[i], namesAndValues[i + 1]);
        }
        return headers::getAll;
    }
}

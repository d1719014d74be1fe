package io.procstream.flink.web;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.runtime.io.network.netty.InboundChannelHandlerFactory;
import org.apache.flink.shaded.netty4.io.netty.buffer.ByteBuf;
import org.apache.flink.shaded.netty4.io.netty.buffer.Unpooled;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandlerContext;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInboundHandlerAdapter;
import org.apache.flink.shaded.netty4.io.netty.channel.embedded.EmbeddedChannel;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpServerCodec;
import org.apache.flink.shaded.netty4.io.netty.util.ReferenceCountUtil;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections as Flink sets them up: the codec, then a handler that sees every message (as that of uploads does). */
class RequestGuardTest {
    private final List<Object> reached = new ArrayList<>();
    private final Configuration configuration = new Configuration();

    @ParameterizedTest
    @ValueSource(strings = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "ANY"})
    void aRefusedRequestReachesNothing(String method) {
        EmbeddedChannel channel = channel();
        send(channel, method + " /jars/upload HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4\r\n\r\nab");
        String answer = answer(channel);
        assertThat(answer).startsWith("HTTP/1.1 403 Forbidden\r\n");
        assertThat(answer.contains("{\"errors\":[\"Forbidden")).isEqualTo(!method.equals("HEAD"));
        assertThat(channel.isOpen()).as("the body is not complete").isTrue();
        send(channel, "cd");
        assertThat(channel.isOpen()).isFalse();
        assertThat(reached).isEmpty();
    }

    @Test
    void afterARefusedRequestItsConnectionAcceptsNoOther() {
        EmbeddedChannel channel = channel();
        String own = "GET /own HTTP/1.1\r\nHost: localhost\r\n\r\n";
        send(channel, "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n" + own + own);
        assertThat(channel.isOpen()).isFalse();
        assertThat(reached).isEmpty();
    }

    @Test
    void eachRequestOfAConnectionIsChecked() {
        EmbeddedChannel channel = channel();
        send(channel, "GET /own HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assertThat(reached).as("its head and its end").hasSize(2);
        send(channel, "GET /other HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n\r\n");
        assertThat(reached).hasSize(2);
        assertThat(answer(channel)).startsWith("HTTP/1.1 403 ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET / HTTP/1.0\r\n\r\n",
                "GET / HTTP/1.1\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
                "\r\nGET  /  HTTP/1.1\r\n : x\r\n\r\n",
                "GET /\r\n\r\n",
            })
    void requestsWithoutOneHost(String request) {
        EmbeddedChannel channel = channel();
        send(channel, request);
        assertThat(reached).isEmpty();
        assertThat(answer(channel)).startsWith("HTTP/1.1 403 ");
    }

    @Test
    void hostsOfTheConfigurationAreAllowed() {
        configuration.setString("procstream.rest.allowed-hosts", "flink;flink.streams.svc");
        configuration.set(RestOptions.ADDRESS, "10.0.0.7");
        for (String host : List.of("flink", "flink.streams.svc", "10.0.0.7", "localhost")) {
            reached.clear();
            send(channel(), "GET / HTTP/1.1\r\nHost: " + host + ":8081\r\n\r\n");
            assertThat(reached).as(host).isNotEmpty();
        }
        configuration.setString("procstream.rest.allowed-hosts", "[yaml-list, 'other']");
        send(channel(), "GET / HTTP/1.1\r\nHost: other\r\n\r\n");
        send(channel(), "GET / HTTP/1.1\r\nHost: yaml-list\r\n\r\n");
        assertThat(reached).hasSize(6);
    }

    @Test
    void flinkFindsTheFactoryAndCallsItFirst() {
        List<InboundChannelHandlerFactory> found = new ArrayList<>();
        ServiceLoader.load(InboundChannelHandlerFactory.class).forEach(found::add);
        assertThat(found).singleElement().isInstanceOf(RequestGuardFactory.class);
        assertThat(found.get(0).priority()).isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void oneLineAMinute() {
        AtomicLong seconds = new AtomicLong(-7);
        RefusalLog log = new RefusalLog(() -> seconds.get() * 1_000_000_000);
        assertThat(log.add("GET", "/", "client", "reason")).isTrue();
        seconds.addAndGet(59);
        assertThat(log.add("GET", "/", "client", "reason")).isFalse();
        seconds.addAndGet(1);
        assertThat(log.add("GET", "/", "client", "reason")).isTrue();
        assertThat(log.add("GET", "/", "client", "reason")).isFalse();
    }

    private EmbeddedChannel channel() {
        EmbeddedChannel channel = new EmbeddedChannel(new HttpServerCodec(), new ChannelInboundHandlerAdapter() {
            @Override
            public void channelRead(ChannelHandlerContext context, Object message) {
                reached.add(message);
                ReferenceCountUtil.release(message);
            }
        });
        new RequestGuardFactory().createHandler(configuration, Map.of()).ifPresent(channel.pipeline()::addLast);
        return channel;
    }

    private static void send(EmbeddedChannel channel, String text) {
        channel.writeInbound(Unpooled.copiedBuffer(text, UTF_8));
    }

    private static String answer(EmbeddedChannel channel) {
        StringBuilder text = new StringBuilder();
        for (ByteBuf part = channel.readOutbound(); part != null; part = channel.readOutbound()) {
            text.append(part.toString(UTF_8));
            part.release();
        }
        return text.toString();
    }
}

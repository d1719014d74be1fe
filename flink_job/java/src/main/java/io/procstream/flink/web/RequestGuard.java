package io.procstream.flink.web;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.Optional;
import org.apache.flink.shaded.netty4.io.netty.buffer.Unpooled;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelFutureListener;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandler;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandlerContext;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelInboundHandlerAdapter;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelPipeline;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.DefaultFullHttpResponse;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.FullHttpResponse;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderNames;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpHeaderValues;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpRequest;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpResponseStatus;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpServerCodec;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.HttpVersion;
import org.apache.flink.shaded.netty4.io.netty.handler.codec.http.LastHttpContent;
import org.apache.flink.shaded.netty4.io.netty.util.ReferenceCountUtil;

/**
 * Answers requests that {@link RequestCheck} refuses with 403, and ends their connection. Nothing of them reaches
 * Flink, whatever their method and path are. One for each connection.
 */
final class RequestGuard extends ChannelInboundHandlerAdapter {
    /** In the form of Flink's own errors, which its clients show. The log has the reason. */
    private static final String BODY =
            "{\"errors\":[\"Forbidden: the request comes from another web site, or its Host is"
                    + " not in procstream.rest.allowed-hosts.\"]}";

    private final RequestCheck check;
    private final RefusalLog refusals;
    private boolean refusing;

    private RequestGuard(RequestCheck check, RefusalLog refusals) {
        this.check = check;
        this.refusals = refusals;
    }

    /**
     * A handler that puts a guard directly behind the HTTP codec and leaves. Flink adds the handlers of factories behind
     * the one that writes uploads to disk, where a refused upload would be stored already.
     */
    static ChannelHandler installer(RequestCheck check, RefusalLog refusals) {
        return new ChannelInboundHandlerAdapter() {
            @Override
            public void handlerAdded(ChannelHandlerContext context) {
                ChannelPipeline pipeline = context.pipeline();
                ChannelHandlerContext codec = pipeline.context(HttpServerCodec.class);
                pipeline.addAfter(codec.name(), RequestGuard.class.getName(), new RequestGuard(check, refusals));
                pipeline.remove(this);
            }
        };
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        if (!refusing && message instanceof HttpRequest) {
            HttpRequest request = (HttpRequest) message;
            Optional<String> refusal = check.refusal(request.headers()::getAll);
            refusal.ifPresent(reason -> refuse(context, request, reason));
        }
        if (!refusing) {
            context.fireChannelRead(message);
            return;
        }
        boolean complete = message instanceof LastHttpContent;
        ReferenceCountUtil.release(message);
        if (complete) {
            // Not earlier: a client that still sends its body would get a broken connection instead of the answer.
            context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
        }
    }

    private void refuse(ChannelHandlerContext context, HttpRequest request, String reason) {
        refusing = true;
        refusals.add(
                request.method().name(),
                request.uri().split("\\?", 2)[0],
                String.valueOf(context.channel().remoteAddress()),
                reason);
        byte[] body = BODY.getBytes(UTF_8);
        FullHttpResponse response = new DefaultFullHttpResponse(
                HttpVersion.HTTP_1_1, HttpResponseStatus.FORBIDDEN, Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, HttpHeaderValues.APPLICATION_JSON)
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length)
                .set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
        context.writeAndFlush(response);
    }
}

package io.procstream.flink.web;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.runtime.io.network.netty.InboundChannelHandlerFactory;
import org.apache.flink.shaded.netty4.io.netty.channel.ChannelHandler;

/**
 * Guards the REST interfaces of Flink, of the JobManager and of the SQL gateway, against web pages. Flink finds it by
 * its entry in {@code META-INF/services} (FLIP-181).
 */
public final class RequestGuardFactory implements InboundChannelHandlerFactory {
    /** Hosts that requests may name, besides loopback and {@code rest.address}. */
    public static final ConfigOption<List<String>> ALLOWED_HOSTS = ConfigOptions.key("procstream.rest.allowed-hosts")
            .stringType()
            .asList()
            .defaultValues()
            .withDescription("Names or addresses, without a port, by which browsers and other clients may reach the"
                    + " REST interface, besides localhost, 127.0.0.1, [::1] and rest.address.");

    private static final RefusalLog REFUSALS = new RefusalLog(System::nanoTime);

    /** Before handlers of others. */
    @Override
    public int priority() {
        return Integer.MAX_VALUE;
    }

    /** Called for each connection. */
    @Override
    public Optional<ChannelHandler> createHandler(Configuration configuration, Map<String, String> responseHeaders) {
        List<String> hosts = new ArrayList<>(configuration.get(ALLOWED_HOSTS));
        configuration.getOptional(RestOptions.ADDRESS).ifPresent(hosts::add);
        return Optional.of(RequestGuard.installer(new RequestCheck(hosts), REFUSALS));
    }
}

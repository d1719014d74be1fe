package io.procstream.flink.web;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Whether a request may come from a web page of somebody else. A browser sends such requests to any address that its
 * user can reach, also to loopback, and Flink asks for no password.
 *
 * <ul>
 *   <li>{@code Host} must be an allowed name. A page whose own name resolves to this server's address (DNS rebinding)
 *       is of the same origin for the browser, but it cannot change this header.
 *   <li>{@code Origin}, if there is one, must be that of this server (RFC 6454, section 7).
 *   <li>{@code Sec-Fetch-Site}, if there is one, must not name another site (W3C Fetch Metadata). It is the only sign of
 *       a {@code no-cors} GET.
 * </ul>
 *
 * <p>Programs such as curl send neither of the last two.
 */
public final class RequestCheck {
    /** Names of this machine itself; always allowed. */
    static final List<String> LOOPBACK = List.of("localhost", "127.0.0.1", "[::1]");

    private static final String SEC_FETCH_SITE = "sec-fetch-site";
    private static final Set<String> OWN_SITES = Set.of("same-origin", "none");
    private static final int WIDTH = 100;

    private final Set<String> hosts = new TreeSet<>();

    /** Allows {@code hosts}, which are names or addresses without a port, besides {@link #LOOPBACK}. */
    public RequestCheck(Collection<String> hosts) {
        LOOPBACK.forEach(host -> this.hosts.add(normalized(host)));
        hosts.forEach(host -> this.hosts.add(normalized(host)));
    }

    /**
     * What is wrong with a request, in one line; empty if it is accepted.
     *
     * @param headers from the name of a header, in any case, to its values; empty if the request does not have it
     */
    public Optional<String> refusal(Function<String, List<String>> headers) {
        List<String> named = headers.apply("host");
        if (named.size() != 1) {
            return Optional.of(named.size() + " Host headers; expected one");
        }
        Optional<String> host = withoutPort(named.get(0));
        if (host.isEmpty() || !hosts.contains(host.get())) {
            return Optional.of("Host " + quoted(named.get(0)) + "; expected " + String.join(", ", hosts));
        }
        for (String origin : headers.apply("origin")) {
            if (!isOwn(origin, named.get(0))) {
                return Optional.of("Origin " + quoted(origin) + " at Host " + quoted(named.get(0))
                        + "; expected the same server, or none");
            }
        }
        for (String site : headers.apply(SEC_FETCH_SITE)) {
            if (!OWN_SITES.contains(site.strip().toLowerCase(Locale.ROOT))) {
                return Optional.of("Sec-Fetch-Site " + quoted(site) + "; expected same-origin or none");
            }
        }
        return Optional.empty();
    }

    private static boolean isOwn(String origin, String host) {
        String text = origin.strip().toLowerCase(Locale.ROOT);
        String authority = host.strip().toLowerCase(Locale.ROOT);
        return text.equals("http://" + authority) || text.equals("https://" + authority);
    }

    /** The host of {@code HOST[:PORT]}; empty if the text has another form (RFC 9110, section 7.2). */
    private static Optional<String> withoutPort(String authority) {
        String text = authority.strip();
        int end = text.startsWith("[") ? text.indexOf(']') + 1 : text.indexOf(':');
        if (end < 0) {
            return Optional.of(normalized(text));
        }
        String port = text.substring(end);
        return port.matches("(:\\d*)?") ? Optional.of(normalized(text.substring(0, end))) : Optional.empty();
    }

    /** Names have no case, may end with a dot, and IPv6 addresses are in brackets. */
    private static String normalized(String host) {
        String text = host.strip().toLowerCase(Locale.ROOT);
        if (text.indexOf(':') >= 0 && !text.startsWith("[")) {
            text = "[" + text + "]";
        }
        return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    }

    /** A header as it may stand in a log: short, and without characters that end a line or colour a terminal. */
    private static String quoted(String header) {
        String shown = header.length() > WIDTH ? header.substring(0, WIDTH) + "…" : header;
        return "'" + shown.replaceAll("[\\p{Cntrl}']", "?") + "'";
    }
}

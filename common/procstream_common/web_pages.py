"""Whether an HTTP request may come from a web page of another site.

A browser sends requests of any page to any address that its user can reach, also to loopback, where
servers often ask for no password. `Host` shows a page whose own name resolves to this server (DNS
rebinding), `Origin` a page of another server (RFC 6454, section 7), and `Sec-Fetch-Site` also a `no-cors`
GET (W3C Fetch Metadata). Programs send neither of the last two. The class RequestCheck of the Flink module
is the same for Flink's servers.
"""

import ipaddress
import re
from collections.abc import Callable, Collection, Sequence

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names of this machine itself, as in `Host`, without a port."""

Header = Callable[[str], Sequence[str]]
"""All values of the header with a name, in any case."""

_AUTHORITY = re.compile(r"(?P<host>\[[^\]]*\]|[^:\[\]]*)(:\d*)?")
_OWN_SITES = ("same-origin", "none")
_WIDTH = 100


def refusal(header: Header, hosts: Collection[str] | None = LOOPBACK) -> str | None:
    """What is wrong with a request, in one line; None if it is accepted.

    `hosts` are the allowed names without a port. None allows every `Host`: for servers that are reached by
    addresses of pods.
    """
    named = header("Host")
    if len(named) != 1:
        return f"{len(named)} Host headers; expected one"
    [host] = named
    if hosts is not None and _without_port(host) not in hosts:
        return f"Host {_quoted(host)}; expected {', '.join(hosts)}"
    for origin in header("Origin"):
        if origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
            return f"Origin {_quoted(origin)} at Host {_quoted(host)}; expected the same server, or none"
    for site in header("Sec-Fetch-Site"):
        if site.lower() not in _OWN_SITES:
            return f"Sec-Fetch-Site {_quoted(site)}; expected same-origin or none"
    return None


def hosts_of(address: str) -> Collection[str] | None:
    """The hosts that requests to a server at `address` may name: None, for all, outside loopback."""
    try:
        loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        loopback = address == "localhost"
    return LOOPBACK if loopback else None


def _without_port(authority: str) -> str | None:
    """The host of `HOST[:PORT]` (RFC 9110, section 7.2); names have no case, and may end with a dot."""
    found = _AUTHORITY.fullmatch(authority.strip())
    return found["host"].lower().removesuffix(".") if found else None


def _quoted(header: str) -> str:
    return repr(header if len(header) <= _WIDTH else f"{header[:_WIDTH]}…")

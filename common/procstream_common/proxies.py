"""Requests to this machine, and from a pod to its API server, never use a proxy.

A proxy cannot reach the loopback address of the machine that sends the request. Requests to other servers,
such as a registry in a cloud, use `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY` unless `NO_PROXY` names the
server.
"""

import ipaddress
import os
from collections.abc import MutableMapping
from urllib.parse import urlsplit

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_API_SERVER_HOST = "KUBERNETES_SERVICE_HOST"
_EVERYTHING = "*"


def bypass_proxies(env: MutableMapping[str, str] = os.environ) -> None:
    """Add loopback, and in a pod the API server, to `NO_PROXY` and `no_proxy` of `env`.

    The default is the environment of this process, which its children and every HTTP library read. Both
    spellings are set, because libraries differ in which one takes precedence.
    """
    names = [name.strip() for key in ("NO_PROXY", "no_proxy") for name in env.get(key, "").split(",")]
    names += [*_LOOPBACK, env.get(_API_SERVER_HOST, "")]
    # urllib accepts the asterisk only as the whole value.
    hosts = [_EVERYTHING] if _EVERYTHING in names else list(dict.fromkeys(filter(None, names)))
    env["NO_PROXY"] = env["no_proxy"] = ",".join(hosts)


def may_use_proxy(url: str) -> bool:
    """Whether a client of `url` may read the environment's proxies: not if `url` names this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True

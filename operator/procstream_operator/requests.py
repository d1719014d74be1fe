"""Counting the requests that kopf makes."""

from collections.abc import Callable
from typing import Any

import aiohttp
from yarl import URL

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def counting(count: Callable[[str, str], None]) -> aiohttp.TraceConfig:
    """Calls `count` with the verb and the plural of every request, except watches."""
    trace = aiohttp.TraceConfig()

    async def on_request_start(_session: Any, _context: Any, params: aiohttp.TraceRequestStartParams) -> None:
        counted = label(params.method, params.url)
        if counted is not None:
            count(*counted)

    trace.on_request_start.append(on_request_start)
    return trace


def label(method: str, url: URL) -> tuple[str, str] | None:
    """A request's verb, and its plural with the subresource; None for a watch and for discovery."""
    parts = url.path.strip("/").split("/")
    resource = parts[2:] if parts[0] == "api" else parts[3:]
    if resource[:1] == ["namespaces"] and len(resource) > 2:
        resource = resource[2:]
    if not resource or "watch" in url.query:
        return None
    plural, name, subresource = [*resource, "", ""][:3]
    verb = _VERBS.get(method) or ("get" if name else "list")
    return verb, f"{plural}/{subresource}" if subresource else plural

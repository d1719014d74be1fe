"""kopf's settings, its login, and what runs beside the handlers."""

import asyncio
import platform
from collections.abc import Collection
from functools import partial
from typing import Any

import aiohttp
import kopf
from procstream_common.errors import ProcstreamError

from procstream_operator.api import FIELD_MANAGER
from procstream_operator.handlers.resynchronization import Resynchronization
from procstream_operator.parts import Parts
from procstream_operator.persistence import ProgressOfGeneration, SpecificationDigest
from procstream_operator.requests import counting
from procstream_operator.resource import FINALIZER, Key, Kind, Resource

_CONNECT_SECONDS = 15
_WATCH_SECONDS = 300
"""The API server ends a watch after that, and kopf opens the next: none lives long enough to go stale."""
_REQUEST_SECONDS = 15
_CONNECTIONS = 16
_POLL_SECONDS = 10.0


@kopf.on.startup()
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Set what differs from kopf's defaults."""
    settings.persistence.finalizer = FINALIZER
    settings.persistence.progress_storage = ProgressOfGeneration()
    settings.persistence.diffbase_storage = SpecificationDigest()
    settings.watching.connect_timeout = _CONNECT_SECONDS
    settings.watching.server_timeout = _WATCH_SECONDS
    settings.watching.client_timeout = _WATCH_SECONDS + 60
    settings.networking.request_timeout = _REQUEST_SECONDS
    settings.scanning.disabled = True  # it needs permissions for the whole cluster
    settings.posting.loggers = False  # only the operator's own events, no log lines
    settings.posting.reporting_component = FIELD_MANAGER
    settings.posting.reporting_instance = platform.node()
    settings.posting.event_name_prefix = "procstream-"


@kopf.on.startup()  # type: ignore[arg-type] # kopf's types do not include indices
async def start_tasks(
    memo: Parts,
    topics: kopf.Index[Key, Resource],
    schemas: kopf.Index[Key, Resource],
    producers: kopf.Index[Key, Resource],
    connections: kopf.Index[Key, str | None],
    **_: Any,
) -> None:
    """Start what runs until kopf ends."""
    resynchronization = Resynchronization(
        memo, topics=topics, schemas=schemas, producers=producers, connections=connections
    )
    for kind in Kind:
        memo.metrics.watch(kind.title, partial(_values, resynchronization, kind))
    memo.tasks += [asyncio.create_task(resynchronization.run()), asyncio.create_task(_poll(memo))]


@kopf.on.login()
async def log_in(settings: kopf.OperatorSettings, memo: Parts, **_: Any) -> kopf.AiohttpSession:
    """Connect by the pod's service account, else by the kubeconfig, and count the requests."""
    info = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    if info is None:
        raise ProcstreamError("no Kubernetes cluster: expected a pod's service account or KUBECONFIG")
    # The API server attributes changes to the user agent.
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=info.as_ssl_context()),
        headers={
            **info.as_http_headers(),
            "User-Agent": FIELD_MANAGER,
        },
        proxy=info.proxy_url,
        trace_configs=[counting(memo.metrics.count_request)],
    )
    return kopf.AiohttpSession(
        server=info.server, default_namespace=info.default_namespace, aiohttp_session=session
    )


def _values(resynchronization: Resynchronization, kind: Kind) -> Collection[Resource]:
    return resynchronization.resources(kind).values()


async def _poll(parts: Parts) -> None:
    while True:
        parts.connection.poll()
        await asyncio.sleep(_POLL_SECONDS)

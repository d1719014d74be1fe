"""kopf at the edge: its watches feed the controllers."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import kopf

from procstream_operator.controller import Key, Kind
from procstream_operator.controller.loop import Controller
from procstream_operator.controller.resource import GROUP, VERSION
from procstream_operator.producers.daemon_set import PRODUCER_LABEL

_CONNECT_SECONDS = 15
_SERVER_SECONDS = 300
"""The API server ends a watch after that, and kopf opens the next: none lives long enough to go stale."""


async def watch(
    controllers: Iterable[Controller],
    *,
    namespaces: Sequence[str],
    ready: Callable[[], Awaitable[None]],
) -> None:
    """Feed the controllers until SIGTERM, SIGINT or cancellation; no namespace means all of them.

    `ready` is awaited once, before the first event.
    """
    registry = kopf.OperatorRegistry()
    by_kind = {controller.kind: controller for controller in controllers}
    for controller in by_kind.values():
        _feed(registry, controller)
    _follow_daemon_sets(registry, by_kind[Kind.PRODUCER])

    @kopf.on.startup(registry=registry)
    async def start(**_: Any) -> None:
        await ready()

    @kopf.on.login(registry=registry)
    async def log_in(settings: kopf.OperatorSettings, **_: Any) -> kopf.ConnectionInfo | None:
        in_pod = kopf.login_with_service_account(settings=settings)
        return in_pod or kopf.login_with_kubeconfig(settings=settings)

    await kopf.operator(
        registry=registry,
        settings=_settings(),
        standalone=True,  # the Lease sees to that only one replica works
        clusterwide=not namespaces,
        namespaces=namespaces,
    )


def _feed(registry: kopf.OperatorRegistry, controller: Controller) -> None:
    @kopf.on.event(GROUP, VERSION, controller.kind.value, registry=registry)
    async def observe(type: str | None, body: Mapping[str, Any], **_: Any) -> None:  # noqa: A002 - kopf's name
        controller.observe(type, body)


def _follow_daemon_sets(registry: kopf.OperatorRegistry, producers: Controller) -> None:
    @kopf.on.event("apps", "v1", "daemonsets", labels={PRODUCER_LABEL: kopf.PRESENT}, registry=registry)
    async def observe(namespace: str | None, labels: Mapping[str, str], **_: Any) -> None:
        producers.look_again([Key(namespace or "", labels[PRODUCER_LABEL])])


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.watching.connect_timeout = _CONNECT_SECONDS
    settings.watching.server_timeout = _SERVER_SECONDS
    settings.watching.client_timeout = _SERVER_SECONDS + 60
    # Its own discovery of kinds and namespaces would need rights for the whole cluster.
    settings.scanning.disabled = True
    settings.posting.enabled = False  # events are the controllers'
    return settings

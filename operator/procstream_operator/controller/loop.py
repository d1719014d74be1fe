"""The loop of one kind: resources that changed are reconciled, many at a time, and their status written.

It is level-triggered: only what is, never what happened, decides what is done, so nothing is lost when events
are missed or the operator is killed at any point.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from procstream_common.api_server import ApiError, ApiUnavailableError, ConflictError, GoneError

from procstream_operator.api import Api
from procstream_operator.controller.outcome import Outcome, Ready, ResourceEvent, events_of, status_of
from procstream_operator.controller.resource import GROUP, Key, Kind, Resource
from procstream_operator.controller.work_queue import WorkQueue
from procstream_operator.metrics import Metrics

FINALIZER = f"{GROUP}/retained-data"
"""On resources whose data are to be deleted with them; those that retain it have none and never wait."""

_BATCH = 500
_CONCURRENT_WRITES = 8

log = logging.getLogger("procstream.operator")


class Reconciler(Protocol):
    """What differs from kind to kind. Both methods may raise `ApiError`."""

    async def reconcile(
        self, resources: Sequence[Resource], everything: Mapping[Key, Resource]
    ) -> Mapping[Key, Outcome]:
        """Bring each to what it should be; `everything` is all resources of the kind."""

    def needs_finalizer(self, resource: Resource) -> bool:
        """Whether something must be done before the resource may go."""


class Controller:
    """The loop of one kind."""

    def __init__(self, kind: Kind, reconciler: Reconciler, api: Api, metrics: Metrics) -> None:
        self.kind = kind
        self.resources: dict[Key, Resource] = {}
        self.last_turn = time.monotonic()
        """When the loop last came round, monotonic seconds."""
        self._reconciler = reconciler
        self._api = api
        self._metrics = metrics
        self._queue = WorkQueue()
        self._listeners: list[Callable[[Resource], None]] = []
        metrics.queue_length.labels(kind.title).set_function(lambda: len(self._queue))
        metrics.watch(kind.title, self.resources)

    def on_change(self, listener: Callable[[Resource], None]) -> None:
        """Call `listener` with every resource that came or went, or whose readiness changed."""
        self._listeners.append(listener)

    def observe(self, event: str | None, body: Mapping[str, Any]) -> None:
        """Take in a watch event: its type (None: from the first list) and the resource."""
        resource = Resource.read(self.kind, body)
        if event == "DELETED":
            self._forget(resource.key)
            return
        known = self.resources.get(resource.key)
        self.resources[resource.key] = resource
        if known is None or _asks_for_more(known, resource):
            self._queue.add(resource.key)
        if known is None or known.ready_condition != resource.ready_condition:
            self._announce(resource)

    def look_again(self, keys: Iterable[Key] | None = None) -> None:
        """Reconcile resources anew, by default all."""
        for key in self.resources if keys is None else keys:
            if key in self.resources:
                self._queue.add(key)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self.last_turn = time.monotonic()
            try:
                keys = await asyncio.wait_for(self._queue.take(_BATCH), timeout=5)
            except TimeoutError:
                continue
            try:
                await self._turn(keys)
            except ApiError as error:
                log.warning("%s: %s; it tries again", self.kind.title, error)
                self._queue.retry(keys)
            except Exception:
                log.exception("%s: an error of the operator itself; it tries again", self.kind.title)
                self._queue.retry(keys)

    async def _turn(self, keys: Iterable[Key]) -> None:
        resources = [self.resources[key] for key in keys if key in self.resources]
        prepared = [one for one in await _gather(self._with_finalizer, resources) if one is not None]
        if not prepared:
            return
        began = time.perf_counter()
        outcomes = await self._reconcile(prepared)
        self._metrics.duration.labels(self.kind.title).observe(time.perf_counter() - began)
        await _gather(lambda resource: self._write(resource, outcomes[resource.key]), prepared)
        self._queue.retry(
            [key for key, outcome in outcomes.items() if outcome.retry and key in self.resources]
        )

    async def _reconcile(self, resources: Sequence[Resource]) -> Mapping[Key, Outcome]:
        try:
            return await self._reconciler.reconcile(resources, self.resources)
        except ApiUnavailableError:  # no status could be written either
            raise
        except Exception as error:
            if len(resources) == 1:
                log.exception("%s: an error of the operator itself", resources[0].title)
                message = f"an error of the operator itself, see its log: {type(error).__name__}: {error}"
                return {resources[0].key: Outcome(Ready(None, "InternalError", message), retry=True)}
            # One of them is the reason; the others must not wait for it.
            outcomes: dict[Key, Outcome] = {}
            for resource in resources:
                outcomes |= await self._reconcile([resource])
            return outcomes

    async def _with_finalizer(self, resource: Resource) -> Resource | None:
        """The resource with the finalizer that it should have; None where that has to wait."""
        has = FINALIZER in resource.finalizers
        if resource.deleted is not None:
            return resource if has else None
        needs = self._reconciler.needs_finalizer(resource)
        if has == needs:
            return resource
        return await self._set_finalizers(resource, needs)

    async def _set_finalizers(self, resource: Resource, present: bool) -> Resource | None:
        others = [one for one in resource.finalizers if one != FINALIZER]
        try:
            body = await self._api.set_finalizers(resource, [*others, FINALIZER] if present else others)
        except ConflictError:  # it has changed meanwhile; the watch brings the change
            self._queue.add(resource.key, 1.0)
            return None
        except GoneError:
            return None
        return self._take(Resource.read(self.kind, body))

    async def _write(self, resource: Resource, outcome: Outcome) -> None:
        if not outcome.retry:
            self._queue.succeeded(resource.key)
        self._metrics.reconciled.labels(self.kind.title, "retry" if outcome.retry else "done").inc()
        # A release that has to wait is told of when it succeeds.
        if outcome.released and await self._set_finalizers(resource, present=False) is None:
            return
        for event in events_of(resource, outcome):
            await self._tell(resource, event)
        if outcome.released:
            return
        status = status_of(resource, outcome, datetime.now(UTC))
        if status != resource.status:
            try:
                body = await self._api.set_status(resource, status)
            except GoneError:
                self._forget(resource.key)
                return
            self._take(Resource.read(self.kind, body))
        if outcome.again_in is not None:
            self._queue.add(resource.key, outcome.again_in)

    def _take(self, resource: Resource) -> Resource:
        """Know the resource as the API server just gave it, unless the watch has brought a newer one."""
        known = self.resources.get(resource.key)
        if known is None:  # deleted meanwhile
            return resource
        if known.uid == resource.uid and known.generation <= resource.generation:
            self.resources[resource.key] = resource
        if known.ready_condition != resource.ready_condition:
            self._announce(resource)
        return resource

    def _forget(self, key: Key) -> None:
        self._queue.forget(key)
        resource = self.resources.pop(key, None)
        if resource is not None:
            self._announce(resource)

    def _announce(self, resource: Resource) -> None:
        for listener in self._listeners:
            listener(resource)

    async def _tell(self, resource: Resource, event: ResourceEvent) -> None:
        level = logging.INFO if event.type == "Normal" else logging.WARNING
        log.log(
            level,
            "%s: %s: %s",
            resource.title,
            event.reason,
            event.message,
            extra={"resource": resource.title},
        )
        await self._api.post_event(resource, event)


def _asks_for_more(known: Resource, resource: Resource) -> bool:
    return (known.uid, known.generation, known.deleted) != (
        resource.uid,
        resource.generation,
        resource.deleted,
    )


async def _gather(work: Callable[[Resource], Any], resources: Sequence[Resource]) -> list[Any]:
    """The results of `work` on each, a few at a time."""
    gate = asyncio.Semaphore(_CONCURRENT_WRITES)

    async def one(resource: Resource) -> Any:
        async with gate:
            return await work(resource)

    return await asyncio.gather(*(one(resource) for resource in resources))

"""The comparison of everything with its specification, from time to time. It repairs drift.

It changes nothing itself: kopf handles the resources that need it. A `kopf.timer` or `kopf.daemon` would put
a finalizer on every resource, and ask Kafka about each topic alone.
"""

import asyncio
import logging
import time
from collections.abc import Iterable, Mapping

import kopf
from procstream_common.errors import ServerError

from procstream_operator.handlers.indices import only
from procstream_operator.handlers.rechecks import recheck
from procstream_operator.health import missed
from procstream_operator.parts import Parts
from procstream_operator.resource import Key, Kind, Resource

_CONCURRENT_WRITES = 8

log = logging.getLogger("procstream.operator")


class Resynchronization:
    """Compares the indexed resources with Kafka, the registry and the cluster."""

    def __init__(
        self,
        parts: Parts,
        *,
        topics: kopf.Index[Key, Resource],
        schemas: kopf.Index[Key, Resource],
        producers: kopf.Index[Key, Resource],
        connections: kopf.Index[Key, str | None],
    ) -> None:
        self._parts = parts
        self._indices = {Kind.TOPIC: topics, Kind.SCHEMA: schemas, Kind.PRODUCER: producers}
        self._connections = connections
        self._listed: dict[Kind, dict[Key, int]] = {kind: {} for kind in Kind}

    async def run(self) -> None:
        """Compare every `parts.resync` until cancelled."""
        while True:
            self._parts.health.last_resync = time.monotonic()
            await asyncio.sleep(self._parts.resync.total_seconds())
            for kind in Kind:
                try:
                    await self._check_watch(kind)
                    await self._compare(kind)
                except ServerError as error:
                    log.warning("%s: not compared now: %s", kind.title, error)
                except Exception:
                    log.exception("%s: internal error, retrying", kind.title)

    def resources(self, kind: Kind) -> Mapping[Key, Resource]:
        """The resources of a kind that the watch has brought."""
        index = self._indices[kind]
        return {key: resource for key in list(index) if (resource := only(index, key)) is not None}

    async def _compare(self, kind: Kind) -> None:
        resources = self.resources(kind)
        settled = [one for one in resources.values() if is_settled(one)]
        ready = [one for one in settled if one.is_ready]
        needed = {one.key for one in settled if not one.is_ready} | await self._drifted(kind, ready)
        gate = asyncio.Semaphore(_CONCURRENT_WRITES)

        async def have_handled(resource: Resource) -> None:
            async with gate:
                await recheck(self._parts.api, resource)

        await asyncio.gather(*(have_handled(resources[key]) for key in needed))

    async def _drifted(self, kind: Kind, ready: Iterable[Resource]) -> set[Key]:
        match kind:
            case Kind.TOPIC:
                return await self._parts.topics.drifted(ready)
            case Kind.SCHEMA:
                return await self._parts.schemas.drifted(ready)
            case Kind.PRODUCER:
                return {one.key for one in ready if await self._is_outdated(one)}

    async def _is_outdated(self, producer: Resource) -> bool:
        connection = only(self._connections, producer.key)
        return await self._parts.daemon_sets.is_outdated(producer, connection)

    async def _check_watch(self, kind: Kind) -> None:
        """Compare a list with what the watch has brought, which finds a stalled watch."""
        listed = [
            Resource.read(kind, body)
            for body in await self._parts.api.resources(kind, self._parts.namespaces)
        ]
        behind = missed(listed, self.resources(kind), self._listed[kind])
        self._parts.health.note_list(kind.title, missed=behind, now=time.monotonic())
        self._listed[kind] = {resource.key: resource.generation for resource in listed}


def is_settled(resource: Resource) -> bool:
    """Whether kopf is done with a resource: neither a change nor another attempt is pending."""
    progress = resource.status.get("kopf", {}).get("progress")
    return resource.deleted is None and resource.is_observed and not progress

"""One replica works, the others stand by: election by a Lease, as Kubernetes' own controllers do it.

The algorithm is client-go's (tools/leaderelection): whoever holds the Lease renews it; a Lease that nobody
has renewed for its duration, by the watcher's own clock, is free. The Python client's own election cannot be
used: its requests have no end, and in version 37 it fails to create a Lease.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from procstream_common.api_server import ApiError, ApiServer, GoneError, path_of
from procstream_common.errors import ProcstreamError

# The defaults of Kubernetes' own controllers.
LEASE_SECONDS = 15
RENEW_WITHIN_SECONDS = 10.0
RETRY_SECONDS = 2.0
_REQUEST_SECONDS = 5.0
_API_VERSION = "coordination.k8s.io/v1"

log = logging.getLogger("procstream.operator")


class LostLeadershipError(ProcstreamError):
    """Another replica may have taken over; this one has to end at once."""


@dataclass
class Observation:
    """What was last seen of the Lease. Pure: the caller has the clock, monotonic seconds."""

    version: str | None = None
    seen_at: float = 0.0

    def is_free(
        self, *, version: str, holder: str | None, duration: float, identity: str, now: float
    ) -> bool:
        """Whether `identity` may take the Lease: nobody or itself holds it, or it was not renewed in time."""
        if version != self.version:
            self.version, self.seen_at = version, now
        return not holder or holder == identity or now - self.seen_at > duration


class Lease:
    """The Lease in the API server."""

    def __init__(self, server: ApiServer, name: str, namespace: str, identity: str) -> None:
        self._server = server
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._observed = Observation()

    def __str__(self) -> str:
        return f"Lease {self._namespace}/{self._name}"

    async def hold(self) -> bool:
        """Take or renew it; whether that succeeded."""
        try:
            return await self._hold()
        except ApiError as error:
            log.warning("%s could not be taken or renewed: %s", self, error)
            return False

    async def give_back(self) -> None:
        """Let another replica lead at once instead of after the Lease has run out."""
        try:
            lease = await self._read()
            if lease is not None and lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"]["holderIdentity"] = ""
                await self._replace(lease)
        except ApiError as error:
            log.warning("%s was not given back: %s", self, error)

    async def _hold(self) -> bool:
        lease = await self._read()
        if lease is not None and not self._observed.is_free(
            version=lease["metadata"]["resourceVersion"],
            holder=lease["spec"].get("holderIdentity"),
            duration=lease["spec"].get("leaseDurationSeconds", LEASE_SECONDS),
            identity=self._identity,
            now=time.monotonic(),
        ):
            return False
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec: dict[str, Any] = dict(lease["spec"]) if lease is not None else {"leaseTransitions": 0}
        if spec.get("holderIdentity") != self._identity:
            spec |= {"acquireTime": now, "leaseTransitions": spec.get("leaseTransitions", 0) + 1}
        spec |= {"holderIdentity": self._identity, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
        if lease is not None:
            await self._replace({**lease, "spec": spec})
        else:
            metadata = {"name": self._name, "namespace": self._namespace}
            body = {"apiVersion": _API_VERSION, "kind": "Lease", "metadata": metadata, "spec": spec}
            path = path_of(_API_VERSION, self._namespace, "leases")
            await self._server.request("create", path, body, timeout=_REQUEST_SECONDS)
        return True

    async def _read(self) -> dict[str, Any] | None:
        try:
            return await self._server.request("get", self._path, timeout=_REQUEST_SECONDS)
        except GoneError:
            return None

    async def _replace(self, lease: dict[str, Any]) -> None:
        # It carries the version that was read: of two replicas that try at once, one is refused.
        await self._server.request("update", self._path, lease, timeout=_REQUEST_SECONDS)

    @property
    def _path(self) -> str:
        return path_of(_API_VERSION, self._namespace, "leases", self._name)


async def lead(lease: Lease, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Wait for the Lease, do `work` while renewing it, and give it back.

    Raises `LostLeadershipError` when it could not be renewed in time; `work` is cancelled then.
    """
    log.info("waiting for %s", lease)
    while not await lease.hold():
        await asyncio.sleep(RETRY_SECONDS)
    log.info("this replica leads")
    working, renewing = asyncio.create_task(work()), asyncio.create_task(_renew(lease))
    try:
        done, _ = await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (working, renewing):
            task.cancel()
        await asyncio.gather(working, renewing, return_exceptions=True)
        await lease.give_back()


async def _renew(lease: Lease) -> None:
    renewed = time.monotonic()
    while True:
        await asyncio.sleep(RETRY_SECONDS)
        if await lease.hold():
            renewed = time.monotonic()
        elif time.monotonic() - renewed > RENEW_WITHIN_SECONDS:
            raise LostLeadershipError(
                f"{lease} was not renewed within {RENEW_WITHIN_SECONDS:.0f} s; another replica may lead now"
            )

"""What the controllers ask of the API server."""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from procstream_common.api_server import ApiError, ApiServer, GoneError, path_of

from procstream_operator.controller.outcome import ResourceEvent
from procstream_operator.controller.resource import API_VERSION, Kind, Resource

FIELD_MANAGER = "procstream-operator"
_PAGE = 500
_MESSAGE_LENGTH = 1024
"""The API server refuses events with longer messages."""
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

log = logging.getLogger("procstream.operator")


class Api:
    """Every method raises `ApiError`."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def resources(
        self, kind: Kind, namespaces: Sequence[str], selector: str = ""
    ) -> list[Mapping[str, Any]]:
        """Resources of a kind in the namespaces, with the labels of `selector`; no namespace means all."""
        items: list[Mapping[str, Any]] = []
        for namespace in namespaces or [""]:
            query = {"limit": str(_PAGE), "labelSelector": selector}
            while True:
                page = await self._server.request(
                    "list", path_of(API_VERSION, namespace, kind.value), query=query
                )
                items += page["items"]
                if not (token := page["metadata"].get("continue")):
                    break
                query["continue"] = token
        return items

    async def delete(self, resource: Resource) -> None:
        """Ask for a resource to be deleted; it stays until its finalizers are gone. Raises `GoneError`."""
        await self._server.request("delete", _path(resource))

    async def set_status(self, resource: Resource, status: Mapping[str, Any]) -> Mapping[str, Any]:
        """Replace a resource's status; the resource as it is then. Raises `GoneError`."""
        removed = dict.fromkeys(resource.status.keys() - status.keys())
        # The uid makes sure that it is still the same resource, not a new one of its name.
        body = {"metadata": {"uid": resource.uid}, "status": {**status, **removed}}
        return await self._server.request("patch", f"{_path(resource)}/status", body)

    async def set_finalizers(self, resource: Resource, finalizers: Sequence[str]) -> Mapping[str, Any]:
        """Replace a resource's finalizers; the resource as it is then.

        Raises `ConflictError` when it has changed meanwhile, `GoneError` when it is away.
        """
        metadata = {"resourceVersion": resource.resource_version, "finalizers": list(finalizers)}
        return await self._server.request("patch", _path(resource), {"metadata": metadata})

    async def apply_daemon_set(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """Bring a DaemonSet to its manifest by server-side apply; the DaemonSet as it is then."""
        metadata = manifest["metadata"]
        path = path_of("apps/v1", metadata["namespace"], "daemonsets", metadata["name"])
        return await self._server.request("apply", path, manifest)

    async def daemon_set(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """A DaemonSet; None if there is none."""
        try:
            return await self._server.request("get", path_of("apps/v1", namespace, "daemonsets", name))
        except GoneError:
            return None

    async def version_of(self, kind: str, namespace: str, name: str) -> str:
        """The resource version of a `ConfigMap` or `Secret`, whose contents are not fetched.

        Another one means that it has changed. Raises `GoneError`.
        """
        path = path_of("v1", namespace, f"{kind.lower()}s", name)
        found = await self._server.request("get", path, accept=_METADATA_ONLY)
        return str(found["metadata"]["resourceVersion"])

    async def post_event(self, resource: Resource, event: ResourceEvent) -> None:
        """Post an event about a resource. It is told to people, so that a failure only goes to the log."""
        namespace, name = resource.key
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"generateName": f"{name[:200]}.", "namespace": namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": resource.kind.title,
                "namespace": namespace,
                "name": name,
                "uid": resource.uid,
                "resourceVersion": resource.resource_version,
            },
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:_MESSAGE_LENGTH],
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._server.request("create", path_of("v1", namespace, "events"), body)
        except ApiError as error:
            log.warning("%s: its event %s was not posted: %s", resource.title, event.reason, error)


def _path(resource: Resource) -> str:
    return path_of(API_VERSION, resource.key.namespace, resource.kind.value, resource.key.name)

"""Requests to the API server that kopf does not make."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from procstream_common.errors import NotFoundError, ProcstreamError
from procstream_common.kubernetes import ApiServer, path_of

from procstream_operator.resource import API_VERSION, Kind, Resource

FIELD_MANAGER = "procstream-operator"
_PAGE = 500
_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


class Api:
    """Every method raises `ServerError`."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server

    async def check_definitions(self, namespaces: Sequence[str]) -> None:
        """Raises `ProcstreamError` when the CustomResourceDefinitions are not installed."""
        for kind in Kind:
            path = path_of(API_VERSION, next(iter(namespaces), ""), kind.value)
            try:
                await self._server.request("list", path, query={"limit": "1"})
            except NotFoundError as error:
                raise ProcstreamError(
                    f"{error}; apply the CustomResourceDefinitions of the chart's crds/ first"
                ) from error

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
        """Delete a resource. It stays until its finalizers are removed. Raises `NotFoundError`."""
        await self._server.request("delete", _path(resource))

    async def recheck(self, resource: Resource) -> None:
        """Have kopf handle the resource, by a change that kopf treats like one of the specification.

        Raises `ConflictError` when another resource has the name now, `NotFoundError` when none has.
        """
        body = {
            "metadata": {"uid": resource.uid},
            "status": {"kopf": {"recheck": datetime.now(UTC).isoformat()}},
        }
        await self._server.request("patch", f"{_path(resource)}/status", body)

    async def apply_daemon_set(self, manifest: Mapping[str, Any]) -> Mapping[str, Any]:
        """Create or change a DaemonSet by server-side apply; the DaemonSet after it."""
        metadata = manifest["metadata"]
        path = path_of("apps/v1", metadata["namespace"], "daemonsets", metadata["name"])
        return await self._server.request("apply", path, manifest)

    async def daemon_set(self, namespace: str, name: str) -> Mapping[str, Any] | None:
        """A DaemonSet; None if there is none."""
        try:
            return await self._server.request("get", path_of("apps/v1", namespace, "daemonsets", name))
        except NotFoundError:
            return None

    async def version_of(self, kind: str, namespace: str, name: str) -> str:
        """The resource version of a `ConfigMap` or `Secret`, without its contents.

        It is another one after every change. Raises `NotFoundError` and `ForbiddenError`.
        """
        path = path_of("v1", namespace, f"{kind.lower()}s", name)
        found = await self._server.request("get", path, accept=_METADATA_ONLY)
        return str(found["metadata"]["resourceVersion"])


def _path(resource: Resource) -> str:
    return path_of(API_VERSION, resource.key.namespace, resource.kind.value, resource.key.name)

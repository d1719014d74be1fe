"""An API server in this process, over HTTP, so that kopf itself runs in tests: what the operator uses of it.

It has optimistic concurrency, generations, the status subresource, finalizers and watches like the real one,
but no validation and no permissions.
"""

import asyncio
import copy
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import jsonpatch
from aiohttp import web

GROUPS = {
    "procstream.io/v1alpha1": {
        "topics": "Topic",
        "schemas": "Schema",
        "procstatproducers": "ProcstatProducer",
    },
    "apps/v1": {"daemonsets": "DaemonSet"},
    "apiextensions.k8s.io/v1": {"customresourcedefinitions": "CustomResourceDefinition"},
    "v1": {
        "events": "Event",
        "namespaces": "Namespace",
        "configmaps": "ConfigMap",
        "secrets": "Secret",
    },
}
KINDS = {plural: kind for kinds in GROUPS.values() for plural, kind in kinds.items()}
PLURALS = {kind: plural for plural, kind in KINDS.items()}
API_VERSIONS = {kind: version for version, kinds in GROUPS.items() for kind in kinds.values()}
NAMESPACE = "shop"

Object = dict[str, Any]


class Refusal(Exception):  # noqa: N818 - an answer
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class FakeApi:
    """The objects of one namespace, and their history."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.requests: list[tuple[str, str]] = []
        """Methods and paths, watches included."""
        self.forbidden: set[str] = set()
        """Paths that are answered with 403."""
        self.refused: set[tuple[str, str]] = set()
        """Methods and paths that are answered with 422."""
        self.absent: set[str] = set()
        """Plurals whose definitions are not installed."""
        self.stalled = False
        """Watches stay open and bring nothing."""
        self.unavailable: set[tuple[str, str]] = set()
        """Methods and paths that are answered with 503."""
        self._history: dict[str, list[tuple[int, str, Object]]] = defaultdict(list)
        self._versions = count(1)
        self._uids = count(1)
        self._changed = asyncio.Condition()
        self._version = 0

    # What a test does.

    async def create(
        self, kind: str, name: str, spec: Mapping[str, Any] | None = None, **more: Any
    ) -> Object:
        """Create an object; `more` are further fields of the object, those of `metadata` in addition."""
        metadata = {"name": name, "namespace": NAMESPACE, **more.pop("metadata", {})}
        body = {
            "apiVersion": API_VERSIONS[kind],
            "kind": kind,
            "metadata": metadata,
            "spec": dict(spec or {}),
            **more,
        }
        return await self._add(PLURALS[kind], body)

    async def patch(self, kind: str, name: str, patch: Mapping[str, Any]) -> Object:
        """A merge patch of an object, its status not included."""
        return await self._replace(PLURALS[kind], name, lambda found: merged(found, dict(patch)), "")

    async def patch_status(self, kind: str, name: str, status: Mapping[str, Any]) -> Object:
        return await self._replace(
            PLURALS[kind], name, lambda found: merged(found, {"status": dict(status)}), "status"
        )

    async def delete(self, kind: str, name: str) -> None:
        await self._remove(PLURALS[kind], name)

    def get(self, kind: str, name: str) -> Object:
        """An object; empty if there is none."""
        return self.objects.get((PLURALS[kind], name), {})

    def ready(self, kind: str, name: str) -> Object:
        """The condition Ready of an object; empty before the first."""
        conditions = self.get(kind, name).get("status", {}).get("conditions", [])
        return dict(next((one for one in conditions if one["type"] == "Ready"), {}))

    def events(self, name: str) -> list[str]:
        """Reasons of the events about an object, in order."""
        return [
            one["reason"]
            for (plural, _), one in self.objects.items()
            if plural == "events" and one["involvedObject"]["name"] == name
        ]

    def versions(self, kind: str, name: str) -> list[Object]:
        """Every version that an object has had, its last one before deletion included."""
        return [body for _, _, body in self._history[PLURALS[kind]] if body["metadata"]["name"] == name]

    async def until(self, condition: Callable[[], object], what: str, *, timeout: float = 10) -> None:
        """Wait for the change of an object after which the condition holds."""
        try:
            async with asyncio.timeout(timeout), self._changed:
                await self._changed.wait_for(lambda: bool(condition()))
        except TimeoutError:
            objects = {
                name: one.get("status", {}) for name, one in self.objects.items() if name[0] != "events"
            }
            raise AssertionError(f"not within {timeout} s: {what}; found {objects}") from None

    async def until_ready(self, kind: str, name: str, status: str, reason: str) -> Object:
        """The condition Ready, once it has this status and reason for the current specification."""

        def holds() -> bool:
            found, ready = self.get(kind, name), self.ready(kind, name)
            return (ready.get("status"), ready.get("reason"), ready.get("observedGeneration")) == (
                status,
                reason,
                found.get("metadata", {}).get("generation"),
            )

        await self.until(holds, f"{kind} {name} with Ready {status} ({reason})")
        return self.ready(kind, name)

    def writes(self, name: str) -> list[str]:
        """Methods and last parts of the requests that changed an object of that name."""
        return [
            f"{method} {path.rpartition('/')[2]}"
            for method, path in self.requests
            if method != "GET" and f"/{name}" in path
        ]

    # What a client sees.

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._answer])
        app.router.add_get("/api", self._show_versions)
        app.router.add_get("/apis", self._show_groups)
        for version, kinds in GROUPS.items():
            root = "/api/v1" if version == "v1" else f"/apis/{version}"
            app.router.add_get(root, self._show_kinds(version, kinds))
            for prefix in (f"{root}/namespaces/{{namespace}}", root):
                app.router.add_get(f"{prefix}/{{plural}}", self._list)
                app.router.add_post(f"{prefix}/{{plural}}", self._post)
                app.router.add_get(f"{prefix}/{{plural}}/{{name}}", self._get)
                app.router.add_delete(f"{prefix}/{{plural}}/{{name}}", self._delete)
                app.router.add_patch(f"{prefix}/{{plural}}/{{name}}", self._patch)
                app.router.add_patch(f"{prefix}/{{plural}}/{{name}}/{{subresource}}", self._patch)
        return app

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.requests.append((request.method, request.path))
        try:
            if request.path in self.forbidden:
                raise Refusal(403, f"forbidden: {request.path}")
            if (request.method, request.path) in self.refused:
                raise Refusal(422, "refused")
            if (request.method, request.path) in self.unavailable:
                raise Refusal(503, "not now")
            return await handler(request)
        except Refusal as refusal:
            body = {"kind": "Status", "status": "Failure", "message": str(refusal), "code": refusal.status}
            return web.json_response(body, status=refusal.status)

    async def _show_versions(self, _request: web.Request) -> web.Response:
        return web.json_response({"versions": ["v1"]})

    async def _show_groups(self, _request: web.Request) -> web.Response:
        groups = []
        for version in GROUPS:
            if version != "v1":
                group, name = version.split("/")
                groups.append(
                    {"name": group, "versions": [{"version": name}], "preferredVersion": {"version": name}}
                )
        return web.json_response({"groups": groups})

    def _show_kinds(self, version: str, kinds: Mapping[str, str]) -> Callable[[web.Request], Any]:
        verbs = ["get", "list", "watch", "create", "patch", "delete"]

        async def show(_request: web.Request) -> web.Response:
            resources = []
            for plural, kind in kinds.items():
                names = [plural, f"{plural}/status"] if version.startswith("procstream") else [plural]
                resources += [
                    {"name": name, "singularName": "", "kind": kind, "namespaced": True, "verbs": verbs}
                    for name in names
                ]
            return web.json_response(
                {"kind": "APIResourceList", "groupVersion": version, "resources": resources}
            )

        return show

    async def _list(self, request: web.Request) -> web.StreamResponse:
        plural = request.match_info["plural"]
        if plural in self.absent:
            raise Refusal(404, "404 page not found")
        if request.query.get("watch") == "true":
            return await self._watch(request, plural)
        items = [one for (kind, _), one in self.objects.items() if kind == plural]
        if selector := request.query.get("labelSelector"):
            name, value = selector.split("=")
            items = [one for one in items if one["metadata"].get("labels", {}).get(name) == value]
        kind = KINDS[plural]
        return web.json_response(
            {
                "kind": f"{kind}List",
                "apiVersion": API_VERSIONS[kind],
                "metadata": {"resourceVersion": str(self._version)},
                "items": items,
            }
        )

    async def _watch(self, request: web.Request, plural: str) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        seen = int(request.query.get("resourceVersion") or 0)
        while True:
            async with self._changed:
                while self.stalled or not (news := [one for one in self._history[plural] if one[0] > seen]):
                    await self._changed.wait()
            for version, kind, body in news:
                line = json.dumps({"type": kind, "object": body}) + "\n"
                await response.write(line.encode())
                seen = version

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._found(request.match_info["plural"], request.match_info["name"]))

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(await self._add(request.match_info["plural"], body), status=201)

    async def _delete(self, request: web.Request) -> web.Response:
        await self._remove(request.match_info["plural"], request.match_info["name"])
        return web.json_response({"kind": "Status", "status": "Success"})

    async def _patch(self, request: web.Request) -> web.Response:
        plural, name = request.match_info["plural"], request.match_info["name"]
        subresource = request.match_info.get("subresource", "")
        patch = await request.json()
        match request.content_type:
            case "application/merge-patch+json":
                body = await self._replace(plural, name, lambda found: merged(found, patch), subresource)
            case "application/json-patch+json":
                body = await self._replace(
                    plural, name, lambda found: json_patched(found, patch), subresource
                )
            case "application/apply-patch+yaml":
                if (plural, name) not in self.objects:
                    body = await self._add(plural, patch)
                else:
                    body = await self._replace(plural, name, lambda found: merged(found, patch), subresource)
            case other:
                raise Refusal(415, other)
        return web.json_response(body)

    # How objects change.

    def _found(self, plural: str, name: str) -> Object:
        try:
            return self.objects[plural, name]
        except KeyError:
            raise Refusal(404, f'{plural} "{name}" not found') from None

    async def _add(self, plural: str, body: Object) -> Object:
        metadata = dict(body["metadata"])
        uid = f"uid-{next(self._uids)}"
        metadata.setdefault("name", f"{metadata.get('generateName', '')}{uid}")
        if (plural, metadata["name"]) in self.objects:
            raise Refusal(409, f'{plural} "{metadata["name"]}" already exists')
        metadata = {
            "namespace": NAMESPACE,
            "creationTimestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **metadata,
            "uid": uid,
            "generation": 1,
        }
        return await self._record(plural, "ADDED", {**body, "metadata": metadata})

    async def _replace(
        self, plural: str, name: str, change: Callable[[Object], Object], subresource: str
    ) -> Object:
        before = self._found(plural, name)
        after = change(copy.deepcopy(before))
        if after["metadata"]["uid"] != before["metadata"]["uid"]:
            raise Refusal(409, f"uid: {after['metadata']['uid']}, expected {before['metadata']['uid']}")
        has_status = plural in GROUPS["procstream.io/v1alpha1"]
        if subresource == "status":
            after = {**before, "status": after.get("status", {})}
        elif has_status:
            after = {**after, "status": before.get("status", {})}
        metadata = {**after["metadata"], "resourceVersion": before["metadata"]["resourceVersion"]}
        metadata["generation"] = before["metadata"]["generation"] + (after.get("spec") != before.get("spec"))
        after = {**after, "metadata": metadata}
        if after == before:
            return before
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            return await self._record(plural, "DELETED", after)
        return await self._record(plural, "MODIFIED", after)

    async def _remove(self, plural: str, name: str) -> None:
        body = copy.deepcopy(self._found(plural, name))
        metadata = body["metadata"]
        if not metadata.get("finalizers"):
            await self._record(plural, "DELETED", body)
        elif "deletionTimestamp" not in metadata:
            stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            metadata |= {"deletionTimestamp": stamp, "generation": metadata["generation"] + 1}
            await self._record(plural, "MODIFIED", body)

    async def _record(self, plural: str, kind: str, body: Object) -> Object:
        self._version = next(self._versions)
        body = copy.deepcopy(body)
        body["metadata"]["resourceVersion"] = str(self._version)
        key = (plural, body["metadata"]["name"])
        if kind == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = body
        self._history[plural].append((self._version, kind, body))
        async with self._changed:
            self._changed.notify_all()
        return body


def merged(found: Any, patch: Any) -> Any:
    """The result of a JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(found) if isinstance(found, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def json_patched(found: Object, patch: Any) -> Object:
    """The result of a JSON patch (RFC 6902)."""
    try:
        return dict(jsonpatch.apply_patch(found, patch))
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise Refusal(422, str(error)) from None


@asynccontextmanager
async def serving(api: FakeApi) -> AsyncIterator[str]:
    """The URL of the API server while the context is open."""
    runner = web.AppRunner(api.application(), access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

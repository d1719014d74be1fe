"""The state of a release of the chart: its workloads, and the jobs of its pipelines.

Flink's REST interfaces are reached through the API server (its service proxy), without port forwarding.
"""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from procstream_common.errors import NotFoundError, ProcstreamError, ServerError
from procstream_common.kubernetes import ApiServer, ForbiddenError, connected, path_of

from procstream_local.status import flink_jobs
from procstream_local.status.flink_jobs import Flink, unasked
from procstream_local.status.model import Failure, Pipeline, Status, Workload

_KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
_REST_PORT = 8081
_ANSWER_SECONDS = 2.0
_PIPELINE = re.compile(r"-pipeline-(?P<name>.+?)(-rest)?$")
"""Name of the Service of a pipeline's JobManager; Flink's operator adds `-rest`."""

_Object = Mapping[str, Any]


@dataclass(frozen=True)
class Deployed:
    """A pipeline of a release."""

    name: str
    service: str
    """Name of the Service of its JobManager."""
    error: str | None = None
    """The reason why Flink's operator does not run it."""


def status(namespace: str, release: str, context: str | None) -> Status:
    """The whole release at this moment. Raises `ProcstreamError` if there is no such release."""
    return asyncio.run(_status(namespace, release, context))


async def _status(namespace: str, release: str, context: str | None) -> Status:
    async with connected(field_manager="procstream", context=context) as server:
        kinds = [_list(server, "apps/v1", namespace, kind) for kind in _KINDS]
        *owned, clusters, pods, services = await asyncio.gather(
            *kinds,
            _flink_deployments(server, namespace),
            _list(server, "v1", namespace, "pods"),
            _list(server, "v1", namespace, "services"),
        )
        now = datetime.now(UTC)
        found = list(workloads(dict(zip(_KINDS, owned, strict=True)), pods, release, now))
        found += flink_clusters(clusters, pods, release, now)
        if not found:
            raise ProcstreamError(
                f"namespace {namespace}: found no workloads of release {release}, expected those that "
                f"`helm install {release}` creates; select others with --release and --namespace"
            )
        asked = [_pipeline(server, namespace, one) for one in pipelines_of(services, clusters, release)]
        return Status(datetime.now(UTC), (), tuple(await asyncio.gather(*asked)), workloads=tuple(found))


def workloads(
    owned: Mapping[str, Sequence[_Object]], pods: Sequence[_Object], release: str, now: datetime
) -> Iterator[Workload]:
    """The release's workloads; `owned` are all workloads of the namespace by kind. Pure."""
    producers = {one["metadata"]["name"] for one in owned["daemonsets"] if _is_producer(one)}
    for kind, objects in owned.items():
        for one in objects:
            name = one["metadata"]["name"]
            if _release_of(one) != release and name not in producers:
                continue
            own = [pod for pod in pods if _belongs(pod, one["spec"]["selector"].get("matchLabels", {}))]
            state = one.get("status", {})
            yield Workload(
                name=name,
                kind=_KINDS[kind],
                desired=int(state.get("desiredNumberScheduled", one["spec"].get("replicas", 0))),
                ready=int(state.get("numberReady", state.get("readyReplicas", 0))),
                restarts=_restarts(own),
                uptime_seconds=_uptime(own, now),
            )


def flink_clusters(
    clusters: Sequence[_Object], pods: Sequence[_Object], release: str, now: datetime
) -> Iterator[Workload]:
    """The release's FlinkDeployments, with the pods that Flink's operator and Flink create for them. Pure."""
    for one in clusters:
        name = one["metadata"]["name"]
        if _release_of(one) != release:
            continue
        own = [pod for pod in pods if _belongs(pod, {"app": name, "type": "flink-native-kubernetes"})]
        taskmanagers = one.get("status", {}).get("taskManager", {}).get("replicas", 0)
        yield Workload(
            name=name,
            kind="FlinkDeployment",
            desired=int(one["spec"]["jobManager"]["replicas"]) + int(taskmanagers),
            ready=sum(map(_is_ready, own)),
            restarts=_restarts(own),
            uptime_seconds=_uptime(own, now),
        )


def pipelines_of(
    services: Sequence[_Object], clusters: Sequence[_Object], release: str
) -> Iterator[Deployed]:
    """The release's pipelines; those of Flink's operator even before it has created anything. Pure.

    Services that Flink creates have no label of the release: if FlinkDeployments cannot be listed, only
    their names show the release.
    """
    operated = {f"{one['metadata']['name']}-rest": one for one in clusters}
    for service in services:
        name = service["metadata"]["name"]
        found = _PIPELINE.search(name)
        ports = {port["port"] for port in service["spec"].get("ports", ())}
        own = _release_of(service) == release or (
            _release_of(service) is None and name.startswith(f"{release}-")
        )
        if found and own and name not in operated and _REST_PORT in ports:
            yield Deployed(found["name"], name)
    for service_name, one in operated.items():
        if (found := _PIPELINE.search(service_name)) and _release_of(one) == release:
            yield Deployed(found["name"], service_name, _error(one))


async def _pipeline(server: ApiServer, namespace: str, deployed: Deployed) -> Pipeline:
    flink = Flink(_ProxiedRest(server, namespace, deployed.service))
    refused = (Failure(datetime.now(UTC), deployed.error),) if deployed.error else ()
    unknown = Pipeline(name=deployed.name, job_id="", expected=True, failures=refused)
    try:
        overview = await flink.get("jobs/overview")
    except ServerError:
        return unasked(unknown)
    if not overview or not overview["jobs"]:
        return replace(unknown, state="not submitted")
    # A cluster in application mode has one job.
    job = overview["jobs"][0]
    found = await flink_jobs.whole(flink, Pipeline(name=deployed.name, job_id=job["jid"], expected=True))
    return replace(found, failures=found.failures or refused)


class _ProxiedRest:
    """A JobManager behind the API server."""

    def __init__(self, server: ApiServer, namespace: str, service: str) -> None:
        self._server = server
        self._path = f"{path_of('v1', namespace, 'services', f'{service}:{_REST_PORT}')}/proxy"

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Any:
        """See `Rest`."""
        ask = partial(
            self._server.answer,
            "get",
            f"{self._path}/{path}",
            query=params,
            timeout=timeout or _ANSWER_SECONDS,
        )
        try:
            # A JobManager refuses names that are not its own, and the API server passes on the header.
            return await ask(host="localhost")
        except (ForbiddenError, NotFoundError):
            # Some proxies in front of an API server find it by its name.
            return await ask()


async def _list(server: ApiServer, version: str, namespace: str, plural: str) -> list[_Object]:
    return list((await server.request("list", path_of(version, namespace, plural)))["items"])


async def _flink_deployments(server: ApiServer, namespace: str) -> list[_Object]:
    try:
        return await _list(server, "flink.apache.org/v1beta1", namespace, "flinkdeployments")
    except (ForbiddenError, NotFoundError):
        return []  # without Flink's operator the kind does not exist, and no role allows to list it


def _error(one: _Object) -> str | None:
    """The innermost cause in the error of Flink's operator, which is JSON."""
    text = one.get("status", {}).get("error")
    try:
        given = json.loads(text) if text else {}
    except ValueError:
        return str(text)
    causes = [cause.get("message") for cause in (given, *given.get("throwableList", ()))]
    return next(filter(None, reversed(causes)), None)


def _release_of(one: _Object) -> str | None:
    labels: Mapping[str, str] = one["metadata"].get("labels", {})
    return labels.get("app.kubernetes.io/instance") if _is_procstream(labels) else None


def _is_procstream(labels: Mapping[str, str]) -> bool:
    return labels.get("app.kubernetes.io/part-of") == "procstream"


def _is_producer(one: _Object) -> bool:
    # The instance label of the operator's DaemonSets is the name of their ProcstatProducer.
    return "procstream.io/producer" in one["metadata"].get("labels", {})


def _belongs(pod: _Object, selector: Mapping[str, str]) -> bool:
    return bool(selector) and selector.items() <= pod["metadata"].get("labels", {}).items()


def _is_ready(pod: _Object) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _restarts(pods: Sequence[_Object]) -> int:
    containers = [state for pod in pods for state in pod["status"].get("containerStatuses", ())]
    return sum(int(container["restartCount"]) for container in containers)


def _uptime(pods: Sequence[_Object], now: datetime) -> float:
    """Seconds since the start of the youngest pod; 0 without any."""
    starts = [start for pod in pods if (start := pod["status"].get("startTime")) is not None]
    return min(((now - datetime.fromisoformat(start)).total_seconds() for start in starts), default=0.0)

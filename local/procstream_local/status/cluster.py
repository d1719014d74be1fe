"""What a release of the chart does: its workloads, and the jobs of its pipelines.

Flink's REST interfaces are asked through the API server (its service proxy), so nothing has to be forwarded.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from procstream_common.api_server import ApiError, ApiServer, GoneError, connected, path_of
from procstream_common.errors import ProcstreamError

from procstream_local.status import flink_jobs
from procstream_local.status.flink_jobs import Flink, Unanswered, unasked
from procstream_local.status.model import Pipeline, Status, Workload

_KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet", "daemonsets": "DaemonSet"}
_REST_PORT = 8081
_PIPELINE = re.compile(r"-pipeline-(?P<name>.+?)(-rest)?$")
"""Service of a pipeline's JobManager; Flink's operator adds `-rest`."""

_Object = Mapping[str, Any]


def status(namespace: str, release: str, context: str | None) -> Status:
    """All of a release at this moment. Raises `ProcstreamError` when there is no such release."""
    return asyncio.run(_status(namespace, release, context))


async def _status(namespace: str, release: str, context: str | None) -> Status:
    async with connected(field_manager="procstream", context=context) as server:
        kinds = [_list(server, "apps/v1", namespace, kind) for kind in _KINDS]
        *owned, pods, services = await asyncio.gather(
            *kinds, _list(server, "v1", namespace, "pods"), _list(server, "v1", namespace, "services")
        )
        found = list(workloads(dict(zip(_KINDS, owned, strict=True)), pods, release, datetime.now(UTC)))
        if not found:
            raise ProcstreamError(
                f"namespace {namespace}: found nothing of release {release}, expected what "
                f"`helm install {release}` makes; name others with --release and --namespace"
            )
        asked = [_pipeline(server, namespace, *one) for one in pipelines_of(services, release)]
        return Status(datetime.now(UTC), (), tuple(await asyncio.gather(*asked)), workloads=tuple(found))


def workloads(
    owned: Mapping[str, Sequence[_Object]], pods: Sequence[_Object], release: str, now: datetime
) -> Iterator[Workload]:
    """The release's workloads; `owned` are all of the namespace by kind. Pure."""
    producers = {one["metadata"]["name"] for one in owned["daemonsets"] if _is_producer(one)}
    for kind, objects in owned.items():
        for one in objects:
            name = one["metadata"]["name"]
            if _release_of(one) != release and name not in producers:
                continue
            own = [pod for pod in pods if _belongs(pod, one["spec"]["selector"].get("matchLabels", {}))]
            containers = [state for pod in own for state in pod["status"].get("containerStatuses", ())]
            ages = [(now - datetime.fromisoformat(start)).total_seconds() for start in _starts(own)]
            state = one.get("status", {})
            yield Workload(
                name=name,
                kind=_KINDS[kind],
                desired=int(state.get("desiredNumberScheduled", one["spec"].get("replicas", 0))),
                ready=int(state.get("numberReady", state.get("readyReplicas", 0))),
                restarts=sum(int(container["restartCount"]) for container in containers),
                uptime_seconds=min(ages, default=0.0),
            )


def pipelines_of(services: Sequence[_Object], release: str) -> Iterator[tuple[str, str]]:
    """The release's pipelines, each with the Service of its JobManager. Pure."""
    for service in services:
        name = service["metadata"]["name"]
        found = _PIPELINE.search(name)
        ports = {port["port"] for port in service["spec"].get("ports", ())}
        if found and _REST_PORT in ports and name.startswith(release):
            yield found["name"], name


async def _pipeline(server: ApiServer, namespace: str, name: str, service: str) -> Pipeline:
    flink = Flink(_ProxiedRest(server, namespace, service))
    unknown = Pipeline(name=name, job_id="", expected=True)
    try:
        overview = await flink.get("jobs/overview")
    except Unanswered:
        return unasked(unknown)
    if not overview or not overview["jobs"]:
        return Pipeline(name=name, job_id="", expected=True, state="not submitted")
    # A cluster in application mode has one job.
    job = overview["jobs"][0]
    return await flink_jobs.whole(flink, Pipeline(name=name, job_id=job["jid"], expected=True))


class _ProxiedRest:
    """A JobManager behind the API server."""

    def __init__(self, server: ApiServer, namespace: str, service: str) -> None:
        self._server = server
        self._path = f"{path_of('v1', namespace, 'services', f'{service}:{_REST_PORT}')}/proxy"

    async def get(self, path: str, params: Mapping[str, str], timeout: float) -> Any:
        """See `Rest`."""
        try:
            return await self._server.answer("get", f"{self._path}/{path}", query=params, timeout=timeout)
        except GoneError:
            return None
        except ApiError as error:
            raise Unanswered(str(error)) from None


async def _list(server: ApiServer, version: str, namespace: str, plural: str) -> list[_Object]:
    return list((await server.request("list", path_of(version, namespace, plural)))["items"])


def _release_of(one: _Object) -> str | None:
    labels: Mapping[str, str] = one["metadata"].get("labels", {})
    return labels.get("app.kubernetes.io/instance") if _is_procstream(labels) else None


def _is_procstream(labels: Mapping[str, str]) -> bool:
    return labels.get("app.kubernetes.io/part-of") == "procstream"


def _is_producer(one: _Object) -> bool:
    # The operator's DaemonSets have their own resource's name as instance.
    return "procstream.io/producer" in one["metadata"].get("labels", {})


def _belongs(pod: _Object, selector: Mapping[str, str]) -> bool:
    return bool(selector) and selector.items() <= pod["metadata"].get("labels", {}).items()


def _starts(pods: Sequence[_Object]) -> Iterator[str]:
    for pod in pods:
        if (start := pod["status"].get("startTime")) is not None:
            yield start

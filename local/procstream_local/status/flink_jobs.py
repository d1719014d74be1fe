"""What Flink knows about a pipeline's job.

A Flink that is down or hangs causes no error here: the values are unanswered.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from procstream_common.errors import NotFoundError, Server, ServerError

from procstream_local.status import answers
from procstream_local.status.model import ENDED, GONE, Counts, Pipeline

_TOTAL_SECONDS = 4.0
_REQUEST_SECONDS = 2.0
# A request for metrics makes the JobManager collect them; its answer has the ones that it had before.
_METRICS_SECONDS = 0.3
_SHORT_SECONDS = 1.5
_MAX_FAILURES = "10"

_FIELDS = ("checkpoint", "checkpoint_interval", "counts", "failures", "restarts", "running_since", "state")


class Rest(Protocol):
    """A JobManager's REST interface: direct, or behind the Kubernetes API server."""

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Any:
        """`GET /<path>`; `timeout` in seconds. Raises `ServerError`: `NotFoundError` for 404."""


class Flink:
    """A JobManager, with a common deadline for all answers."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._deadline = time.monotonic() + _TOTAL_SECONDS

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._deadline - time.monotonic()

    async def get(self, path: str, **params: str) -> Any:
        """`GET /<path>`, or None for 404. Raises `ServerError`."""
        try:
            return await self._rest.get(path, params, timeout=max(0.05, min(self.left, _REQUEST_SECONDS)))
        except NotFoundError:
            return None


def unasked(pipeline: Pipeline) -> Pipeline:
    """A pipeline whose Flink did not answer."""
    return replace(pipeline, unanswered=frozenset(_FIELDS))


async def job(flink: Flink, pipeline: Pipeline) -> Pipeline:
    """The pipeline, with only the state of its job."""
    try:
        found = await flink.get(f"jobs/{pipeline.job_id}")
    except ServerError:
        return unasked(pipeline)
    if found is None:
        return replace(pipeline, state=GONE)
    return _of_job(pipeline, found)


def _of_job(pipeline: Pipeline, job: Mapping[str, Any]) -> Pipeline:
    running, total = answers.tasks(job)
    return replace(
        pipeline,
        state=job["state"],
        running_since=answers.running_since(job),
        tasks_running=running,
        tasks=total,
    )


async def whole(flink: Flink, pipeline: Pipeline) -> Pipeline:
    """The pipeline, with everything that Flink knows about its job."""
    path = f"jobs/{pipeline.job_id}"
    try:
        job = await flink.get(path)
    except ServerError:
        return unasked(pipeline)
    if job is None:
        return replace(pipeline, state=GONE)
    exceptions = flink.get(f"{path}/exceptions", maxExceptions=_MAX_FAILURES)
    asked: dict[str, Awaitable[Any]] = {
        "checkpoint": _read(flink.get(f"{path}/checkpoints"), answers.checkpoint),
        "checkpoint_interval": _read(flink.get(f"{path}/checkpoints/config"), answers.checkpoint_interval),
        "failures": _read(exceptions, answers.failures),
    }
    if job["state"] not in ENDED:
        vertices = [f"{path}/vertices/{vertex['id']}/subtasks/metrics" for vertex in job["vertices"]]
        fresh = asyncio.create_task(_fresh_metrics(flink, path, answers.running_since(job)))
        asked["counts"] = _counts(flink, vertices, fresh)
        asked["restarts"] = _restarts(fresh)
    given = await asyncio.gather(*asked.values(), return_exceptions=True)
    found, unanswered = {}, set()
    for name, value in zip(asked, given, strict=True):
        if isinstance(value, ServerError):
            unanswered.add(name)
        elif isinstance(value, BaseException):
            raise value
        else:
            found[name] = value
    return replace(_of_job(pipeline, job), unanswered=frozenset(unanswered), **found)


async def _read(answer: Awaitable[Any], read: Callable[[Any], Any]) -> Any:
    document = await answer
    if document is None:
        raise NotFoundError(Server.FLINK, "the job is not known any more")
    return read(document)


async def _fresh_metrics(flink: Flink, path: str, since: datetime | None) -> Mapping[str, str]:
    """Metrics of a job: repeats until its uptime shows that they are current, or time is short."""
    while True:
        await asyncio.sleep(_METRICS_SECONDS)
        found = await flink.get(f"{path}/metrics", get="numRestarts,uptime")
        metrics = {metric["id"]: metric["value"] for metric in found or ()}
        if (
            since is None
            or flink.left < _SHORT_SECONDS
            or answers.is_fresh(metrics, since, datetime.now(UTC))
        ):
            return metrics


async def _restarts(fresh: Awaitable[Mapping[str, str]]) -> int | None:
    restarts = (await fresh).get("numRestarts")
    return None if restarts is None else int(restarts)


async def _counts(flink: Flink, vertices: Sequence[str], fresh: Awaitable[object]) -> Counts:
    """Totals of all vertices; `vertices` are the paths of their metrics."""
    await fresh
    lists = await asyncio.gather(*(flink.get(path) for path in vertices))
    names = [answers.wanted(metric["id"] for metric in found or ()) for found in lists]
    asked = [
        flink.get(path, get=",".join(metrics), agg="sum")
        for path, metrics in zip(vertices, names, strict=True)
        if metrics
    ]
    sums = [metric for found in await asyncio.gather(*asked) for metric in found or ()]
    return answers.counts((metric["id"], metric["sum"]) for metric in sums)

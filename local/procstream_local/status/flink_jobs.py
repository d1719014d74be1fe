"""What Flink knows of a pipeline's job.

What does not answer is noted as such; nothing here raises because Flink is down or hangs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from procstream_local.status import answers
from procstream_local.status.model import ENDED, GONE, Counts, Pipeline

_TOTAL_SECONDS = 4.0
_REQUEST_SECONDS = 2.0
# The JobManager collects metrics from the TaskManagers when somebody asks, and answers with what it had.
_METRICS_SECONDS = 0.3
_SHORT_SECONDS = 1.5
_MAX_FAILURES = "10"

_FIELDS = ("checkpoint", "checkpoint_interval", "counts", "failures", "restarts", "running_since", "state")


class Unanswered(Exception):  # noqa: N818 - says what it is
    """Flink did not answer in time, or not as expected."""


class Rest(Protocol):
    """A JobManager's REST interface, however it is reached."""

    async def get(self, path: str, params: Mapping[str, str], timeout: float) -> Any:
        """`GET /<path>`, or None for 404; `timeout` in seconds. Raises `Unanswered`."""


class Flink:
    """A JobManager, asked until the time for all answers is over."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._deadline = time.monotonic() + _TOTAL_SECONDS

    @property
    def left(self) -> float:
        """Seconds until all answers must be there."""
        return self._deadline - time.monotonic()

    async def get(self, path: str, **params: str) -> Any:
        """`GET /<path>`, or None for 404. Raises `Unanswered`."""
        return await self._rest.get(path, params, max(0.05, min(self.left, _REQUEST_SECONDS)))


def unasked(pipeline: Pipeline) -> Pipeline:
    """A pipeline whose Flink did not answer."""
    return replace(pipeline, unanswered=frozenset(_FIELDS))


async def job(flink: Flink, pipeline: Pipeline) -> Pipeline:
    """The pipeline with no more than what state its job is in."""
    try:
        found = await flink.get(f"jobs/{pipeline.job_id}")
    except Unanswered:
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
    """The pipeline with all that its Flink knows of it."""
    path = f"jobs/{pipeline.job_id}"
    try:
        job = await flink.get(path)
    except Unanswered:
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
        if isinstance(value, Unanswered):
            unanswered.add(name)
        elif isinstance(value, BaseException):
            raise value
        else:
            found[name] = value
    return replace(_of_job(pipeline, job), unanswered=frozenset(unanswered), **found)


async def _read(answer: Awaitable[Any], read: Callable[[Any], Any]) -> Any:
    document = await answer
    if document is None:
        raise Unanswered("not found")
    return read(document)


async def _fresh_metrics(flink: Flink, path: str, since: datetime | None) -> Mapping[str, str]:
    """Metrics of a job, asked for until its uptime tells that they are of now, or time is short."""
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
    """Totals of all vertices, each given by the path of its metrics."""
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

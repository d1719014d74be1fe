"""Asking the stack what it does: all parts at once, none for longer than some seconds.

What does not answer is noted as such; nothing here raises because a part of the stack is down or hangs.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx

from procstream_local import stack
from procstream_local.home import Home, PipelineRecord
from procstream_local.status import answers
from procstream_local.status.lag import consumer_lags
from procstream_local.status.model import ENDED, GONE, Counts, OtherJob, Pipeline, Status

_TOTAL_SECONDS = 4.0
_REQUEST_SECONDS = 2.0
# The JobManager collects metrics from the TaskManagers when somebody asks, and answers with what it had.
_METRICS_SECONDS = 0.3
_SHORT_SECONDS = 1.5
_MAX_FAILURES = "10"

_FIELDS = ("checkpoint", "checkpoint_interval", "counts", "failures", "restarts", "running_since", "state")


class Unanswered(Exception):  # noqa: N818 - says what it is
    """Flink did not answer in time, or not as expected."""


@dataclass
class _Flink:
    """The JobManager's REST interface, until the time for all answers is over."""

    client: httpx.AsyncClient
    deadline: float = field(default_factory=lambda: time.monotonic() + _TOTAL_SECONDS)

    @property
    def left(self) -> float:
        """Seconds until all answers must be there."""
        return self.deadline - time.monotonic()

    async def get(self, path: str, **params: str) -> Any:
        """`GET /<path>`, or None for 404. Raises `Unanswered`."""
        timeout = max(0.05, min(self.left, _REQUEST_SECONDS))
        try:
            response = await self.client.get(path, params=params, timeout=timeout)
            if response.status_code == httpx.codes.NOT_FOUND:
                return None
            return response.raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unanswered(str(error)) from None


def status(home: Home) -> Status:
    """All of the stack at this moment."""
    return asyncio.run(_status(home))


def pipelines(home: Home, names: Collection[str] | None = None) -> tuple[Pipeline, ...]:
    """The pipelines alone, all or those named."""
    return asyncio.run(_pipelines(home, names))[0]


def jobs(home: Home) -> tuple[Pipeline, ...]:
    """The pipelines with no more than what state their jobs are in."""
    return asyncio.run(_jobs(home))


async def _status(home: Home) -> Status:
    services, (found, others) = await asyncio.gather(
        asyncio.to_thread(stack.status, home), _pipelines(home, None)
    )
    return Status(datetime.now(UTC), tuple(services), found, others)


async def _pipelines(
    home: Home, names: Collection[str] | None
) -> tuple[tuple[Pipeline, ...], tuple[OtherJob, ...]]:
    record = home.read()
    known = [pipeline for name, pipeline in record.pipelines.items() if names is None or name in names]
    if not record.ports:
        return tuple(_unasked(pipeline) for pipeline in known), ()
    lags = asyncio.create_task(asyncio.to_thread(consumer_lags, known, stack.environment(home, record)))
    async with _client(record.ports) as client:
        flink = _Flink(client)
        found: Sequence[Pipeline]
        others: tuple[OtherJob, ...] = ()
        try:
            overview, _ = await asyncio.gather(flink.get("jobs/overview"), flink.get("jobmanager/metrics"))
        except Unanswered:
            found = [_unasked(pipeline) for pipeline in known]
        else:
            found = await asyncio.gather(*(_pipeline(flink, pipeline) for pipeline in known))
            others = _other_jobs(
                overview["jobs"], {pipeline.job_id for pipeline in record.pipelines.values()}
            )
    behind = await lags
    return tuple(_with_lag(pipeline, behind) for pipeline in found), others


async def _jobs(home: Home) -> tuple[Pipeline, ...]:
    record = home.read()
    known = record.pipelines.values()
    if not record.ports:
        return tuple(map(_unasked, known))
    async with _client(record.ports) as client:
        flink = _Flink(client)
        return tuple(await asyncio.gather(*(_job(flink, pipeline) for pipeline in known)))


def _client(ports: Mapping[str, int]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['flink-rest']}", trust_env=False)


def _known(pipeline: PipelineRecord) -> Pipeline:
    return Pipeline(
        name=pipeline.name,
        job_id=pipeline.job_id,
        expected=pipeline.active,
        savepoint=pipeline.savepoint,
    )


def _unasked(pipeline: PipelineRecord) -> Pipeline:
    return replace(_known(pipeline), unanswered=frozenset(_FIELDS))


def _with_lag(pipeline: Pipeline, lags: Mapping[str, int | None]) -> Pipeline:
    if pipeline.name not in lags:
        return replace(pipeline, unanswered=pipeline.unanswered | {"lag"})
    return replace(pipeline, lag=lags[pipeline.name])


def _other_jobs(jobs: Sequence[Mapping[str, Any]], own: Collection[str]) -> tuple[OtherJob, ...]:
    return tuple(
        OtherJob(job["jid"], job["name"], job["state"])
        for job in jobs
        if job["jid"] not in own and job["state"] not in ENDED
    )


async def _job(flink: _Flink, pipeline: PipelineRecord) -> Pipeline:
    try:
        job = await flink.get(f"jobs/{pipeline.job_id}")
    except Unanswered:
        return _unasked(pipeline)
    if job is None:
        return replace(_known(pipeline), state=GONE)
    return _of_job(pipeline, job)


def _of_job(pipeline: PipelineRecord, job: Mapping[str, Any]) -> Pipeline:
    running, total = answers.tasks(job)
    return replace(
        _known(pipeline),
        state=job["state"],
        running_since=answers.running_since(job),
        tasks_running=running,
        tasks=total,
    )


async def _pipeline(flink: _Flink, pipeline: PipelineRecord) -> Pipeline:
    path = f"jobs/{pipeline.job_id}"
    try:
        job = await flink.get(path)
    except Unanswered:
        return _unasked(pipeline)
    if job is None:
        return replace(_known(pipeline), state=GONE)
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


async def _fresh_metrics(flink: _Flink, path: str, since: datetime | None) -> Mapping[str, str]:
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


async def _counts(flink: _Flink, vertices: Sequence[str], fresh: Awaitable[object]) -> Counts:
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

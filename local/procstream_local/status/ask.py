"""Asking the stack what it does: all parts at once, none for longer than some seconds.

What does not answer is noted as such; nothing here raises because a part of the stack is down or hangs.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx

from procstream_local import stack
from procstream_local.stack.home import Home, PipelineRecord
from procstream_local.status import flink_jobs
from procstream_local.status.flink_jobs import Flink, Unanswered, unasked
from procstream_local.status.lag import consumer_lags
from procstream_local.status.model import ENDED, OtherJob, Pipeline, Status


class _LocalRest:
    """The embedded stack's JobManager."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str, params: Mapping[str, str], timeout: float) -> Any:
        """See `Rest`."""
        try:
            response = await self._client.get(path, params=dict(params), timeout=timeout)
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
        return tuple(unasked(_known(pipeline)) for pipeline in known), ()
    lags = asyncio.create_task(asyncio.to_thread(consumer_lags, known, stack.environment(home, record)))
    async with _client(record.ports) as client:
        flink = Flink(_LocalRest(client))
        found: Sequence[Pipeline]
        others: tuple[OtherJob, ...] = ()
        try:
            overview, _ = await asyncio.gather(flink.get("jobs/overview"), flink.get("jobmanager/metrics"))
        except Unanswered:
            found = [unasked(_known(pipeline)) for pipeline in known]
        else:
            found = await asyncio.gather(*(flink_jobs.whole(flink, _known(pipeline)) for pipeline in known))
            others = _other_jobs(
                overview["jobs"], {pipeline.job_id for pipeline in record.pipelines.values()}
            )
    behind = await lags
    return tuple(_with_lag(pipeline, behind) for pipeline in found), others


async def _jobs(home: Home) -> tuple[Pipeline, ...]:
    record = home.read()
    known = record.pipelines.values()
    if not record.ports:
        return tuple(unasked(_known(pipeline)) for pipeline in known)
    async with _client(record.ports) as client:
        flink = Flink(_LocalRest(client))
        return tuple(await asyncio.gather(*(flink_jobs.job(flink, _known(pipeline)) for pipeline in known)))


def _client(ports: Mapping[str, int]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{ports['flink-rest']}", trust_env=False)


def _known(pipeline: PipelineRecord) -> Pipeline:
    return Pipeline(
        name=pipeline.name,
        job_id=pipeline.job_id,
        expected=pipeline.active,
        savepoint=pipeline.savepoint,
    )


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

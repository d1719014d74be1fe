"""The state of the embedded stack: all parts are asked at the same time, each for some seconds at most.

A part that is down or hangs causes no error here: its values are unanswered.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from procstream_common.errors import ServerError
from procstream_common.flink import AsyncFlinkRest

from procstream_local import stack
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord
from procstream_local.status import flink_jobs
from procstream_local.status.flink_jobs import Flink, unasked
from procstream_local.status.lag import consumer_lags
from procstream_local.status.model import ENDED, OtherJob, Pipeline, Status


def status(home: Home) -> Status:
    """The whole stack at this moment."""
    return asyncio.run(_status(home))


def pipelines(home: Home, names: Collection[str] | None = None) -> tuple[Pipeline, ...]:
    """The pipelines only: all, or the named ones."""
    return asyncio.run(_pipelines(home, names))[0]


def jobs(home: Home) -> tuple[Pipeline, ...]:
    """The pipelines, with only the state of their jobs."""
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
        flink = Flink(client)
        found: Sequence[Pipeline]
        others: tuple[OtherJob, ...] = ()
        try:
            overview, _ = await asyncio.gather(flink.get("jobs/overview"), flink.get("jobmanager/metrics"))
        except ServerError:
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
        flink = Flink(client)
        return tuple(await asyncio.gather(*(flink_jobs.job(flink, _known(pipeline)) for pipeline in known)))


def _client(ports: Mapping[str, int]) -> AsyncFlinkRest:
    return AsyncFlinkRest(f"127.0.0.1:{ports['flink-rest']}")


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

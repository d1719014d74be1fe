"""The broker is stopped for half a minute: everything recovers by itself, and lost samples are counted."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from procstream_lineage import Report, Verdict
from procstream_local import stack
from procstream_local.stack.home import Home

from tests.integration import records
from tests.integration.failures import crash, load
from tests.integration.failures.load import Load
from tests.integration.failures.sampler import Sampler, sampling
from tests.integration.running import RunningPipeline, RunPipeline
from tests.integration.topics import PROCSTAT, MakeTopic
from tests.integration.waiting import until

OUTAGE_S = 30
INTERVAL_S = 0.2
SMALL_BUFFER = 20
SMALL_BUFFER_S = SMALL_BUFFER * INTERVAL_S
NOTICED_AFTER_S = 3
RATE = 2_000
FLINK = {"parallelism": 1, "checkpoint_interval": "1 s"}

pytestmark = pytest.mark.long  # it waits for the outage to end


@dataclass(frozen=True)
class Sampled:
    """A sampler during the outage: its health and counters while the broker was stopped, and at its end."""

    topic: str
    sampler: Sampler
    health_meanwhile: tuple[int, dict[str, Any]]
    metrics_meanwhile: dict[str, float]
    metrics: dict[str, float]


@dataclass(frozen=True)
class Outage:
    """The results; times are seconds since 1970."""

    began: float
    ended: float
    generator: Load
    generated: Report
    sampled: Report
    ample: Sampled
    """Its buffer has room for an hour."""
    small: Sampled
    """Its buffer has room for a fraction of the outage."""


@pytest.fixture(scope="module")
def outage(home: Home, make_topic: MakeTopic, run_pipeline: RunPipeline) -> Outage:
    load_topic = make_topic("outage-load")
    topics = {name: make_topic(f"outage-{name}", 1, PROCSTAT) for name in ("ample", "small")}
    with ExitStack() as running:
        generator = running.enter_context(load.generated(load_topic, RATE))
        samplers = {
            "ample": running.enter_context(sampling(topics["ample"], INTERVAL_S)),
            "small": running.enter_context(
                sampling(topics["small"], INTERVAL_S, "--buffer-max-records", str(SMALL_BUFFER))
            ),
        }
        pipelines = [run_pipeline(topic, flink=FLINK) for topic in (load_topic, topics["ample"])]
        for sampler in samplers.values():
            until(lambda sampler=sampler: sampler.health()[0] == 200, "a healthy sampler")
        for pipeline in pipelines:
            until(lambda pipeline=pipeline: pipeline.verify(wait=0).committed, f"{pipeline.name} committing")

        jobs = [pipeline.job_id for pipeline in pipelines]
        began = time.time()
        crash.terminate(home, "kafka")
        time.sleep(OUTAGE_S)
        meanwhile = {name: (sampler.health(), sampler.metrics()) for name, sampler in samplers.items()}
        ports = home.read().ports
        stack.up(home)
        ended = time.time()
        assert home.read().ports == ports

        for sampler in samplers.values():
            until(lambda sampler=sampler: has_recovered(sampler), "samples delivered again")
        for pipeline in pipelines:
            until_recovered(pipeline)
        metrics = {}
        for name, sampler in samplers.items():
            metrics[name] = sampler.metrics()
            sampler.end()
    assert [pipeline.job_id for pipeline in pipelines] == jobs
    generated, sampled = (pipeline.verify(deep=True, final=True) for pipeline in pipelines)
    return Outage(
        began,
        ended,
        generator,
        generated,
        sampled,
        *(Sampled(topics[name], samplers[name], *meanwhile[name], metrics[name]) for name in samplers),
    )


def has_recovered(sampler: Sampler) -> bool:
    metrics = sampler.metrics()
    return metrics["broker_unavailable"] == 0 and metrics["records_buffered"] <= 1


def until_recovered(pipeline: RunningPipeline) -> None:
    """Return when it has committed something that came after the outage."""
    before = pipeline.verify(wait=0).produced
    until(lambda: pipeline.verify(wait=0).committed > before, f"{pipeline.name} committing again")


def test_the_job_resumes_and_commits_every_record_of_the_generator(outage: Outage) -> None:
    report = outage.generated
    assert outage.generator.summary["dropped"] == 0
    assert "broker unavailable" in outage.generator.log
    assert "broker reachable again after" in outage.generator.log
    assert report.verdict is Verdict.PROVEN, report.reasons
    assert report.produced == report.committed == outage.generator.delivered
    assert report.missing == report.doubled == report.unlogged == report.mismatched == 0


def test_a_large_buffer_loses_nothing(outage: Outage) -> None:
    report, sampler = outage.sampled, outage.ample.sampler
    delivered, dropped = sampler.last_words
    assert sampler.exit_code == 0
    assert dropped == 0
    assert delivered > (outage.ended - outage.began) / INTERVAL_S
    assert report.verdict is Verdict.PROVEN, report.reasons
    assert report.produced == report.committed == delivered
    assert ticks(outage.ample) == delivered


def test_the_sampler_reports_the_outage_and_stays_healthy(outage: Outage) -> None:
    status, report = outage.ample.health_meanwhile
    assert (status, report["status"], report["broker"]) == (200, "ok", "unavailable")
    assert report["records_buffered"] >= 0.8 * OUTAGE_S / INTERVAL_S
    assert outage.ample.metrics_meanwhile["broker_unavailable"] == 1
    assert outage.ample.metrics["broker_unavailable"] == 0
    assert "broker unavailable" in outage.ample.sampler.log
    assert "broker reachable again after" in outage.ample.sampler.log


def test_a_small_buffer_drops_the_oldest_samples_and_counts_them(outage: Outage) -> None:
    delivered, dropped = outage.small.sampler.last_words
    assert outage.small.sampler.exit_code == 0
    assert dropped >= 0.5 * OUTAGE_S / INTERVAL_S
    assert outage.small.metrics["records_dropped_total/buffer_full"] == dropped
    assert outage.small.metrics_meanwhile["records_dropped_total/buffer_full"] > 0
    assert (
        f"dropped 1 records, 1 in all (buffer_full: {SMALL_BUFFER} records wait" in outage.small.sampler.log
    )
    assert records.counted(outage.small.topic) == delivered
    assert ticks(outage.small) == delivered + dropped


def test_a_small_buffer_keeps_the_newest_samples(outage: Outage) -> None:
    times = timestamps(outage.small)
    before, after = max(pairwise(times), key=lambda pair: pair[1] - pair[0])
    assert before < outage.began + 2 * NOTICED_AFTER_S
    assert after > outage.ended - 2 * SMALL_BUFFER_S


def ticks(sampled: Sampled) -> int:
    """Number of samples taken, from the schedule and the first and last record of the topic."""
    times = timestamps(sampled)
    skipped = sampled.metrics["ticks_skipped_total"]
    return round((times[-1] - times[0]) / INTERVAL_S + 1 - skipped)


def timestamps(sampled: Sampled) -> list[float]:
    times = [record.value["timestamp"].timestamp() for record in records.consume(sampled.topic)]
    assert times == sorted(times)
    return times

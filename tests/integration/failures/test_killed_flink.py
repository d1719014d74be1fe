"""Flink's processes are killed under load, with lakes on disk and on S3: no record is lost or duplicated."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from procstream_lineage import Report, Verdict
from procstream_local import stack
from procstream_local.stack.home import Home

from tests.integration import commands, flink
from tests.integration.failures import crash, load
from tests.integration.lake_files import Folder, on_this_disk
from tests.integration.running import RunningPipeline, RunPipeline, s3_lake
from tests.integration.topics import MakeTopic

RATE = 24_000
LEAST_RATE = 20_000
PARTITIONS = 10


@dataclass(frozen=True)
class Survivor:
    """A pipeline after the failures, with its last report."""

    report: Report
    output: Folder
    delivered: int


@pytest.fixture(scope="module", params=["disk", "s3"])
def survivor(request: pytest.FixtureRequest, survivors: dict[str, Survivor]) -> Survivor:
    return survivors[request.param]


@pytest.fixture(scope="module")
def survivors(
    home: Home, make_topic: MakeTopic, run_pipeline: RunPipeline, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Survivor]:
    """Two pipelines that read one topic, after the same crashes."""
    topic = make_topic("crashes", PARTITIONS)
    with load.generated(topic, RATE) as generator:
        flink_options = {"parallelism": 2, "checkpoint_interval": "2 s"}
        pipelines = {
            "disk": run_pipeline(topic, name=f"{topic}-disk", flink=flink_options),
            "s3": run_pipeline(topic, name=f"{topic}-s3", flink=flink_options, env=s3_lake(topic)),
        }
        for pipeline in pipelines.values():
            crash.until_committed(pipeline, after=0)
        kill_the_taskmanager_three_times(home, pipelines)
        kill_the_jobmanager(home, pipelines)
    assert generator.summary["dropped"] == 0
    assert generator.summary["rate"] >= LEAST_RATE, "this machine was too busy for the load"
    found = {}
    for name, pipeline in pipelines.items():
        report = pipeline.verify(wait=120, deep=True, final=True)
        pipeline.cancel()
        folder = on_this_disk(pipeline.paths, tmp_path_factory.mktemp(name))["output"]
        found[name] = Survivor(report, folder, generator.delivered)
    return found


def kill_the_taskmanager_three_times(home: Home, pipelines: dict[str, RunningPipeline]) -> None:
    """At an arbitrary moment, while a checkpoint runs, and while files are committed."""
    on_disk = pipelines["disk"]
    moments: list[Callable[[RunningPipeline], None]] = [
        lambda _: None,
        crash.until_checkpoint_runs,
        crash.until_checkpoint_commits,
    ]
    for moment in moments:
        moment(on_disk)
        crash.kill(home, "taskmanager")
        begun = {name: crash.triggered(pipeline) for name, pipeline in pipelines.items()}
        stack.up(home)
        for name, pipeline in pipelines.items():
            crash.until_recovered(pipeline, after=begun[name])
            crash.until_committed(pipeline, after=begun[name])
    for pipeline in pipelines.values():
        assert min(flink.attempts(home, pipeline.job_id)) >= len(moments)


def kill_the_jobmanager(home: Home, pipelines: dict[str, RunningPipeline]) -> None:
    jobs = {name: pipeline.job_id for name, pipeline in pipelines.items()}
    begun = {name: crash.completed(pipeline) for name, pipeline in pipelines.items()}
    crash.kill(home, "jobmanager")
    up = commands.run("procstream", "up")
    assert up.returncode == 0, up.stderr
    for name, pipeline in pipelines.items():
        assert f"pipeline {pipeline.name} resumes from" in up.stderr
        assert pipeline.job_id != jobs[name]
        crash.until_recovered(pipeline, after=begun[name])
        crash.until_committed(pipeline, after=begun[name])


def test_every_record_is_proven_to_be_there_once(survivor: Survivor) -> None:
    report = survivor.report
    assert report.verdict is Verdict.PROVEN, report.reasons
    assert report.produced == report.committed == survivor.delivered
    assert report.missing == report.doubled == report.unlogged == report.dropped == 0
    assert report.mismatched == report.wrong_entries == report.corrupt == report.conflicts == 0


def test_rows_read_by_duckdb_are_the_records_once(survivor: Survivor) -> None:
    files = [str(file) for file in survivor.output.files()]
    found = duckdb.sql(
        f"SELECT count(*), count(DISTINCT uuid), count(DISTINCT (kafka_partition, kafka_offset)), "
        f"sum(kafka_offset)::BIGINT FROM read_parquet({files})"
    ).fetchall()
    ends = [partition.end for partition in survivor.report.partitions]
    assert len(ends) == PARTITIONS
    everything = survivor.delivered
    assert found == [(everything, everything, everything, sum(end * (end - 1) // 2 for end in ends))]


def test_checkpoint_id_of_every_row_is_that_of_its_files_entry(survivor: Survivor) -> None:
    logged: dict[str, set[int]] = {}
    for _, row in survivor.output.log_entries():
        logged.setdefault(row["s3_key"], set()).add(int(row["checkpoint_id"]))
    files = survivor.output.files()
    assert len({id_ for file in files for id_ in ids_in(file)}) > 4  # before, between and after the crashes
    assert {survivor.output.key(file): ids_in(file) for file in files} == {
        survivor.output.key(file): logged[survivor.output.key(file)] for file in files
    }


def ids_in(file: Path) -> set[int]:
    column = pq.read_table(file, columns=["checkpoint_id"], partitioning=None)["checkpoint_id"]
    return set(pc.unique(column).to_pylist())

"""A lake that an earlier job wrote: a job that resumes proves it, a job without state overwrites nothing."""

import hashlib
from pathlib import Path

import pytest
from procstream_common.lake import LakePaths
from procstream_lineage import Verdict

from tests.integration import commands
from tests.integration.running import RunningPipeline, RunPipeline
from tests.integration.topics import MakeTopic
from tests.integration.waiting import until

COUNT = 300


def generate(topic: str) -> None:
    commands.run_json(
        "procstream-producer", "generate", "lineage-input",
        "--topic", topic, "--count", str(COUNT), "--rate", "1000",
    )  # fmt: skip


def contents(paths: LakePaths) -> dict[Path, str]:
    """What is in the lake's visible files and in its log, as hashes."""
    return {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for root in (paths.output, paths.commit_log)
        for path in Path(root).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def verify_exit_code(pipeline: RunningPipeline) -> int:
    return commands.run("procstream", "lineage", "verify", str(pipeline.source)).returncode


@pytest.fixture(scope="module")
def pipeline(make_topic: MakeTopic, run_pipeline: RunPipeline) -> RunningPipeline:
    """Its first job has committed all that was there, and was cancelled."""
    topic = make_topic("old-lake")
    generate(topic)
    pipeline = run_pipeline(topic)
    assert pipeline.verify().verdict is Verdict.PROVEN
    pipeline.cancel()
    return pipeline


def test_a_job_that_resumes_from_the_last_checkpoint_reads_nothing_twice(pipeline: RunningPipeline) -> None:
    before = contents(pipeline.paths)
    generate(pipeline.topic)
    pipeline.run_again()
    assert pipeline.home.read().pipelines[pipeline.name].restored_from is not None
    report = pipeline.verify()
    pipeline.cancel()
    assert report.verdict is Verdict.PROVEN, report
    assert report.committed == 2 * COUNT
    assert verify_exit_code(pipeline) == 0
    after = contents(pipeline.paths)
    assert after.keys() > before.keys()
    assert {path: after[path] for path in before} == before


def test_a_fresh_job_doubles_the_records_but_overwrites_nothing(pipeline: RunningPipeline) -> None:
    before = contents(pipeline.paths)
    produced = pipeline.verify().produced
    assert any(path.suffix == ".csv" for path in before)
    assert any(path.suffix == ".parquet" for path in before)
    pipeline.run_again(fresh=True)
    assert pipeline.home.read().pipelines[pipeline.name].restored_from is None
    until(lambda: pipeline.verify(wait=0).doubled == produced, f"all {produced} records doubled")
    pipeline.cancel()
    assert verify_exit_code(pipeline) == 1
    report = pipeline.verify()
    assert report.verdict is Verdict.NOT_PROVEN
    assert (report.missing, report.unlogged, report.conflicts) == (0, 0, 0)
    after = contents(pipeline.paths)
    assert after.keys() > before.keys()
    assert {path: after[path] for path in before} == before
    # Both jobs began to count at 1: their logs of the same checkpoints lie beside each other.
    assert any(len(list(folder.iterdir())) > 1 for folder in Path(pipeline.paths.commit_log).glob("chk-*"))

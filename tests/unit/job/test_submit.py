"""From pipeline files to running jobs: what waits for what."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from procstream_common.errors import ProcstreamError
from procstream_job.file.reading import PipelineFile, read_pipeline
from procstream_job.language.mistakes import PlacedError
from procstream_job.plan.job_plan import JobPlan, plan_job
from procstream_job.plan.needs import pipeline_needs
from procstream_job.plan.sources import source_tables
from procstream_job.sinks.kind import Connections
from procstream_job.submitting import submission
from procstream_job.submitting.flink import session as session_module
from procstream_job.submitting.flink_target import FlinkTarget, SlotCount
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.submission import SubmittedJob, submit

TARGET = FlinkTarget({}, "flink:8081")
ENV = {"LAKE_PATH": "/lake"}
WAITS = timedelta(seconds=30)
FILES = [read_pipeline(name, {}) for name in ("fraud-alerts", "order-status-counts")]


class Stage:
    """Stands for Flink's client, its REST interface and the planning; `log` has what happened."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.slots: list[SlotCount | None] = [None]
        self.refused: dict[str, Exception] = {}
        self.submitted: list[tuple[str, str | None, str | None]] = []

    def count_slots(self, _target: FlinkTarget) -> SlotCount | None:
        self.log.append("slots")
        return self.slots.pop(0) if len(self.slots) > 1 else self.slots[0]

    def plan_jobs(
        self, files: list[PipelineFile], env: Mapping[str, str], **_options: Any
    ) -> dict[str, JobPlan]:
        self.log.append("plan")
        return {file.label: self._plan(file, env) for file in files}

    def _plan(self, file: PipelineFile, env: Mapping[str, str]) -> JobPlan:
        assert not pipeline_needs(file.pipeline).subjects
        return plan_job(file.pipeline, source_tables(file.pipeline, {}, {}), Connections(), env=env)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = Stage()

    class FakeSession:
        def __init__(self, target: FlinkTarget, env: Mapping[str, str]) -> None:
            assert (target, env) == (TARGET, ENV)

        def __enter__(self) -> "FakeSession":
            return self

        def __exit__(self, *_error: object) -> None:
            found.log.append("closed")

        def start(self) -> None:
            found.log.append("start")

        def submit(self, plan: JobPlan, from_savepoint: str | None, resume: str | None) -> str:
            name = plan.pipeline.name
            found.log.append(name)
            if name in found.refused:
                raise found.refused[name]
            found.submitted.append((name, from_savepoint, resume))
            return f"job-{len(found.submitted)}"

    monkeypatch.setattr(session_module, "FlinkSession", FakeSession)
    monkeypatch.setattr(submission, "plan_jobs", found.plan_jobs)
    monkeypatch.setattr(submission, "slots", found.count_slots)
    return found


def test_each_job_is_there_as_soon_as_flink_has_it(stage: Stage) -> None:
    jobs = submit(FILES, TARGET, ENV)
    assert next(jobs) == SubmittedJob("fraud-alerts", "job-1", ("topic fraud-alerts",))
    assert "order-status-counts" not in stage.log
    assert next(jobs).pipeline == "order-status-counts"
    assert list(jobs) == []
    assert stage.log == ["plan", "slots", "fraud-alerts", "order-status-counts", "closed"]


def test_with_patience_the_client_starts_while_kafka_is_asked(stage: Stage) -> None:
    list(submit(FILES, TARGET, ENV, patience=Patience(WAITS)))
    assert stage.log[:2] == ["start", "plan"]


def test_slots_of_a_cluster_that_grows_are_waited_for(stage: Stage) -> None:
    stage.slots = [SlotCount(4, 3), SlotCount(4, 4)]  # two jobs of two slots
    warnings: list[str] = []
    assert len(list(submit(FILES, TARGET, ENV, patience=Patience(WAITS), warn=warnings.append))) == 2
    assert stage.log.count("slots") == 2
    assert warnings == []


def test_with_too_few_slots_the_jobs_are_submitted_with_a_warning(stage: Stage) -> None:
    stage.slots = [SlotCount(4, 3)]
    warnings: list[str] = []
    assert len(list(submit(FILES, TARGET, ENV, warn=warnings.append))) == 2
    assert warnings == [
        "Flink at flink:8081 has 3 free task slots; 4 are needed; the jobs wait until there are more"
    ]


def test_the_state_to_start_from_reaches_the_client(stage: Stage) -> None:
    list(submit(FILES[:1], TARGET, ENV, from_savepoint="s3://savepoint", resume="s3://job"))
    assert stage.submitted == [("fraud-alerts", "s3://savepoint", "s3://job")]


def test_a_refused_job_is_named_by_its_file_and_leaves_those_before_it(stage: Stage) -> None:
    stage.refused["order-status-counts"] = PlacedError("query: refused")
    jobs = submit(FILES, TARGET, ENV)
    assert next(jobs).job_id == "job-1"
    with pytest.raises(ProcstreamError, match=r"^order-status-counts\.yaml: query: refused$"):
        next(jobs)
    assert stage.log[-1] == "closed"

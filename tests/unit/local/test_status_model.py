import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from procstream_local.stack import ServiceStatus
from procstream_local.status.model import (
    GONE,
    Checkpoint,
    Counts,
    Failure,
    OtherJob,
    Pipeline,
    Status,
    Workload,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def ago(**duration: float) -> datetime:
    return NOW - timedelta(**duration)


def completed(at: datetime) -> Checkpoint:
    return Checkpoint(id=7, completed_at=at, duration=timedelta(milliseconds=20), size_bytes=2048)


WELL = Pipeline(
    name="lineage",
    job_id="a1",
    expected=True,
    state="RUNNING",
    running_since=ago(hours=1),
    tasks_running=2,
    tasks=2,
    restarts=0,
    checkpoint=completed(ago(seconds=5)),
    checkpoint_interval=timedelta(seconds=10),
    counts=Counts(records_in=10, rows_out=9, dead_letters=1),
    lag=0,
)
KAFKA = ServiceStatus("kafka", 42, True, "127.0.0.1:9092", 1024, 60.5)


def failed(*times: datetime) -> tuple[Failure, ...]:
    return tuple(Failure(at, "IOException: disk full") for at in times)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"state": "FINISHED", "running_since": None, "checkpoint": completed(ago(days=2))},
        {"checkpoint": completed(ago(seconds=59))},
        {"checkpoint": None, "running_since": ago(seconds=59)},
        {"checkpoint": completed(ago(days=1)), "checkpoint_interval": None},
        {"checkpoint": None, "unanswered": frozenset({"checkpoint"})},
        {"failures": failed(ago(seconds=6)), "restarts": 1},
        {"failures": failed(ago(minutes=4), ago(minutes=5), ago(minutes=6))},
        {"failures": failed(ago(seconds=41), ago(seconds=50), ago(seconds=61))},
        {"tasks_running": 1, "running_since": ago(seconds=10), "checkpoint": None},
        {"counts": Counts(), "lag": None, "unanswered": frozenset({"counts", "lag"})},
    ],
)
def test_a_healthy_pipeline_has_no_problem(changes: dict[str, object]) -> None:
    assert replace(WELL, **changes).problems(NOW) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"state": "RESTARTING", "running_since": None}, "its job is RESTARTING"),
        (
            {"state": "FAILED", "running_since": None, "failures": failed(ago(seconds=1))},
            "its job is FAILED: IOException: disk full",
        ),
        (
            {"state": GONE, "running_since": None},
            "its job is gone with the JobManager that ran it; `procstream up` submits it again",
        ),
        ({"state": None, "unanswered": frozenset({"state"})}, "Flink does not answer"),
        (
            {"checkpoint": completed(ago(seconds=61))},
            "its last checkpoint is 61 s old; expected one every 10 s",
        ),
        (
            {"checkpoint": None, "running_since": ago(seconds=61)},
            "it has completed no checkpoint; expected one every 10 s",
        ),
        (
            {"failures": failed(ago(seconds=4)), "restarts": 1},
            "it was restarted and has completed no checkpoint since: IOException: disk full",
        ),
        (
            {"failures": failed(ago(minutes=1), ago(minutes=2), ago(minutes=3))},
            "it keeps failing: IOException: disk full",
        ),
        (
            {"tasks_running": 1, "running_since": ago(seconds=31)},
            "1 of 2 tasks run; the others wait for task slots",
        ),
    ],
)
def test_each_problem_is_one_line(changes: dict[str, object], problem: str) -> None:
    pipeline = replace(WELL, **changes)  # type: ignore[arg-type]
    assert pipeline.problems(NOW) == [problem]
    assert replace(pipeline, expected=False).problems(NOW) == []


def test_a_stack_is_healthy_if_all_of_its_parts_are() -> None:
    status = Status(NOW, (KAFKA,), (WELL,), (OtherJob("b2", "SELECT", "RUNNING"),))
    assert status.healthy
    down = replace(KAFKA, pid=None, ready=False)
    silent = replace(KAFKA, name="registry", ready=False)
    status = Status(NOW, (down, silent), (replace(WELL, state="FAILED", running_since=None),))
    assert not status.healthy
    assert status.problems == ["kafka is down", "registry does not answer", "lineage: its job is FAILED"]


def test_the_document_has_seconds_bytes_and_iso_times() -> None:
    pipeline = replace(WELL, failures=failed(ago(hours=2)), unanswered=frozenset({"lag", "counts"}))
    status = Status(NOW, (KAFKA,), (pipeline,), (OtherJob("b2", "SELECT", "RUNNING"),))
    assert json.loads(json.dumps(status.document())) == {
        "time": "2026-01-31T12:00:00+00:00",
        "healthy": True,
        "problems": [],
        "services": [
            {
                "name": "kafka",
                "state": "ready",
                "pid": 42,
                "ready": True,
                "address": "127.0.0.1:9092",
                "memory_bytes": 1024,
                "uptime_seconds": 60.5,
            }
        ],
        "workloads": [],
        "pipelines": [
            {
                "name": "lineage",
                "job_id": "a1",
                "expected": True,
                "state": "RUNNING",
                "running_since": "2026-01-31T11:00:00+00:00",
                "tasks_running": 2,
                "tasks": 2,
                "restarts": 0,
                "checkpoint": {
                    "id": 7,
                    "completed_at": "2026-01-31T11:59:55+00:00",
                    "age_seconds": 5.0,
                    "duration_seconds": 0.02,
                    "size_bytes": 2048,
                },
                "checkpoint_interval_seconds": 10.0,
                "records_in": 10,
                "rows_out": 9,
                "rows_dropped": None,
                "dead_letters": 1,
                "late_rows": None,
                "late_records_dropped": None,
                "lag": 0,
                "last_failure": {"time": "2026-01-31T10:00:00+00:00", "cause": "IOException: disk full"},
                "savepoint": None,
                "problems": [],
                "unanswered": ["counts", "lag"],
            }
        ],
        "other_jobs": [{"job_id": "b2", "name": "SELECT", "state": "RUNNING"}],
    }


def test_a_release_is_healthy_if_all_of_its_pods_are_ready() -> None:
    whole = Workload("p-kafka", "StatefulSet", desired=3, ready=3, restarts=1, uptime_seconds=5.0)
    assert Status(NOW, (), (), workloads=(whole,)).healthy
    status = Status(NOW, (), (), workloads=(whole, replace(whole, name="p-minio", ready=0)))
    assert status.problems == ["StatefulSet p-minio: 0 of 3 pods are ready"]
    assert status.document()["workloads"][1]["state"] == "0 of 3 ready"

"""Answers of Flink 2.3.0, shortened."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from procstream_local.status import answers
from procstream_local.status.model import Checkpoint, Counts, Failure

TRACE = """\
java.lang.RuntimeException: One or more fetchers have encountered exception
\tat org.apache.flink.connector.base.source.reader.SourceReaderBase.pollNext(SourceReaderBase.java:163)
Caused by: org.apache.flink.util.FlinkRuntimeException: SplitFetcher thread 0 received unexpected exception
\tat org.apache.flink.connector.base.source.reader.fetcher.SplitFetcher.runOnce(SplitFetcher.java:168)
\t... 6 more
Caused by: java.io.IOException: Failed to deserialize consumer record
\t... 6 more
"""


def job(state: str, *vertices: dict[str, int]) -> dict[str, Any]:
    return {
        "state": state,
        "timestamps": {"RUNNING": 1795273276660, "CREATED": 1795273169434, "FINISHED": 0},
        "vertices": [{"tasks": tasks} for tasks in vertices],
    }


def checkpoint(number: int, acknowledged: int) -> dict[str, Any]:
    return {
        "id": number,
        "status": "COMPLETED",
        "trigger_timestamp": acknowledged - 15,
        "latest_ack_timestamp": acknowledged,
        "state_size": 1342,
        "checkpointed_size": 7,
        "end_to_end_duration": 15,
    }


def test_a_job_runs_since_its_last_start() -> None:
    since = datetime(2026, 11, 21, 15, 1, 16, 660_000, UTC)
    assert answers.running_since(job("RUNNING")) == since
    assert answers.running_since(job("RESTARTING")) is None


def test_tasks_that_wait_for_slots_do_not_run() -> None:
    running = job("RUNNING", {"RUNNING": 2, "CREATED": 0}, {"FINISHED": 1, "INITIALIZING": 1})
    assert answers.tasks(running) == (4, 4)
    assert answers.tasks(job("RUNNING", {"RUNNING": 1, "CREATED": 2, "SCHEDULED": 1})) == (1, 4)


def test_the_newest_completed_checkpoint_may_be_a_savepoint() -> None:
    latest: dict[str, Any] = {"completed": checkpoint(15, 1795273241974), "savepoint": None, "failed": None}
    assert answers.checkpoint({"latest": latest}) == Checkpoint(
        15, datetime(2026, 11, 21, 15, 0, 41, 974_000, UTC), timedelta(milliseconds=15), 1342
    )
    found = answers.checkpoint({"latest": {**latest, "savepoint": checkpoint(16, 1795273246000)}})
    assert found is not None
    assert found.id == 16
    assert answers.checkpoint({"latest": {"completed": None, "savepoint": None}}) is None


def test_a_job_without_checkpoints_has_no_interval() -> None:
    assert answers.checkpoint_interval({"interval": 5000}) == timedelta(seconds=5)
    assert answers.checkpoint_interval({"interval": 2**63 - 1}) is None


def test_failures_are_shown_with_their_root_cause() -> None:
    entry = {"timestamp": 1795273275658, "stacktrace": TRACE, "exceptionName": "java.lang.RuntimeException"}
    assert answers.failures({"exceptionHistory": {"entries": [entry], "truncated": False}}) == (
        Failure(
            datetime(2026, 11, 21, 15, 1, 15, 658_000, UTC),
            "IOException: Failed to deserialize consumer record",
        ),
    )


@pytest.mark.parametrize(
    ("trace", "cause"),
    [
        ("java.lang.OutOfMemoryError: Metaspace\n\tat x.Y.z(Y.java:1)", "OutOfMemoryError: Metaspace"),
        ("a.B: x\nCaused by: c.D$E: y\nmore of y\n\tat a.b(c)", "D$E: y"),
        ("no trace at all", "no trace at all"),
        ("", "no reason was given"),
        ("a.B: " + "x" * 1000, "B: " + "x" * 296 + "…"),
    ],
)
def test_root_cause_is_one_line(trace: str, cause: str) -> None:
    assert answers.root_cause(trace) == cause


def test_counts_are_the_sums_of_sources_sinks_and_our_own_counters() -> None:
    metrics = {
        "numRecordsIn": 99.0,  # the task's, whatever its operators are
        "Source__KafkaSource-default_catalog_records_orders.numRecordsIn": 1000.0,
        "Source__KafkaSource-default_catalog_records_orders.numRecordsOut": 99.0,
        "Source__KafkaSource-default_catalog_records_orders.deserializer.numDeadLetters": 3.0,
        "Source__KafkaSource-default_catalog_records_users.numRecordsIn": 10.0,
        "Source__KafkaSource-default_catalog_records_users.deserializer.numDeadLetters": 1.0,
        "Late_rows[4].numLateRows": 5.0,
        "GlobalWindowAggregate[12].numLateRecordsDropped": 2.0,
        "Calc[4].numRecordsIn": 99.0,
        "result_lake[5]__Checkpoint_marker.numRecordsIn": 99.0,
        "result_lake[5]__Writer.numRecordsIn": 99.0,
        "result_lake[5]__Writer.numRecordsSend": 400.0,
        "result_lake[5]__Committer.numRecordsIn": 99.0,
        "Sink__result_postgres[6].numRecordsIn": 30.0,
        "late_orders[9]__Writer.numRecordsSend": 5.0,
        "dropped[10]__Writer.numRecordsSend": 4.0,
        "dropped[10]__Writer.numRecordsIn": 99.0,
    }
    wanted = answers.wanted(metrics)
    assert not [name for name in wanted if metrics[name] == 99.0]
    assert answers.counts((name, metrics[name]) for name in wanted) == Counts(
        records_in=1010,
        rows_out=430,
        rows_dropped=4,
        dead_letters=4,
        late_rows=5,
        late_records_dropped=2,
    )


def test_a_count_that_the_job_does_not_have_is_unknown_and_not_zero() -> None:
    assert answers.counts([]) == Counts()


def test_metrics_are_current_if_the_uptime_is() -> None:
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    since = now - timedelta(seconds=60)
    assert answers.is_fresh({"uptime": "59000", "numRestarts": "0"}, since, now)
    assert not answers.is_fresh({"uptime": "40000"}, since, now)  # collected 20 s ago
    assert not answers.is_fresh({"uptime": "300000"}, since, now)  # before the last restart
    assert not answers.is_fresh({}, since, now)  # never

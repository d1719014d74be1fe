"""Reading the answers of Flink's REST interface (Flink 2.3, "REST API"). Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from procstream_common.flink import root_cause

from procstream_local.status.model import Checkpoint, Counts, Failure

_NO_INTERVAL = timedelta(days=365 * 100)  # Flink's "never" is the greatest number possible
_FRESH = timedelta(seconds=2.5)

# Operators: `Source__<name>`, and for a table `orders_kafka` either `orders_kafka[7]__Writer` (a FLIP-143
# sink, whose input also has markers) or `Sink__orders_kafka[7]` (an older one).
_SOURCE = re.compile(r"Source__.+\.numRecordsIn")
_SINKS = (
    re.compile(r"(?:Sink__)?(?P<table>.+)\[\d+\]__Writer\.numRecordsSend"),
    re.compile(r"Sink__(?P<table>.+)\[\d+\]\.numRecordsIn"),
)
_DROPPED, _LATE = "dropped", "late_"  # names of the tables that procstream_job creates for them
_COUNTERS = {
    "numDeadLetters": "dead_letters",
    "numLateRows": "late_rows",
    "numLateRecordsDropped": "late_records_dropped",
}


def moment(milliseconds: float) -> datetime:
    """A time in Flink's milliseconds since 1970."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def running_since(job: Mapping[str, Any]) -> datetime | None:
    """Time of the last start or restart of the job of `/jobs/:id`; None while it does not run."""
    return moment(job["timestamps"]["RUNNING"]) if job["state"] == "RUNNING" else None


def tasks(job: Mapping[str, Any]) -> tuple[int, int]:
    """How many tasks of `/jobs/:id` run or have finished, and how many there are."""
    counts: Counter[str] = Counter()
    for vertex in job["vertices"]:
        counts.update(vertex["tasks"])
    return sum(counts[state] for state in ("RUNNING", "INITIALIZING", "FINISHED")), counts.total()


def checkpoint(answer: Mapping[str, Any]) -> Checkpoint | None:
    """The newest completed checkpoint or savepoint of `/jobs/:id/checkpoints`."""
    latest = answer["latest"]
    completed = [latest[kind] for kind in ("completed", "savepoint") if latest.get(kind)]
    newest = max(completed, key=lambda found: int(found["id"]), default=None)
    if newest is None:
        return None
    return Checkpoint(
        id=newest["id"],
        completed_at=moment(newest["latest_ack_timestamp"]),
        duration=timedelta(milliseconds=newest["end_to_end_duration"]),
        size_bytes=newest["state_size"],
    )


def checkpoint_interval(answer: Mapping[str, Any]) -> timedelta | None:
    """The interval in `/jobs/:id/checkpoints/config`; None without periodic checkpoints."""
    milliseconds = answer["interval"]
    never = milliseconds <= 0 or milliseconds > _NO_INTERVAL / timedelta(milliseconds=1)
    return None if never else timedelta(milliseconds=milliseconds)


def failures(answer: Mapping[str, Any]) -> tuple[Failure, ...]:
    """The failures in `/jobs/:id/exceptions`, newest first."""
    return tuple(
        Failure(moment(entry["timestamp"]), root_cause(entry["stacktrace"]))
        for entry in answer["exceptionHistory"]["entries"]
    )


def is_fresh(metrics: Mapping[str, str], since: datetime, now: datetime) -> bool:
    """Whether the metrics of a job that runs `since` then are current: the uptime among them shows it."""
    if "uptime" not in metrics:
        return False
    uptime = timedelta(milliseconds=int(metrics["uptime"]))
    return abs(now - since - uptime) < _FRESH


def wanted(metric_ids: Iterable[str]) -> list[str]:
    """The metrics of a vertex that `counts` needs."""
    return [name for name in metric_ids if _meaning(name)]


def counts(metrics: Iterable[tuple[str, float]]) -> Counts:
    """Totals of the wanted metrics of all vertices, each the sum of its subtasks."""
    totals: dict[str, int] = {}
    for name, value in metrics:
        if meaning := _meaning(name):
            totals[meaning] = totals.get(meaning, 0) + int(value)
    return Counts(**totals)


def _meaning(metric: str) -> str | None:
    """The field of `Counts` that a metric adds to."""
    if counter := _COUNTERS.get(metric.rpartition(".")[2]):
        return counter
    if _SOURCE.fullmatch(metric):
        return "records_in"
    for pattern in _SINKS:
        if sink := pattern.fullmatch(metric):
            table = sink["table"]
            if table == _DROPPED:
                return "rows_dropped"
            return None if table.startswith(_LATE) else "rows_out"
    return None

"""Reading what Flink's REST interface answers (Flink 2.3, "REST API"). Pure."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from procstream_local.status.model import Checkpoint, Counts, Failure

_NO_INTERVAL = timedelta(days=365 * 100)  # Flink's "never" is the greatest number that there is
_WIDTH = 300
_FRESH = timedelta(seconds=2.5)

# Operators: `Source__<name>`, and for a table `orders_kafka` either `orders_kafka[7]__Writer` (a sink of
# FLIP-143, whose records in have markers among them) or `Sink__orders_kafka[7]` (an older one).
_SOURCE = re.compile(r"Source__.+\.numRecordsIn")
_SINKS = (
    re.compile(r"(?:Sink__)?(?P<table>.+)\[\d+\]__Writer\.numRecordsSend"),
    re.compile(r"Sink__(?P<table>.+)\[\d+\]\.numRecordsIn"),
)
_DROPPED, _LATE = "dropped", "late_"  # names of the tables that procstream_job makes for them
_COUNTERS = {
    "numDeadLetters": "dead_letters",
    "numLateRows": "late_rows",
    "numLateRecordsDropped": "late_records_dropped",
}


def moment(milliseconds: float) -> datetime:
    """A time as Flink gives it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def running_since(job: Mapping[str, Any]) -> datetime | None:
    """When the job of `/jobs/:id` was last (re)started; None while it does not run."""
    return moment(job["timestamps"]["RUNNING"]) if job["state"] == "RUNNING" else None


def tasks(job: Mapping[str, Any]) -> tuple[int, int]:
    """How many tasks of `/jobs/:id` run (or have done all they had to), and how many there are."""
    counts: Counter[str] = Counter()
    for vertex in job["vertices"]:
        counts.update(vertex["tasks"])
    return sum(counts[state] for state in ("RUNNING", "INITIALIZING", "FINISHED")), counts.total()


def checkpoint(answer: Mapping[str, Any]) -> Checkpoint | None:
    """The newest completed one of `/jobs/:id/checkpoints`, savepoints included."""
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
    """That of `/jobs/:id/checkpoints/config`; None if there are no checkpoints by themselves."""
    milliseconds = answer["interval"]
    never = milliseconds <= 0 or milliseconds > _NO_INTERVAL / timedelta(milliseconds=1)
    return None if never else timedelta(milliseconds=milliseconds)


def failures(answer: Mapping[str, Any]) -> tuple[Failure, ...]:
    """Those of `/jobs/:id/exceptions`, newest first."""
    return tuple(
        Failure(moment(entry["timestamp"]), root_cause(entry["stacktrace"]))
        for entry in answer["exceptionHistory"]["entries"]
    )


def root_cause(stack_trace: str) -> str:
    """The innermost cause of a Java stack trace, in one line: class without its package, message."""
    lines = stack_trace.strip().splitlines() or ["no reason was given"]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    line = (causes or lines)[-1 if causes else 0].strip()
    line = re.sub(r"^(?:[a-z_][\w$]*\.)+([A-Z][\w$]*)", r"\1", line)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


def is_fresh(metrics: Mapping[str, str], since: datetime, now: datetime) -> bool:
    """Whether metrics of a job that has run `since` then were collected about `now`: its uptime tells."""
    if "uptime" not in metrics:
        return False
    uptime = timedelta(milliseconds=int(metrics["uptime"]))
    return abs(now - since - uptime) < _FRESH


def wanted(metric_ids: Iterable[str]) -> list[str]:
    """Those metrics of a vertex that `counts` is told from."""
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

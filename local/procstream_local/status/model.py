"""The state of a stack or a release, and its problems. Pure: the current time is an argument.

A value is None if it is not known. `unanswered` names the values that were requested without an answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from procstream_local.stack import ServiceStatus

_PATIENCE_INTERVALS = 3
_PATIENCE = timedelta(seconds=30)
_FAILURES = 3
_FAILURES_WITHIN = timedelta(minutes=10)
_LAST_FAILURE_WITHIN = timedelta(minutes=3)
_CALM = timedelta(seconds=15)
_SLOTS_WITHIN = timedelta(seconds=30)

GONE = "GONE"
"""State of a job that Flink does not know: its JobManager has ended."""

ENDED = ("FINISHED", "CANCELED", "FAILED")
"""Flink's states of a job that has ended."""

_HEALTHY = ("RUNNING", "FINISHED")


@dataclass(frozen=True)
class Workload:
    """A Deployment, StatefulSet, DaemonSet or FlinkDeployment of a release."""

    name: str
    kind: str
    desired: int
    """Number of pods that it should have."""
    ready: int
    restarts: int
    """Restarts of the containers of its pods."""
    uptime_seconds: float
    """Age of its youngest pod; 0 without any."""

    @property
    def state(self) -> str:
        """`ready`, or how many pods of how many are ready."""
        return "ready" if self.ready >= self.desired else f"{self.ready} of {self.desired} ready"


@dataclass(frozen=True)
class Checkpoint:
    """A completed checkpoint."""

    id: int
    completed_at: datetime
    duration: timedelta
    size_bytes: int


@dataclass(frozen=True)
class Failure:
    """The reason why a job, or a part of it, failed."""

    at: datetime
    cause: str


@dataclass(frozen=True)
class Counts:
    """Records and rows since the last start or restart of the job."""

    records_in: int | None = None
    """Records that the sources read."""
    rows_out: int | None = None
    """Rows that went to the outputs, without dropped and late rows."""
    rows_dropped: int | None = None
    """Rows that went to `dropped`: records that could not be decoded or stored."""
    dead_letters: int | None = None
    """Records that could not be decoded."""
    late_rows: int | None = None
    """Rows that arrived behind the watermark, if the pipeline keeps them."""
    late_records_dropped: int | None = None
    """Records that arrived after their window had closed."""


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of the stack and its job."""

    name: str
    job_id: str
    expected: bool
    """Whether it should run: it was started, and neither stopped nor cancelled."""
    state: str | None = None
    """Flink's state of the job, or `GONE`."""
    running_since: datetime | None = None
    """Time of the job's last start or restart."""
    tasks_running: int | None = None
    tasks: int | None = None
    restarts: int | None = None
    """Restarts since the job was submitted."""
    checkpoint: Checkpoint | None = None
    """The newest completed one."""
    checkpoint_interval: timedelta | None = None
    counts: Counts = Counts()
    lag: int | None = None
    """Records of its topics that its consumer group has not committed."""
    failures: tuple[Failure, ...] = ()
    """The failures that Flink keeps, newest first."""
    savepoint: str | None = None
    """The savepoint of its stop."""
    unanswered: frozenset[str] = frozenset()

    def problems(self, now: datetime) -> list[str]:
        """One line per problem; none for a pipeline that is not expected to run."""
        return list(self._problems(now)) if self.expected else []

    def _problems(self, now: datetime) -> Iterator[str]:
        if "state" in self.unanswered:
            yield "Flink does not answer"
            return
        cause = f": {self.failures[0].cause}" if self.failures else ""
        if self.state not in _HEALTHY:
            yield f"its job is {self.state}{cause}" if self.state != GONE else _GONE
            return
        if self.state == "FINISHED":
            return
        if self._waits_for_slots(now):
            yield f"{self.tasks_running} of {self.tasks} tasks run; the others wait for task slots"
        if self._keeps_failing(now):
            yield f"it keeps failing{cause}"
        elif self._restarted_since_checkpoint:
            yield f"it was restarted and has completed no checkpoint since{cause}"
        if self._checkpoint_is_late(now):
            yield self._late_checkpoint(now)

    def _waits_for_slots(self, now: datetime) -> bool:
        if self.tasks is None or self.tasks_running is None or self.running_since is None:
            return False
        return self.tasks_running < self.tasks and now - self.running_since > _SLOTS_WITHIN

    def _keeps_failing(self, now: datetime) -> bool:
        recent = [failure.at for failure in self.failures if now - failure.at < _FAILURES_WITHIN]
        if len(recent) < _FAILURES:
            return False
        # Delays between restarts double, up to a minute: a job that keeps failing would have failed again.
        by_then = max(2 * (recent[0] - recent[_FAILURES - 1]), _CALM)
        return now - recent[0] < min(by_then, _LAST_FAILURE_WITHIN)

    @property
    def _restarted_since_checkpoint(self) -> bool:
        if not self.failures:
            return False
        return self.checkpoint is None or self.failures[0].at > self.checkpoint.completed_at

    def _checkpoint_is_late(self, now: datetime) -> bool:
        known = {"checkpoint", "checkpoint_interval"}.isdisjoint(self.unanswered)
        if not known or self.checkpoint_interval is None or self.running_since is None:
            return False
        times = [self.running_since]
        if self.checkpoint is not None:
            times.append(self.checkpoint.completed_at)
        return now - max(times) > _PATIENCE_INTERVALS * self.checkpoint_interval + _PATIENCE

    def _late_checkpoint(self, now: datetime) -> str:
        interval = f"{self.checkpoint_interval.total_seconds():g} s" if self.checkpoint_interval else "?"
        if self.checkpoint is None:
            return f"it has completed no checkpoint; expected one every {interval}"
        age = (now - self.checkpoint.completed_at).total_seconds()
        return f"its last checkpoint is {age:.0f} s old; expected one every {interval}"


_GONE = "its job is gone with the JobManager that ran it; `procstream up` submits it again"


@dataclass(frozen=True)
class OtherJob:
    """A job that is not a pipeline of the stack, such as a query of the SQL client."""

    job_id: str
    name: str
    state: str


@dataclass(frozen=True)
class Status:
    """The whole stack, or a release, at one moment."""

    at: datetime
    services: tuple[ServiceStatus, ...]
    pipelines: tuple[Pipeline, ...]
    other_jobs: tuple[OtherJob, ...] = field(default=())
    workloads: tuple[Workload, ...] = field(default=())
    """The workloads of a release in Kubernetes; a release has no `services`."""

    @property
    def problems(self) -> list[str]:
        """One line per problem; none if everything is healthy."""
        found = [
            f"{service.name} {'is down' if service.pid is None else 'does not answer'}"
            for service in self.services
            if not service.ready
        ]
        found += [
            f"{workload.kind} {workload.name}: {workload.ready} of {workload.desired} pods are ready"
            for workload in self.workloads
            if workload.ready < workload.desired
        ]
        for pipeline in self.pipelines:
            found += [f"{pipeline.name}: {problem}" for problem in pipeline.problems(self.at)]
        return found

    @property
    def healthy(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def document(self) -> dict[str, Any]:
        """A JSON object; docs/status.md describes its keys."""
        return {
            "time": self.at.isoformat(),
            "healthy": self.healthy,
            "problems": self.problems,
            "services": [{**vars(service), "state": service.state} for service in self.services],
            "workloads": [{**vars(workload), "state": workload.state} for workload in self.workloads],
            "pipelines": [pipeline_document(pipeline, self.at) for pipeline in self.pipelines],
            "other_jobs": [vars(job) for job in self.other_jobs],
        }


def pipeline_document(pipeline: Pipeline, now: datetime) -> dict[str, Any]:
    """One pipeline as a JSON object."""
    checkpoint, failure = pipeline.checkpoint, next(iter(pipeline.failures), None)
    return {
        "name": pipeline.name,
        "job_id": pipeline.job_id,
        "expected": pipeline.expected,
        "state": pipeline.state,
        "running_since": pipeline.running_since.isoformat() if pipeline.running_since else None,
        "tasks_running": pipeline.tasks_running,
        "tasks": pipeline.tasks,
        "restarts": pipeline.restarts,
        "checkpoint": checkpoint
        and {
            "id": checkpoint.id,
            "completed_at": checkpoint.completed_at.isoformat(),
            "age_seconds": (now - checkpoint.completed_at).total_seconds(),
            "duration_seconds": checkpoint.duration.total_seconds(),
            "size_bytes": checkpoint.size_bytes,
        },
        "checkpoint_interval_seconds": pipeline.checkpoint_interval
        and pipeline.checkpoint_interval.total_seconds(),
        **vars(pipeline.counts),
        "lag": pipeline.lag,
        "last_failure": failure and {"time": failure.at.isoformat(), "cause": failure.cause},
        "savepoint": pipeline.savepoint,
        "problems": pipeline.problems(now),
        "unanswered": sorted(pipeline.unanswered),
    }

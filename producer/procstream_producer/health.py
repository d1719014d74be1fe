"""Whether the sampler is healthy. Pure: the caller provides the clock."""

from dataclasses import dataclass
from typing import Any

_MISSED_TICKS = 3
_LEAST_SECONDS = 10.0


@dataclass
class Health:
    """The state that the sampler records and `/healthz` judges; times are monotonic seconds.

    An unavailable broker does not make it unhealthy: records are buffered, and a restart would lose them.
    """

    interval: float
    started_at: float
    last_sample_at: float | None = None
    starting: str | None = "waiting for the broker"
    fatal: str | None = None
    last_read_error: str | None = None
    broker_unavailable: bool = False
    buffered: int = 0

    def judge(self, now: float) -> tuple[bool, dict[str, Any]]:
        """Whether it is healthy at `now`, and a report, with the reason if it is not."""
        since = self.started_at if self.last_sample_at is None else self.last_sample_at
        age = now - since
        limit = max(_MISSED_TICKS * self.interval, _LEAST_SECONDS)
        reason = self.fatal or self.starting
        if reason is None and age > limit:
            why = f": {self.last_read_error}" if self.last_read_error else ""
            reason = f"no sample for {age:.1f} s, expected one every {self.interval:g} s{why}"
        report: dict[str, Any] = {
            "status": "ok" if reason is None else "unhealthy",
            "last_sample_age_seconds": None if self.last_sample_at is None else round(age, 3),
            "broker": "unavailable" if self.broker_unavailable else "reachable",
            "records_buffered": self.buffered,
        }
        if reason is not None:
            report["reason"] = reason
        return reason is None, report

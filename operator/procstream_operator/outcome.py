"""The outcome of reconciling a resource, and the status and events that follow from it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from procstream_operator.reasons import Reason
from procstream_operator.resource import Resource

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 60.0


@dataclass(frozen=True)
class Ready:
    """The condition Ready. Its status follows from the reason."""

    reason: Reason
    message: str
    underway: bool = False
    """Whether the resource is on its way to Ready, so that this is not a problem."""

    @property
    def status(self) -> str:
        """`True`, `False` or `Unknown`."""
        return self.reason.shown


@dataclass(frozen=True)
class ResourceEvent:
    """A Kubernetes event about a resource: something was done, or failed."""

    type: Literal["Normal", "Warning"]
    reason: Reason
    message: str

    @classmethod
    def of(cls, reason: Reason, message: str) -> "ResourceEvent":
        """An event whose type follows from its reason."""
        return cls("Warning" if reason.shown == "Warning" else "Normal", reason, message)


@dataclass(frozen=True)
class Outcome:
    """The outcome of reconciling a resource."""

    ready: Ready
    status: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the status other than conditions and observedGeneration. None removes one, others stay."""
    events: tuple[ResourceEvent, ...] = ()
    retry: bool = False
    """Whether to try again, after a delay that doubles with every attempt."""
    again_in: float | None = None
    """Seconds after which to check again where nothing failed."""
    released: bool = False
    """Whether a resource that is being deleted can be removed."""

    def delay(self, attempts: int) -> float | None:
        """Seconds until the next attempt, after so many that failed; None where none is needed."""
        return retry_delay(attempts) if self.retry else self.again_in


def retry_delay(attempts: int) -> float:
    """Seconds to wait after so many attempts in a row that failed.

    There is no jitter: resources that failed together are retried together, and reach Kafka in one request.
    """
    return min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(attempts, 16))


def internal_error(error: Exception) -> Outcome:
    """The operator itself failed."""
    message = f"internal error, retrying; see the operator's log: {type(error).__name__}: {error}"
    return Outcome(Ready(Reason.INTERNAL_ERROR, message), retry=True)


def status_changes(resource: Resource, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The fields of the resource's status that the outcome changes; None removes one."""
    wanted = {
        **outcome.status,
        "observedGeneration": resource.generation,
        "conditions": [_condition(resource, outcome.ready, now)],
    }
    return {name: value for name, value in wanted.items() if resource.status.get(name) != value}


def events_of(resource: Resource, outcome: Outcome) -> tuple[ResourceEvent, ...]:
    """The events to post: what was done, and a change of Ready unless that explains it."""
    ready, before = outcome.ready, resource.ready_condition
    same = (before.get("status"), before.get("reason")) == (ready.status, ready.reason)
    is_ready = ready.status == "True"
    if same or outcome.released or (is_ready and outcome.events):
        return outcome.events
    kind: Literal["Normal", "Warning"] = "Normal" if is_ready or ready.underway else "Warning"
    return (*outcome.events, ResourceEvent(kind, ready.reason, ready.message))


def _condition(resource: Resource, ready: Ready, now: datetime) -> dict[str, Any]:
    before = resource.ready_condition
    changed = before.get("status") != ready.status
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "Ready",
        "status": ready.status,
        "observedGeneration": resource.generation,
        "lastTransitionTime": stamp if changed else before.get("lastTransitionTime", stamp),
        "reason": str(ready.reason),
        "message": ready.message,
    }

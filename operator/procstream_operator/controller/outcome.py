"""What reconciling a resource came to, and the status that tells of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from procstream_operator.controller.resource import Resource


@dataclass(frozen=True)
class Ready:
    """The Ready condition."""

    status: bool | None
    """None: it could not be found out."""
    reason: str
    """One word in CamelCase."""
    message: str
    underway: bool = False
    """Whether False or Unknown is a step on the way, not a problem."""


@dataclass(frozen=True)
class ResourceEvent:
    """A Kubernetes event about a resource: something was done, or went wrong."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class Outcome:
    """What reconciling a resource came to."""

    ready: Ready
    status: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the status besides conditions and observedGeneration; None removes one, others stay."""
    events: tuple[ResourceEvent, ...] = ()
    retry: bool = False
    """Whether it should be tried again, after a pause that grows with every attempt."""
    again_in: float | None = None
    """Seconds after which to look again, where nothing failed; None: with the next resynchronisation."""
    released: bool = False
    """Whether a resource that is being deleted can go."""


def status_of(resource: Resource, outcome: Outcome, now: datetime) -> dict[str, Any]:
    """The resource's status after the outcome."""
    status = {**resource.status, **outcome.status}
    status["observedGeneration"] = resource.generation
    status["conditions"] = [_condition(resource, outcome.ready, now)]
    return {name: value for name, value in status.items() if value is not None}


def events_of(resource: Resource, outcome: Outcome) -> tuple[ResourceEvent, ...]:
    """What is told: what was done, and a change of the Ready condition that does not go without saying."""
    ready, before = outcome.ready, resource.ready_condition
    same = (before.get("status"), before.get("reason")) == (_text(ready.status), ready.reason)
    if same or outcome.released or (ready.status and outcome.events):
        return outcome.events
    kind: Literal["Normal", "Warning"] = "Normal" if ready.status or ready.underway else "Warning"
    return (*outcome.events, ResourceEvent(kind, ready.reason, ready.message))


def _condition(resource: Resource, ready: Ready, now: datetime) -> dict[str, Any]:
    before = resource.ready_condition
    status = _text(ready.status)
    changed = before.get("status") != status
    stamp = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": "Ready",
        "status": status,
        "observedGeneration": resource.generation,
        "lastTransitionTime": stamp if changed else before.get("lastTransitionTime", stamp),
        "reason": ready.reason,
        "message": ready.message,
    }


def _text(status: bool | None) -> str:
    return "Unknown" if status is None else str(status)

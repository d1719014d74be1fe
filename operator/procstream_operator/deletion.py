"""What happens to data in Kafka or the registry when a resource is deleted. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from procstream_operator.outcome import Outcome, Ready, ResourceEvent
from procstream_operator.reasons import Reason
from procstream_operator.resource import Key, Resource

DELETE = "Delete"


def is_requested(resource: Resource) -> bool:
    """Whether the data are deleted with the resource. By default they are retained."""
    return bool(resource.spec.get("deletionPolicy") == DELETE)


def needs_finalizer(spec: Mapping[str, Any], meta: Mapping[str, Any], **_: Any) -> bool:
    """Whether the resource needs a finalizer, for `when=` of kopf's delete handlers.

    A resource that is being deleted keeps the one that it has, whatever its policy has become.
    """
    return spec.get("deletionPolicy") == DELETE or "deletionTimestamp" in meta


def reason_to_retain(resource: Resource, *, owner: Key | None, had_it: bool) -> str | None:
    """Why the data of a deleted resource stay; None when they are to be deleted.

    `owner` is the resource that has the same data and stays, `had_it` whether this one ever had them.
    """
    if not is_requested(resource):
        return "deletionPolicy is Retain"
    if owner is not None:
        return f"{resource.kind.title} {owner} has it too"
    if not had_it:
        return "this resource never had it"
    return None


def gone(what: str) -> Outcome:
    """The data are deleted."""
    return _released(Reason.DELETED, f"{what} was deleted")


def retained(what: str, why: str) -> Outcome:
    """The data stay."""
    return _released(Reason.RETAINED, f"{what} was retained: {why}")


def not_yet(resource: Resource, what: str, error: str, now: datetime, patience: timedelta) -> Outcome:
    """The data could not be deleted: the operator retries until `patience` is over, then retains them."""
    waited = now - (resource.deleted or now)
    if waited >= patience:
        return _released(
            Reason.DELETION_ABANDONED,
            f"{what} was not deleted within {patience.total_seconds():.0f} s and was retained; "
            f"delete it yourself: {error}",
        )
    left = (patience - waited).total_seconds()
    message = f"{what} is not deleted yet, retrying for {left:.0f} s: {error}"
    return Outcome(Ready(Reason.DELETION_PENDING, message), retry=True)


def _released(reason: Reason, message: str) -> Outcome:
    # The condition is not written: the resource is removed.
    return Outcome(
        Ready(Reason.DELETION_PENDING, message), events=(ResourceEvent.of(reason, message),), released=True
    )

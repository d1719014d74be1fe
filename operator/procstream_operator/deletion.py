"""What becomes of data in Kafka or the registry when a resource is deleted. Pure."""

from datetime import datetime, timedelta

from procstream_operator.controller import Key, Outcome, Ready, Resource, ResourceEvent

DELETE = "Delete"


def is_asked_for(resource: Resource) -> bool:
    """Whether the data go with the resource; by default they are retained."""
    return resource.spec.get("deletionPolicy") == DELETE


def reason_to_retain(resource: Resource, *, owner: Key | None, had_it: bool) -> str | None:
    """Why the data of a deleted resource stay, None when they are to be deleted.

    `owner` is the resource that has the same data and stays; `had_it` says whether this one ever did.
    """
    if not is_asked_for(resource):
        return "deletionPolicy is Retain"
    if owner is not None:
        return f"{resource.kind.title} {owner} has it too"
    if not had_it:
        return "this resource never had it"
    return None


def gone(what: str) -> Outcome:
    """The data are deleted."""
    return _released(ResourceEvent("Normal", "Deleted", f"{what} was deleted"))


def retained(what: str, why: str) -> Outcome:
    """The data stay."""
    return _released(ResourceEvent("Normal", "Retained", f"{what} was left as it is: {why}"))


def not_yet(resource: Resource, what: str, error: str, now: datetime, patience: timedelta) -> Outcome:
    """The data could not be deleted: it is tried again until `patience` is over, then they are left."""
    waited = now - (resource.deleted or now)
    if waited >= patience:
        return _released(
            ResourceEvent(
                "Warning",
                "DeletionAbandoned",
                f"{what} was not deleted within {patience.total_seconds():.0f} s and is left; "
                f"delete it by hand: {error}",
            )
        )
    left = (patience - waited).total_seconds()
    message = f"{what} is not deleted yet, and is left in {left:.0f} s: {error}"
    return Outcome(Ready(None, "DeletionPending", message), retry=True)


def _released(event: ResourceEvent) -> Outcome:
    return Outcome(Ready(False, event.reason, event.message), events=(event,), released=True)

"""Whether the operator works. Pure: the caller has the clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from procstream_operator.resource import Key, Resource

_RESYNC_SECONDS = 300.0
"""A comparison waits for Kafka or the registry, but every request has a time-out."""
_WATCH_SECONDS = 90.0
"""kopf opens a new watch after 70 s without even a bookmark."""


@dataclass
class Health:
    """What the operator notes, and `/healthz` judges. Times are monotonic seconds."""

    resync: float
    """Seconds between two comparisons."""
    last_resync: float
    """When a comparison last ended, or the operator started."""
    behind_since: dict[str, float] = field(default_factory=dict)
    """By kind: since when its watch has not brought what a list shows."""

    def note_list(self, kind: str, *, missed: bool, now: float) -> None:
        """A list was compared with what the watch has brought."""
        if missed:
            self.behind_since.setdefault(kind, now)
        else:
            self.behind_since.pop(kind, None)

    def judge(self, now: float) -> list[str]:
        """The problems at `now`, one line each."""
        problems = []
        waited = now - self.last_resync
        if waited > self.resync + _RESYNC_SECONDS:
            problems.append(f"the comparison of resources last ended {waited:.0f} s ago")
        problems += [
            f"the watch of {kind} has brought nothing for {now - since:.0f} s, although there were changes"
            for kind, since in self.behind_since.items()
            if now - since > _WATCH_SECONDS
        ]
        return problems


def missed(
    listed: Iterable[Resource], known: Mapping[Key, Resource], known_before: Mapping[Key, int]
) -> bool:
    """Whether two lists in a row show a resource or generation that the watch has not brought.

    `known_before` are the generations in the previous list.
    """
    for resource in listed:
        if known_before.get(resource.key) != resource.generation:
            continue  # it may be on its way
        here = known.get(resource.key)
        if here is None or here.generation < resource.generation:
            return True
    return False

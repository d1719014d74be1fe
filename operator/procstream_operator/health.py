"""Whether the operator does its work. Pure: the caller has the clock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from procstream_operator.controller.resource import Key, Resource

_TURN_SECONDS = 300.0
"""A turn waits for Kafka or the registry, but every request has its end."""
_WATCH_SECONDS = 90.0
"""kopf opens a watch anew after 70 s without even a bookmark."""


@dataclass
class Health:
    """Facts that the operator notes and `/healthz` judges; times are monotonic seconds."""

    last_turns: dict[str, float] = field(default_factory=dict)
    """By kind: when its loop last came round."""
    behind_since: dict[str, float] = field(default_factory=dict)
    """By kind: since when its watch has not brought what a list shows."""

    def note_list(self, kind: str, *, missed: bool, now: float) -> None:
        """A list was compared with what the watch brought."""
        if missed:
            self.behind_since.setdefault(kind, now)
        else:
            self.behind_since.pop(kind, None)

    def judge(self, now: float) -> list[str]:
        """What is wrong at `now`, a line each."""
        problems = [
            f"the loop of {kind} has not come round for {now - turn:.0f} s"
            for kind, turn in self.last_turns.items()
            if now - turn > _TURN_SECONDS
        ]
        problems += [
            f"the watch of {kind} has brought nothing for {now - since:.0f} s, though there were changes"
            for kind, since in self.behind_since.items()
            if now - since > _WATCH_SECONDS
        ]
        return problems


def missed(
    listed: Iterable[Resource], known: Mapping[Key, Resource], known_before: Mapping[Key, int]
) -> bool:
    """Whether a list shows a resource or generation that the watch has not brought since the list before it.

    `known_before` are the generations that the previous list showed.
    """
    for resource in listed:
        if known_before.get(resource.key) != resource.generation:
            continue  # it may be on its way
        here = known.get(resource.key)
        if here is None or here.generation < resource.generation:
            return True
    return False

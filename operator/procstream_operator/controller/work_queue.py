"""Which resources are to be looked at, and when: each at most once, failed ones after a pause that grows."""

import asyncio
import contextlib
import random
from collections.abc import Callable

from procstream_operator.controller.resource import Key

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_JITTER = (0.5, 1.0)
_GATHERING = 0.05
"""Seconds in which keys that come together are taken together."""


def pause(failures: int, share: float) -> float:
    """Seconds to wait after so many failures in a row; `share`, 0 to 1, spreads the attempts of many."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 16))
    low, high = _JITTER
    return longest * (low + (high - low) * share)


class WorkQueue:
    """Keys with the time at which they are due.

    `clock` gives monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or asyncio.get_running_loop().time
        self._due: dict[Key, float] = {}
        self._failures: dict[Key, int] = {}
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def add(self, key: Key, after: float = 0.0) -> None:
        """Look at a resource in `after` seconds, or earlier if that was asked for before."""
        due = self._clock() + after
        self._due[key] = min(due, self._due.get(key, due))
        self._changed.set()

    def retry(self, keys: list[Key]) -> None:
        """Look again at resources that failed together, together: after the pause of the least failed one.

        What was asked for meanwhile, because a resource changed, is not put off.
        """
        for key in keys:
            self._failures[key] = self._failures.get(key, 0) + 1
        if keys:
            after = pause(min(self._failures[key] for key in keys), random.random())  # noqa: S311 - jitter
            for key in keys:
                self.add(key, after)

    def succeeded(self, key: Key) -> None:
        """Forget that a resource failed."""
        self._failures.pop(key, None)

    def forget(self, key: Key) -> None:
        """Nothing is to be done for a resource any more."""
        self._failures.pop(key, None)
        self._due.pop(key, None)

    async def take(self, most: int) -> list[Key]:
        """Wait until at least one resource is due; up to `most` that are, the longest due first."""
        while True:
            self._changed.clear()
            first = min(self._due.values(), default=None)
            if first is not None and first <= self._clock():
                break
            timeout = None if first is None else first - self._clock()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), timeout)
        await asyncio.sleep(_GATHERING)
        now = self._clock()
        due = sorted((key for key, at in self._due.items() if at <= now), key=self._due.__getitem__)[:most]
        for key in due:
            del self._due[key]
        return due

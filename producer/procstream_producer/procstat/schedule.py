"""When to sample: tick k is at start + k x interval, so that delays do not add up. Pure: it has no clock."""

import math


class Schedule:
    """The ticks of a sampler, in seconds of one monotonic clock.

    A tick that cannot run within half an interval of its time is skipped and counted. Later ticks keep their
    times, so samples never bunch.
    """

    def __init__(self, *, start: float, interval: float) -> None:
        if not interval > 0 or not math.isfinite(interval):
            raise ValueError(f"found an interval of {interval}, expected more than 0 seconds")
        self._start = start
        self._interval = interval
        self._tick = 0
        self.skipped = 0

    @property
    def due(self) -> float:
        """The time of the next tick."""
        return self._start + self._tick * self._interval

    def wait(self, now: float) -> float:
        """Seconds from `now` to the next tick that can still run in time; 0 when it is due."""
        latest_runnable = math.floor((now - self._start) / self._interval + 0.5)
        if latest_runnable > self._tick:
            self.skipped += latest_runnable - self._tick
            self._tick = latest_runnable
        return max(0.0, self.due - now)

    def run(self) -> int:
        """Note that the due tick ran. Returns its number."""
        number = self._tick
        self._tick += 1
        return number

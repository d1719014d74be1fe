"""When to sample: tick k at start + k x interval, so that no delay adds up. Pure: no clock of its own."""

import math


class Schedule:
    """The ticks of a sampler, in seconds of one monotonic clock.

    A tick that cannot be run within half an interval of its time is skipped and counted; the ones after
    it keep their times, so that samples never bunch.
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
        """When the next tick is to run."""
        return self._start + self._tick * self._interval

    def wait(self, now: float) -> float:
        """Seconds from `now` to the next tick that can still be run in time; 0 when it is due."""
        latest_runnable = math.floor((now - self._start) / self._interval + 0.5)
        if latest_runnable > self._tick:
            self.skipped += latest_runnable - self._tick
            self._tick = latest_runnable
        return max(0.0, self.due - now)

    def run(self) -> int:
        """Note that the tick that is due has run; its number."""
        number = self._tick
        self._tick += 1
        return number

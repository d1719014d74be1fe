"""How many records are due. Pure: the caller provides the clock."""

import math

_CATCH_UP_SECONDS = 1.0
_SHORTEST_WAIT_SECONDS = 0.01


class Pace:
    """A rate in records per second, kept on average and without drift.

    A stall, such as an unavailable broker, is not caught up: records that are more than a second late are
    skipped, and the rate continues.

    Args:
        rate: records per second, or None for as fast as possible.
        start: monotonic seconds.
        batch: maximum number of records due at a time.
    """

    def __init__(self, *, rate: float | None, start: float, batch: int) -> None:
        if rate is not None and not (rate > 0 and math.isfinite(rate)):
            raise ValueError(f"found a rate of {rate}, expected more than 0 records per second")
        self._rate = rate
        self._start = start
        self._batch = batch
        self._sent = 0

    def due(self, now: float) -> int:
        """Number of records to send at `now`; the first is due at the start."""
        if self._rate is None:
            return self._batch
        late = self._planned(now) - self._sent - self._rate * _CATCH_UP_SECONDS
        if late > 1:
            self._start += late / self._rate
        return max(0, min(self._batch, math.floor(self._planned(now)) - self._sent))

    def sent(self, count: int) -> None:
        """Note that `count` records were sent."""
        self._sent += count

    def wait(self, now: float) -> float:
        """Seconds until the next record is due, or slightly longer, so that high rates use batches."""
        if self._rate is None:
            return 0.0
        next_at = self._start + self._sent / self._rate
        return max(_SHORTEST_WAIT_SECONDS, next_at - now)

    def _planned(self, now: float) -> float:
        assert self._rate is not None  # noqa: S101 - for the type checker
        return (now - self._start) * self._rate + 1

"""Whether the broker is unavailable, judged by deliveries alone. Pure: the caller has the clock."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WentAway:
    """Records are outstanding and none was delivered for a while."""

    outstanding: int


@dataclass(frozen=True)
class CameBack:
    """The first delivery after `seconds` without any."""

    seconds: float


class BrokerWatch:
    """Says once that the broker went away and once that it is back.

    A lost connection alone does not count: brokers close idle ones. Away means that something is
    outstanding and nothing was delivered for `patience` seconds.
    """

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        self._delivered = 0
        self._outstanding = 0
        self._progress_at: float | None = None
        self.away = False

    def observe(self, *, now: float, outstanding: int, delivered: int) -> WentAway | CameBack | None:
        """Take a look at `now` (monotonic seconds): records not yet delivered, and all delivered so far."""
        last_progress = now if self._progress_at is None else self._progress_at
        progressed = delivered > self._delivered
        idle = outstanding == 0 or self._outstanding == 0
        self._delivered, self._outstanding = delivered, outstanding
        if self.away:
            if progressed:
                self.away = False
                self._progress_at = now
                return CameBack(now - last_progress)
            return None
        if progressed or idle:
            self._progress_at = now
            return None
        self._progress_at = last_progress
        if now - last_progress >= self._patience:
            self.away = True
            return WentAway(outstanding)
        return None

"""Whether the broker is unavailable, judged by deliveries alone. Pure: the caller has the clock."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OutageBegan:
    """The broker is unavailable: records are outstanding and none was delivered for a while."""

    outstanding: int


@dataclass(frozen=True)
class OutageEnded:
    """The broker is reachable again: the first delivery after `seconds` without one."""

    seconds: float


class BrokerWatch:
    """Reports each outage twice: when it begins and when it ends.

    A lost connection is not an outage, because brokers close idle connections. The broker is unavailable when
    records are outstanding and none was delivered for `patience` seconds.
    """

    def __init__(self, *, patience: float) -> None:
        self._patience = patience
        self._delivered = 0
        self._outstanding = 0
        self._progress_at: float | None = None
        self.unavailable = False

    def observe(self, *, now: float, outstanding: int, delivered: int) -> OutageBegan | OutageEnded | None:
        """Note the counts at `now` (monotonic seconds): records outstanding and delivered so far."""
        last_progress = now if self._progress_at is None else self._progress_at
        progressed = delivered > self._delivered
        idle = outstanding == 0 or self._outstanding == 0
        self._delivered, self._outstanding = delivered, outstanding
        if self.unavailable:
            if progressed:
                self.unavailable = False
                self._progress_at = now
                return OutageEnded(now - last_progress)
            return None
        if progressed or idle:
            self._progress_at = now
            return None
        self._progress_at = last_progress
        if now - last_progress >= self._patience:
            self.unavailable = True
            return OutageBegan(outstanding)
        return None

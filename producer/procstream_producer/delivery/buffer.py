"""The bounded buffer in front of the Kafka client. Pure: the client and the clock are the caller's.

A record waits here until the client takes it, oldest first, so that order never changes. At most
`window` records are with the client at a time, and while the broker is unavailable it gets no new ones: what
it has may already be in the topic, and only its own idempotent retry can tell, so such a record is
never given up. The ones that wait here are bounded by `capacity`: beyond it the oldest is dropped,
counted and reported.
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from procstream_producer.delivery.broker_watch import BrokerWatch, CameBack, WentAway


@dataclass(frozen=True, slots=True)
class Record:
    """A record for the topic; the time is milliseconds since 1970 UTC."""

    key: bytes | None
    value: bytes
    timestamp_ms: int


class Client(Protocol):
    """What takes records from the buffer and reports each by `delivered` or `refused`."""

    def take(self, record: Record) -> bool:
        """Accept a record for delivery; False when there is no room now."""


class Events(Protocol):
    """Who wants to know what happens to records."""

    def delivered(self) -> None:
        """A record is in the topic."""

    def dropped(self, reason: str, detail: str) -> None:
        """A record is lost; `reason` is a word for a counter, `detail` says more."""

    def went_away(self, event: WentAway, waiting: int) -> None:
        """The broker is unavailable; `waiting` records are kept."""

    def came_back(self, event: CameBack, waiting: int) -> None:
        """The broker is back; `waiting` records are about to follow."""


class DeliveryBuffer:
    """Records on their way: first those with the client, then those that wait."""

    def __init__(self, client: Client, events: Events, watch: BrokerWatch, *, capacity: int, window: int):
        if capacity < 1 or window < 1:
            raise ValueError(f"found capacity {capacity} and window {window}, expected 1 or more of both")
        self._client = client
        self._events = events
        self._watch = watch
        self._capacity = capacity
        self._window = window
        self._waiting: deque[Record] = deque()
        self._with_client = 0
        self.delivered_count = 0
        self.dropped_count = 0

    @property
    def buffered(self) -> int:
        """Records not yet known to be in the topic."""
        return len(self._waiting) + self._with_client

    @property
    def broker_away(self) -> bool:
        """Whether the broker is taken to be away."""
        return self._watch.away

    @property
    def can_advance(self) -> bool:
        """Whether records wait that the broker, being there, would take."""
        return bool(self._waiting) and not self._watch.away

    def add(self, record: Record) -> None:
        """Take a record in; the oldest that waits goes when there is no room for it."""
        self._waiting.append(record)
        self.advance()
        if len(self._waiting) > self._capacity:
            self._waiting.popleft()
            self._drop("buffer_full", f"{self._capacity} records wait, the oldest goes")

    def advance(self) -> None:
        """Give the client what it may have now."""
        room = 1 if self._watch.away else self._window  # one alone, to find out when the broker is back
        while self._waiting and self._with_client < room and self._client.take(self._waiting[0]):
            self._waiting.popleft()
            self._with_client += 1

    def delivered(self) -> None:
        """The client says: one of its records is in the topic."""
        self._with_client -= 1
        self.delivered_count += 1
        self._events.delivered()

    def refused(self, detail: str) -> None:
        """The client says: one of its records will never be in the topic."""
        self._with_client -= 1
        self._drop("refused", detail)

    def observe(self, now: float) -> None:
        """Look at `now` (monotonic seconds) whether the broker is there, and go on with what waits."""
        event = self._watch.observe(now=now, outstanding=self.buffered, delivered=self.delivered_count)
        if isinstance(event, WentAway):
            self._events.went_away(event, self.buffered)
        elif isinstance(event, CameBack):
            self._events.came_back(event, self.buffered)
        self.advance()

    def give_up(self) -> int:
        """Drop everything that is not delivered, because the process ends; how many those were."""
        lost = self.buffered
        self._waiting.clear()
        self._with_client = 0
        for _ in range(lost):
            self._drop("shutdown", "the process ends")
        return lost

    def _drop(self, reason: str, detail: str) -> None:
        self.dropped_count += 1
        self._events.dropped(reason, detail)

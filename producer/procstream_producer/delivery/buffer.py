"""The bounded buffer in front of the Kafka client. Pure: the caller provides the client and the clock.

A record waits here until the client accepts it, oldest first, so that order never changes. The client has at
most `window` records at a time, and no new ones while the broker is unavailable. Its records may already be
in the topic, which only its idempotent retry can find out, so they are never dropped while it runs.
At most `capacity` records wait here. Beyond that the oldest is dropped, counted and reported.
"""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from procstream_producer.delivery.broker_watch import BrokerWatch, OutageBegan, OutageEnded


@dataclass(frozen=True, slots=True)
class Record:
    """A record for the topic; the time is milliseconds since 1970 UTC."""

    key: bytes | None
    value: bytes
    timestamp_ms: int


class Client(Protocol):
    """Accepts records from the buffer and reports each with `delivered` or `refused`."""

    def take(self, record: Record) -> bool:
        """Accept a record for delivery; False when there is no room now."""


class Events(Protocol):
    """Receives what happens to records."""

    def delivered(self) -> None:
        """A record is in the topic."""

    def dropped(self, reason: str, detail: str) -> None:
        """A record is lost; `reason` is the label of a counter, `detail` is for the log."""

    def outage_began(self, event: OutageBegan, waiting: int) -> None:
        """The broker is unavailable; `waiting` records are buffered."""

    def outage_ended(self, event: OutageEnded, waiting: int) -> None:
        """The broker is reachable again; `waiting` records are sent next."""


class DeliveryBuffer:
    """Records that are not delivered yet: those that the client has, then those that wait."""

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
    def broker_unavailable(self) -> bool:
        """Whether the broker counts as unavailable."""
        return self._watch.unavailable

    @property
    def can_advance(self) -> bool:
        """Whether records wait and the broker is reachable."""
        return bool(self._waiting) and not self._watch.unavailable

    def add(self, record: Record) -> None:
        """Add a record; when the buffer is full, the oldest waiting record is dropped."""
        self._waiting.append(record)
        self.advance()
        if len(self._waiting) > self._capacity:
            self._waiting.popleft()
            self._drop("buffer_full", f"{self._capacity} records wait, the oldest is dropped")

    def advance(self) -> None:
        """Pass to the client as many records as it may have now."""
        # During an outage a single one, to notice its end.
        room = 1 if self._watch.unavailable else self._window
        while self._waiting and self._with_client < room and self._client.take(self._waiting[0]):
            self._waiting.popleft()
            self._with_client += 1

    def delivered(self) -> None:
        """The client reports that one of its records is in the topic."""
        self._with_client -= 1
        self.delivered_count += 1
        self._events.delivered()

    def refused(self, detail: str) -> None:
        """The client reports that one of its records will never be in the topic."""
        self._with_client -= 1
        self._drop("refused", detail)

    def observe(self, now: float) -> None:
        """Check at `now` (monotonic seconds) whether the broker is reachable, and pass on waiting records."""
        event = self._watch.observe(now=now, outstanding=self.buffered, delivered=self.delivered_count)
        if isinstance(event, OutageBegan):
            self._events.outage_began(event, self.buffered)
        elif isinstance(event, OutageEnded):
            self._events.outage_ended(event, self.buffered)
        self.advance()

    def give_up(self) -> int:
        """Drop all records that are not delivered, because the process ends. Returns their number."""
        lost = self.buffered
        self._waiting.clear()
        self._with_client = 0
        for _ in range(lost):
            self._drop("shutdown", "the process ends")
        return lost

    def _drop(self, reason: str, detail: str) -> None:
        self.dropped_count += 1
        self._events.dropped(reason, detail)

"""What the log says about deliveries: each change once, and losses at most once a minute."""

import logging
from collections.abc import Callable

from procstream_common.logs import Seldom

from procstream_producer.delivery.broker_watch import CameBack, WentAway

_log = logging.getLogger("procstream.producer.delivery")


class DeliveryLog:
    """Turns delivery events into log lines.

    Args:
        topic: named in every line.
        last_error: what the Kafka client complained about last, or an empty text.
        clock: monotonic seconds.
    """

    def __init__(self, topic: str, last_error: Callable[[], str], clock: Callable[[], float]) -> None:
        self._topic = topic
        self._last_error = last_error
        self._clock = clock
        self._dropped = 0
        self._dropped_said = 0
        self._seldom = Seldom()
        self._dropped_before_outage = 0

    def delivered(self) -> None:
        """Nothing to say."""

    def dropped(self, reason: str, detail: str) -> None:
        """Say it at once, then at most once a minute with the number since."""
        self._dropped += 1
        if self._seldom.allows(self._clock()):
            self._say_dropped(f"{reason}: {detail}")

    def went_away(self, event: WentAway, waiting: int) -> None:
        """Log that the broker is unavailable, and why."""
        self._dropped_before_outage = self._dropped
        reason = self._last_error() or "no answer"
        _log.warning("%s: broker unavailable (%s); keeping records, %d so far", self._topic, reason, waiting)

    def came_back(self, event: CameBack, waiting: int) -> None:
        """Say that the broker is back, what is kept for it and what was lost."""
        lost = self._dropped - self._dropped_before_outage
        _log.info(
            "%s: broker reachable again after %.1f s; %d records buffered, %d dropped meanwhile",
            self._topic, event.seconds, waiting, lost,
        )  # fmt: skip
        self._seldom.reset()
        self._dropped_said = self._dropped

    def close(self) -> None:
        """Say what was dropped and not yet said."""
        if self._dropped > self._dropped_said:
            self._say_dropped("until now")

    def _say_dropped(self, why: str) -> None:
        new = self._dropped - self._dropped_said
        _log.warning("%s: dropped %d records, %d in all (%s)", self._topic, new, self._dropped, why)
        self._dropped_said = self._dropped

"""Log lines about deliveries: each change once, and losses at most once a minute."""

import logging
from collections.abc import Callable

from procstream_common.logs import Seldom

from procstream_producer.delivery.broker_watch import OutageBegan, OutageEnded

_log = logging.getLogger("procstream.producer.delivery")


class DeliveryLog:
    """Turns delivery events into log lines.

    Args:
        topic: named in every line.
        last_error: the last error of the Kafka client, or an empty text.
        clock: monotonic seconds.
    """

    def __init__(self, topic: str, last_error: Callable[[], str], clock: Callable[[], float]) -> None:
        self._topic = topic
        self._last_error = last_error
        self._clock = clock
        self._dropped = 0
        self._dropped_logged = 0
        self._seldom = Seldom()
        self._dropped_before_outage = 0

    def delivered(self) -> None:
        """Not logged."""

    def dropped(self, reason: str, detail: str) -> None:
        """Log the first loss at once, later ones at most once a minute with their number."""
        self._dropped += 1
        if self._seldom.allows(self._clock()):
            self._log_dropped(f"{reason}: {detail}")

    def outage_began(self, event: OutageBegan, waiting: int) -> None:
        """Log that the broker is unavailable, and why."""
        self._dropped_before_outage = self._dropped
        reason = self._last_error() or "no answer"
        _log.warning("%s: broker unavailable (%s); keeping records, %d so far", self._topic, reason, waiting)

    def outage_ended(self, event: OutageEnded, waiting: int) -> None:
        """Log that the broker is reachable again, what is buffered and what was lost."""
        lost = self._dropped - self._dropped_before_outage
        _log.info(
            "%s: broker reachable again after %.1f s; %d records buffered, %d dropped meanwhile",
            self._topic, event.seconds, waiting, lost,
        )  # fmt: skip
        self._seldom.reset()
        self._dropped_logged = self._dropped

    def close(self) -> None:
        """Log losses that are not logged yet."""
        if self._dropped > self._dropped_logged:
            self._log_dropped("at shutdown")

    def _log_dropped(self, why: str) -> None:
        new = self._dropped - self._dropped_logged
        _log.warning("%s: dropped %d records, %d in all (%s)", self._topic, new, self._dropped, why)
        self._dropped_logged = self._dropped

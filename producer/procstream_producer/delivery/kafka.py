"""The edge to Kafka: settings of an idempotent producer, the check at its start, and delivery reports."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from procstream_common.errors import NotFoundError, Server, UnavailableError
from procstream_common.kafka import ClientErrors, server_error

from procstream_producer.delivery.buffer import Record
from procstream_producer.stop import Stop

_log = logging.getLogger("procstream.producer.kafka")

PRODUCER_PROPERTIES: Mapping[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "allow.auto.create.topics": False,
    # A record that may be in the topic already is retried forever. To expire it could lose or duplicate it.
    "message.timeout.ms": 0,
    "reconnect.backoff.max.ms": 2000,
    "socket.keepalive.enable": True,
    # The partition that a Java producer would choose for the same key.
    "partitioner": "murmur2_random",
}
TOPIC_GRACE_SECONDS = 3.0
"""How long a topic may be unknown: after its creation not every broker knows it at once."""

_ATTEMPT_SECONDS = 1.0
_REST_SECONDS = 0.2


def log_properties() -> dict[str, Any]:
    """Properties of a client for librdkafka's own log, which is shown at level DEBUG only.

    It repeats each failed attempt to connect; `ClientErrors` keeps the reason.
    """
    return {"log_level": 6} if _log.isEnabledFor(logging.DEBUG) else {}


def partitions_of(client: Any, topic: str, errors: ClientErrors, *, timeout: float, stop: Stop) -> int:
    """Wait for a broker that knows `topic`. Returns the number of its partitions, 0 when stopped meanwhile.

    Raises:
        UnavailableError: no broker answered within `timeout` seconds.
        NotFoundError: the topic does not exist.
        RefusedError: wrong credentials, or the topic may not be used.
    """
    where = errors.where
    started = time.monotonic()
    absent_since: float | None = None
    logged = False
    while not stop.wait(0.0):
        left = started + timeout - time.monotonic()
        error: KafkaError | None = None
        try:
            found = client.list_topics(topic, timeout=max(0.1, min(_ATTEMPT_SECONDS, left))).topics[topic]
            if found.error is None:
                return len(found.partitions)
            error = found.error
        except KafkaException as failure:
            error = failure.args[0]
        client.poll(0)
        errors.raise_refusal()
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            absent_since = time.monotonic() if absent_since is None else absent_since
            if time.monotonic() - absent_since >= TOPIC_GRACE_SECONDS:
                raise NotFoundError(Server.KAFKA, f"{where}: found no topic {topic!r}, expected it to exist")
        else:
            explained = server_error(
                error, f"{where}: topic {topic!r}: {error.str()}, expected a topic that may be used"
            )
            if not isinstance(explained, UnavailableError):
                raise explained
        reason = errors.last or error.str()
        if not logged:
            logged = True
            _log.info("%s: waiting up to %g s for topic %s (%s)", where, timeout, topic, reason)
        if left <= 0:
            raise UnavailableError(Server.KAFKA, f"{where}: no answer within {timeout:g} s ({reason})")
        stop.wait(_REST_SECONDS)
    return 0


class KafkaClient:
    """Passes records to a confluent-kafka producer, and its delivery reports to the caller."""

    def __init__(
        self,
        producer: Producer,
        errors: ClientErrors,
        topic: str,
        *,
        on_delivered: Callable[[], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self._producer = producer
        self._errors = errors
        self._topic = topic
        self._on_delivered = on_delivered
        self._on_refused = on_refused

    def take(self, record: Record) -> bool:
        """Pass `record` to librdkafka; False when its queue is full or the topic is absent at the moment."""
        try:
            self._producer.produce(
                self._topic,
                record.value,
                record.key,
                timestamp=record.timestamp_ms,
                on_delivery=self._report,
            )
        except BufferError:
            return False
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                self._errors.last = error.str()
                return False
            self._on_refused(error.str())  # the broker would refuse it too
        return True

    def poll(self, seconds: float) -> None:
        """Serve delivery reports, waiting up to `seconds` for the first."""
        self._producer.poll(seconds)

    def _report(self, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self._on_delivered()
        else:
            self._on_refused(error.str())

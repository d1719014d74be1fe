"""The edge to librdkafka: opening an idempotent producer that fails early and clearly, and feeding it."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from procstream_common.errors import ProcstreamError

from procstream_producer.delivery.buffer import Record
from procstream_producer.stop import Stop

_log = logging.getLogger("procstream.producer.kafka")

PRODUCER_PROPERTIES: Mapping[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "allow.auto.create.topics": False,
    # A record that may already be in the topic is retried for ever: expiring it would lose or double it.
    "message.timeout.ms": 0,
    "reconnect.backoff.max.ms": 2000,
    "socket.keepalive.enable": True,
    # The partition that a Java producer would choose for the same key.
    "partitioner": "murmur2_random",
}
TOPIC_GRACE_SECONDS = 3.0
"""A topic made a moment ago is not yet known to every broker."""

_CLOSED_AT_ONCE = "it closes connections at once; does KAFKA_SECURITY_PROTOCOL fit this port?"
# A connection that only breaks during the TLS handshake is _TRANSPORT; _SSL is a certificate or protocol.
_REFUSALS = (KafkaError._AUTHENTICATION, KafkaError._SSL)
_ATTEMPT_SECONDS = 1.0
_REST_SECONDS = 0.2


class KafkaUnreachable(ProcstreamError):  # noqa: N818 - says what it is
    """No broker answered within the time allowed."""


class KafkaRefused(ProcstreamError):  # noqa: N818
    """The broker, or the client before it asks, refuses for good: credentials, a missing topic, a setting."""


class Connection:
    """What librdkafka said about its connections: the last complaint, and those that end the process."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.last_error = ""
        self.fatal: KafkaRefused | None = None
        self.authentication: KafkaRefused | None = None

    def on_error(self, error: KafkaError) -> None:
        """librdkafka's `error_cb`."""
        text = error.str()
        _log.debug("librdkafka: %s %s", error.name(), text)
        if error.code() == KafkaError._ALL_BROKERS_DOWN:  # follows the reason, when there is one
            self.last_error = self.last_error or _CLOSED_AT_ONCE
        else:
            self.last_error = text
        if error.fatal():
            self.fatal = KafkaRefused(f"KAFKA_BOOTSTRAP_SERVERS {self.servers}: {text}, cannot go on")
        if error.code() in _REFUSALS:
            self.authentication = KafkaRefused(
                f"KAFKA_BOOTSTRAP_SERVERS {self.servers}: {text}, "
                "expected credentials and certificates (KAFKA_SASL_…, KAFKA_SSL_…) that fit the broker"
            )


def create(
    kind: Callable[[dict[str, Any]], Any], properties: Mapping[str, Any], connection: Connection
) -> Any:
    """Make a confluent-kafka client of `kind` that reports its errors to `connection`.

    Raises:
        KafkaRefused: librdkafka does not accept a setting, e.g. a key that does not fit its certificate.
    """
    verbose = _log.isEnabledFor(logging.DEBUG)
    try:
        # librdkafka's own log repeats each failed attempt to connect; `Connection` has what matters of it.
        return kind({**properties, "error_cb": connection.on_error, "log_level": 6 if verbose else 0})
    except (KafkaException, ValueError, TypeError) as error:
        reason = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        raise KafkaRefused(f"Kafka client: {reason}, expected KAFKA_… settings it accepts") from None


def partitions_of(client: Any, topic: str, connection: Connection, *, timeout: float, stop: Stop) -> int:
    """Wait for a broker that knows `topic`; the number of its partitions (0 when stopped meanwhile).

    Raises:
        KafkaUnreachable: no broker answered within `timeout` seconds.
        KafkaRefused: wrong credentials, or the topic does not exist.
    """
    where = f"KAFKA_BOOTSTRAP_SERVERS {connection.servers}"
    started = time.monotonic()
    absent_since: float | None = None
    said = False
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
        raise_if_hopeless(connection)
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            absent_since = time.monotonic() if absent_since is None else absent_since
            if time.monotonic() - absent_since >= TOPIC_GRACE_SECONDS:
                raise KafkaRefused(f"{where}: found no topic {topic!r}, expected it to be there")
        elif error.code() in (
            KafkaError.TOPIC_AUTHORIZATION_FAILED,
            KafkaError.TOPIC_EXCEPTION,
            KafkaError._UNKNOWN_TOPIC,
        ):
            raise KafkaRefused(f"{where}: topic {topic!r}: {error.str()}, expected a topic it may use")
        if not said:
            said = True
            reason = connection.last_error or error.str()
            _log.info("%s: waiting up to %g s for topic %s (%s)", where, timeout, topic, reason)
        if left <= 0:
            reason = connection.last_error or error.str()
            raise KafkaUnreachable(f"{where}: no answer within {timeout:g} s ({reason})")
        stop.wait(_REST_SECONDS)
    return 0


def raise_if_hopeless(connection: Connection, *, authentication: bool = True) -> None:
    """Raise what librdkafka said that no waiting changes.

    Args:
        connection: where it said so.
        authentication: count refused credentials. At the start those are a mistake; later on, while
            they are being changed, the client tries again.

    Raises:
        KafkaRefused: see above.
    """
    if connection.fatal is not None:
        raise connection.fatal
    if authentication and connection.authentication is not None:
        raise connection.authentication


class KafkaClient:
    """Hands records to a confluent-kafka producer and passes its delivery reports on."""

    def __init__(
        self,
        producer: Producer,
        connection: Connection,
        topic: str,
        *,
        on_delivered: Callable[[], None],
        on_refused: Callable[[str], None],
    ) -> None:
        self._producer = producer
        self._connection = connection
        self._topic = topic
        self._on_delivered = on_delivered
        self._on_refused = on_refused

    def take(self, record: Record) -> bool:
        """Hand `record` over; False when librdkafka's queue is full, or the topic is gone for now."""
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
                self._connection.last_error = error.str()
                return False
            self._on_refused(error.str())  # as if librdkafka had taken it and the broker refused it
        return True

    def poll(self, seconds: float) -> None:
        """Serve delivery reports, waiting up to `seconds` for the first."""
        self._producer.poll(seconds)

    def _report(self, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self._on_delivered()
        else:
            self._on_refused(error.str())

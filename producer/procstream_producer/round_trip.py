"""Records to a topic and back: whether Kafka can be written and read. `helm test` runs it."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, TopicPartition
from procstream_common.errors import Server, UnavailableError
from procstream_common.kafka import KafkaCluster

_POLL_SECONDS = 0.5


def round_trip(
    cluster: KafkaCluster,
    topic: str,
    count: int,
    timeout: float,
    *,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Send `count` records to a topic and read these records back, both within `timeout` seconds.

    Raises:
        UnavailableError: not all were acknowledged, or not all were read, in that time.
        RefusedError: Kafka does not accept the client.
        NotFoundError: there is no such topic.
    """
    places = _send(cluster, topic, count, timeout)
    missing = _read(cluster, places, timeout, now)
    if missing:
        read = count - len(missing)
        raise UnavailableError(
            Server.KAFKA, f"{topic}: sent {count} records and read {read} of them within {timeout:g} s"
        )


def _send(cluster: KafkaCluster, topic: str, count: int, timeout: float) -> dict[bytes, TopicPartition]:
    """The place of each record, by its value."""
    places: dict[bytes, TopicPartition] = {}
    errors: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Any) -> None:
        if error is None:
            places[message.value()] = TopicPartition(topic, message.partition(), message.offset())
        else:
            errors.append(error)

    run = uuid.uuid4().hex
    producer = cluster.producer({"enable.idempotence": True, "delivery.timeout.ms": int(timeout * 1000)})
    for number in range(count):
        producer.produce(topic, key=str(number), value=f"{run}-{number}", on_delivery=delivered)
    producer.flush(timeout)
    if errors:
        raise cluster.error(errors[0], f"{topic}: sending {count} records")
    if len(places) < count:
        raise UnavailableError(
            Server.KAFKA, f"{topic}: {len(places)} of {count} records were acknowledged within {timeout:g} s"
        )
    return places


def _read(
    cluster: KafkaCluster, places: dict[bytes, TopicPartition], timeout: float, now: Callable[[], float]
) -> set[bytes]:
    """The records that were not read."""
    first: dict[int, TopicPartition] = {}
    for place in places.values():
        if place.partition not in first or place.offset < first[place.partition].offset:
            first[place.partition] = place
    consumer = cluster.consumer()
    missing, deadline = set(places), now() + timeout
    try:
        consumer.assign(list(first.values()))
        while missing and now() < deadline:
            message = consumer.poll(_POLL_SECONDS)
            if message is not None and message.error() is None:
                missing.discard(message.value())
    finally:
        consumer.close()
    return missing

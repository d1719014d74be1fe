"""The edge to Kafka for a look into a topic: some of its newest records, without a consumer group."""

import time
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings

from procstream_job.mistakes import did_you_mean
from procstream_job.preflight import KafkaUnavailable, topic_names

_ANSWER_SECONDS = 10.0
_READ_SECONDS = 30.0
_POLL_SECONDS = 0.5
_PROPERTIES: dict[str, Any] = {
    "group.id": "procstream-pipeline-init",  # librdkafka wants one; no group is joined
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
    "auto.offset.reset": "earliest",  # when retention removes what it was about to read
    "log_level": 0,
}


class NothingToReadError(ProcstreamError):
    """A topic is absent, closed to us or empty."""


def sample_records(kafka: KafkaSettings, topic: str, count: int) -> list[bytes]:
    """Values of up to `count` committed records of a topic, the newest of each partition, without tombstones.

    The topic is there: see `check_topic`.

    Raises:
        NothingToReadError: we may not read it, or it has no record with a value.
        KafkaUnavailable: no broker answers.
    """
    consumer = Consumer({**kafka.librdkafka(), **_PROPERTIES})
    try:
        consumer.poll(0)  # asks for a token, where the broker wants one
        bounds = _bounds(consumer, topic)
        each = -(-count // max(len(bounds), 1))
        newest = {partition: max(low, high - each) for partition, (low, high) in bounds.items()}
        # The newest offsets may be markers of transactions and tombstones alone: then from the beginning.
        found = _read(consumer, topic, newest, count) or _read(
            consumer, topic, {partition: low for partition, (low, _) in bounds.items()}, count
        )
    except KafkaException as error:
        raise KafkaUnavailable(f"topic {topic}: reading it: {error.args[0].str()}") from None
    finally:
        consumer.close()
    if not found:
        raise NothingToReadError(
            f"topic {topic}: found no record to tell its columns from; expected JSON records, or a schema"
            f" registered as {topic}-value"
        )
    return found


def check_topic(kafka: KafkaSettings, topic: str) -> None:
    """Look for a topic.

    Raises:
        NothingToReadError: it does not exist; the message names one that is spelled alike.
        KafkaUnavailable: no broker answers.
        KafkaRefused: one answers and does not let us in.
    """
    existing = topic_names(kafka)
    if topic not in existing:
        hint = did_you_mean(topic, existing).removesuffix(";")
        raise NothingToReadError(f"--topic: topic {topic!r} does not exist{hint}")


def _bounds(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    """First and next offset of each partition that has had a record which may still be there."""
    partitions = consumer.list_topics(topic, _ANSWER_SECONDS).topics[topic].partitions
    bounds = {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), _ANSWER_SECONDS)
        for number in partitions
    }
    return {number: (low, high) for number, (low, high) in bounds.items() if low < high}


def _read(consumer: Consumer, topic: str, starts: dict[int, int], count: int) -> list[bytes]:
    consumer.assign([TopicPartition(topic, partition, start) for partition, start in starts.items()])
    unread = set(starts)
    found: list[bytes] = []
    deadline = time.monotonic() + _READ_SECONDS
    while unread and len(found) < count and time.monotonic() < deadline:
        message = consumer.poll(_POLL_SECONDS)
        if message is None:
            continue
        error = message.error()
        if error is None:
            if (value := message.value()) is not None:
                found.append(value)
        elif error.code() == KafkaError._PARTITION_EOF:
            unread.discard(message.partition())
        elif error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
            raise NothingToReadError(f"topic {topic}: {error.str()}; expected one that we may read")
    return found

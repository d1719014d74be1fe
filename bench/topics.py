"""Topics of a benchmark: made, counted, watched."""

from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from procstream_common.errors import ProcstreamError
from procstream_common.kafka import KafkaCluster
from procstream_common.provisioning import TopicSpec, ensure_topics
from procstream_common.settings import KafkaSettings
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

_ANSWER_SECONDS = 10
_READ_SECONDS = 30
_READ_AT_ONCE = 10_000


def make(
    kafka: KafkaSettings, names: Iterable[str], partitions: int, config: Mapping[str, str] | None = None
) -> None:
    """Make the topics, all alike; `config` has topic settings such as `retention.ms`."""
    specs = [TopicSpec(topic_name=name, partitions=partitions, config=dict(config or {})) for name in names]
    ensure_topics(KafkaCluster(kafka), specs)


def count(kafka: KafkaSettings, topic: str, partitions: int) -> int:
    """Offsets that are in the topic now; those of transactions' markers count too."""
    consumer = Consumer({**kafka.librdkafka(), "group.id": f"{topic}-count"})
    try:
        return sum(high - low for low, high in _bounds(consumer, topic, partitions).values())
    finally:
        consumer.close()


def read(kafka: KafkaSettings, topic: str, partitions: int) -> Iterator[Message]:
    """The records that are in a topic now, if none was written in a transaction.

    Raises `ProcstreamError` when they do not come.
    """
    consumer = Consumer({**kafka.librdkafka(), "group.id": f"{topic}-read", "enable.auto.commit": False})
    try:
        bounds = _bounds(consumer, topic, partitions)
        left = sum(high - low for low, high in bounds.values())
        consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in bounds.items()])
        while left > 0:
            messages = consumer.consume(min(left, _READ_AT_ONCE), _READ_SECONDS)
            if not messages:
                raise ProcstreamError(f"topic {topic}: {left} records did not come in {_READ_SECONDS} s")
            for message in messages:
                raise_if_error(topic, message.error())
                yield message
            left -= len(messages)
    finally:
        consumer.close()


def raise_if_error(topic: str, error: KafkaError | None) -> None:
    """Raise what a client was told instead of a record."""
    if error is not None:
        raise ProcstreamError(f"topic {topic}: {error.str()}")


def _bounds(consumer: Consumer, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
    # A topic made a moment ago is in the metadata before its partitions answer.
    retrying = Retrying(
        retry=retry_if_exception_type(KafkaException),
        stop=stop_after_delay(_ANSWER_SECONDS),
        wait=wait_fixed(0.1),
        reraise=True,
    )
    return {
        number: retrying(
            consumer.get_watermark_offsets, TopicPartition(topic, number), timeout=_ANSWER_SECONDS
        )
        for number in range(partitions)
    }

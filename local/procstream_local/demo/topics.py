"""What a topic gets while somebody looks: only what is committed, each record once."""

from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_producer.tail.decoding import Decoder
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

_ANSWER_SECONDS = 10.0
_COORDINATOR_SECONDS = 30.0
_POLL_SECONDS = 0.2
_BATCH = 1000


@dataclass(frozen=True)
class Record:
    """A record of a topic."""

    partition: int
    offset: int
    value: Any
    """JSON of what was decoded: an object, or for a record that is none a text."""


class Follower:
    """Collects the records of a topic from some offsets on, with every `poll` more of them."""

    def __init__(self, topic: str, start: dict[int, int]) -> None:
        self.topic = topic
        self.records: list[Record] = []
        self._consumer = _consumer()
        self._decoder = Decoder(_schema_text())
        self._consumer.assign([TopicPartition(topic, number, offset) for number, offset in start.items()])

    def poll(self) -> None:
        """Take what came since the last call."""
        while True:
            messages = self._consumer.consume(_BATCH, _POLL_SECONDS)
            self.records += [self._record(message) for message in messages if message.error() is None]
            if len(messages) < _BATCH:  # the end, also while more are coming all the time
                return

    def _record(self, message: Message) -> Record:
        value = self._decoder.decode(message.value())
        return Record(int(message.partition() or 0), int(message.offset() or 0), value)

    def close(self) -> None:
        """End the connection."""
        self._consumer.close()


def ends(topic: str) -> dict[int, int]:
    """The offset after the last record of each partition."""
    consumer = _consumer()
    try:
        partitions = consumer.list_topics(topic, _ANSWER_SECONDS).topics[topic].partitions
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), _ANSWER_SECONDS)[1]
            for number in partitions
        }
    finally:
        consumer.close()


# A broker that has just started does not coordinate groups yet.
@retry(
    retry=retry_if_exception_type(KafkaException),
    stop=stop_after_delay(_COORDINATOR_SECONDS),
    wait=wait_fixed(0.2),
    reraise=True,
)
def committed(group: str, topic: str) -> dict[int, int]:
    """Where a consumer group goes on in each partition of a topic: at 0, if it was never there."""
    partitions = [TopicPartition(topic, number) for number in ends(topic)]
    consumer = _consumer(group)
    try:
        found = consumer.committed(partitions, _ANSWER_SECONDS)
    finally:
        consumer.close()
    return {partition.partition: max(partition.offset, 0) for partition in found}


def _consumer(group: str = "procstream-demo") -> Consumer:
    return Consumer(
        {
            **load(KafkaSettings).librdkafka(),
            "group.id": group,  # librdkafka wants one; no group is joined
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 100,
        }
    )


def _schema_text() -> Any:
    registry = SchemaRegistry(load(RegistrySettings))
    return registry.by_id

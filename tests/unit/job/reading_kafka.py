"""A cluster in memory whose records can be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.unit.kafka_cluster import FakeKafka, Topic


@dataclass
class Message:
    """What a consumer returns: a record, a marker that has no value, or an error."""

    of_topic: str
    at_partition: int
    at_offset: int | None = None
    content: bytes | None = None
    failure: KafkaError | None = None

    def topic(self) -> str:
        return self.of_topic

    def partition(self) -> int:
        return self.at_partition

    def offset(self) -> int | None:
        return self.at_offset

    def value(self) -> bytes | None:
        return self.content

    def error(self) -> KafkaError | None:
        return self.failure


@dataclass
class ReadingConsumer:
    """Stands for a `Consumer` that is assigned partitions."""

    kafka: "ReadingKafka"
    positions: dict[tuple[str, int], int] = field(default_factory=dict)
    closed: bool = False

    def poll(self, _seconds: float) -> None:
        return None

    def assign(self, places: list[TopicPartition]) -> None:
        self.positions = {(place.topic, place.partition): place.offset for place in places}
        self.kafka.assigned.append(dict(self.positions))

    def consume(self, count: int, timeout: float) -> list[Message]:
        assert timeout > 0
        self.kafka.time += 1.0
        found: list[Message] = []
        for place in list(self.positions):
            found += self._of(place)
        return found[:count]

    def _of(self, place: tuple[str, int]) -> list[Message]:
        if place[0] in self.kafka.unreadable:
            return [Message(*place, failure=KafkaError(self.kafka.unreadable[place[0]]))]
        start = self.positions.pop(place)
        records = self.kafka.records[place]
        found = [Message(*place, offset, records[offset]) for offset in sorted(records) if offset >= start]
        return [*found, Message(*place, failure=KafkaError(KafkaError._PARTITION_EOF))]

    def close(self) -> None:
        self.closed = True


class ReadingKafka(FakeKafka):
    """`records` by topic and partition: values by offset; None is a tombstone, markers have no entry."""

    def __init__(self, records: Mapping[tuple[str, int], Mapping[int, bytes | None]]) -> None:
        super().__init__()
        self.records = records
        self.unreadable: dict[str, int] = {}
        """Error codes of topics that a consumer cannot read."""
        self.assigned: list[dict[tuple[str, int], int]] = []
        self.time = 0.0
        """Seconds, one more for each look."""
        for topic, partition in records:
            known = self.topics.setdefault(topic, Topic(partitions=0))
            known.partitions = max(known.partitions, partition + 1)

    def ends(self, **offsets: tuple[int, int]) -> "ReadingKafka":
        """First offset, and one more than the last, of all partitions of a topic."""
        for topic, (first, end) in offsets.items():
            self.topics[topic].first = first
            self.topics[topic].last_stable = self.topics[topic].high_watermark = end
        return self

    def create(self, kind: type[Any], properties: dict[str, Any]) -> Any:
        if kind is not Consumer:
            return super().create(kind, properties)
        self.properties.append(properties)
        self.consumers.append(ReadingConsumer(self))  # type: ignore[arg-type]
        return self.consumers[-1]

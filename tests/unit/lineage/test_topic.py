"""Reading gaps in a topic, against a log that is given; and what is said when there is no broker."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import confluent_kafka as kafka
import pytest
from procstream_common.settings import KafkaSettings
from procstream_lineage import topic as topic_module
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.progress import SILENT
from procstream_lineage.topic import Cluster, GapReading, TopicError, _GapReader

ORDERS_0 = TopicPartition("orders", 0)
ORDERS_1 = TopicPartition("orders", 1)


class Error:
    """Stands for a KafkaError."""

    def __init__(self, code: int) -> None:
        self._code = code

    def code(self) -> int:
        return self._code

    def retriable(self) -> bool:
        return False

    def str(self) -> str:
        return "not authorized"


class Message:
    """Stands for a confluent_kafka.Message."""

    def __init__(self, partition: TopicPartition, offset: int, error: Error | None = None) -> None:
        self._partition, self._offset, self._error = partition, offset, error

    def topic(self) -> str:
        return self._partition.topic

    def partition(self) -> int:
        return self._partition.partition

    def offset(self) -> int:
        return self._offset

    def error(self) -> Error | None:
        return self._error


class LogConsumer:
    """Serves the records of a log from low to high, a few at a time, and the end of each partition."""

    def __init__(self, records: Mapping[TopicPartition, Sequence[int]], end: int, batch: int = 7) -> None:
        self.served = 0
        self._records, self._end, self._batch = records, end, batch
        self._position: dict[TopicPartition, int] = {}

    def assign(self, places: list[kafka.TopicPartition]) -> None:
        self._position = {TopicPartition(place.topic, place.partition): place.offset for place in places}

    def seek(self, place: kafka.TopicPartition) -> None:
        self._position[TopicPartition(place.topic, place.partition)] = place.offset

    def incremental_unassign(self, places: list[kafka.TopicPartition]) -> None:
        for place in places:
            del self._position[TopicPartition(place.topic, place.partition)]

    def consume(self, _: int, timeout: float) -> list[Message]:
        messages = []
        for partition, position in self._position.items():
            following = [offset for offset in self._records[partition] if offset >= position][: self._batch]
            messages += [Message(partition, offset) for offset in following]
            self._position[partition] = following[-1] + 1 if following else self._end
            if len(following) < self._batch:
                messages.append(Message(partition, self._end, Error(kafka.KafkaError._PARTITION_EOF)))
        self.served += len(messages)
        return messages


def read(consumer: Any, gaps: Mapping[TopicPartition, Runs], limit_s: float = 5.0) -> GapReading:
    return _GapReader(consumer, gaps, SILENT).read(limit_s, silence_s=0.5)


def test_offsets_that_are_passed_without_a_record_are_empty() -> None:
    consumer = LogConsumer({ORDERS_0: [*range(10), *range(12, 20)]}, end=21)
    found = read(consumer, {ORDERS_0: Runs.of([(8, 14), (20, 21)])})
    assert found == GapReading(empty={ORDERS_0: Runs.of([(10, 12), (20, 21)])})


def test_partitions_are_read_side_by_side() -> None:
    consumer = LogConsumer({ORDERS_0: range(1, 50, 2), ORDERS_1: range(40)}, end=50)
    found = read(consumer, {ORDERS_0: Runs.between(0, 9), ORDERS_1: Runs.between(30, 50)})
    assert {at: list(runs) for at, runs in found.empty.items()} == {
        ORDERS_0: [(0, 0), (2, 2), (4, 4), (6, 6), (8, 8)],
        ORDERS_1: [(40, 49)],
    }


def test_what_lies_between_distant_gaps_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_module, "READ_THROUGH", 10)
    log = [offset for offset in range(5000) if offset not in (3, 4000)]
    consumer = LogConsumer({ORDERS_0: log}, end=5000)
    found = read(consumer, {ORDERS_0: Runs.of([(3, 4), (4000, 4001), (4999, 5000)])})
    assert found == GapReading(empty={ORDERS_0: Runs.of([(3, 4), (4000, 4001)])})
    assert consumer.served < 50


def test_what_is_not_reached_in_time_is_unread() -> None:
    class Silent(LogConsumer):
        def consume(self, count: int, timeout: float) -> list[Message]:
            if self.served:
                time.sleep(timeout)
                return []
            return super().consume(count, timeout)

    found = read(
        Silent({ORDERS_0: [0, 1, 3, 4, 5, 6, 7]}, end=20), {ORDERS_0: Runs.between(0, 20)}, limit_s=0.3
    )
    assert found.empty == {ORDERS_0: Runs.between(2, 3)}
    assert found.unread == {ORDERS_0: Runs.between(8, 20)}


def test_what_retention_deleted_meanwhile_is_unread() -> None:
    class Deleted(LogConsumer):
        def consume(self, count: int, timeout: float) -> list[Message]:
            return [Message(ORDERS_0, 0, Error(kafka.KafkaError._AUTO_OFFSET_RESET))]

    found = read(Deleted({}, end=9), {ORDERS_0: Runs.between(0, 9)})
    assert found == GapReading(unread={ORDERS_0: Runs.between(0, 9)})


def test_a_topic_that_may_not_be_read_is_named() -> None:
    class Forbidden(LogConsumer):
        def consume(self, count: int, timeout: float) -> list[Message]:
            return [Message(ORDERS_0, 0, Error(kafka.KafkaError.TOPIC_AUTHORIZATION_FAILED))]

    with pytest.raises(TopicError, match="topic 'orders' cannot be read: not authorized"):
        read(Forbidden({}, end=9), {ORDERS_0: Runs.between(0, 9)})


def test_a_broker_that_is_away_is_named_in_bounded_time() -> None:
    settings = KafkaSettings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    began = time.monotonic()
    with pytest.raises(TopicError, match=r"127\.0\.0\.1:1: no broker answered within 1 s .*refused"):
        Cluster(settings, answer_within_s=1.0).bounds(["orders"])
    assert time.monotonic() - began < 5

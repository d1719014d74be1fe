"""Offsets of topics on a cluster in memory, and gaps in a topic, against a log that is given."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import confluent_kafka as kafka_client
import pytest
from procstream_common.errors import NotFoundError, RefusedError, UnavailableError
from procstream_lineage import topic as topic_module
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.progress import SILENT
from procstream_lineage.topic import Bounds, GapReading, TopicReader, _GapReader

from tests.unit.kafka_cluster import FakeKafka, Topic, failure

ORDERS_0 = TopicPartition("orders", 0)
ORDERS_1 = TopicPartition("orders", 1)


class Error:
    """Stands for a KafkaError."""

    def __init__(self, code: int) -> None:
        self._code = code

    def code(self) -> int:
        return self._code

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
        self.closed = False
        self._records, self._end, self._batch = records, end, batch
        self._position: dict[TopicPartition, int] = {}

    def assign(self, places: list[kafka_client.TopicPartition]) -> None:
        self._position = {TopicPartition(place.topic, place.partition): place.offset for place in places}

    def seek(self, place: kafka_client.TopicPartition) -> None:
        self._position[TopicPartition(place.topic, place.partition)] = place.offset

    def incremental_unassign(self, places: list[kafka_client.TopicPartition]) -> None:
        for place in places:
            del self._position[TopicPartition(place.topic, place.partition)]

    def close(self) -> None:
        self.closed = True

    def consume(self, _: int, timeout: float) -> list[Message]:
        messages = []
        for partition, position in self._position.items():
            following = [offset for offset in self._records[partition] if offset >= position][: self._batch]
            messages += [Message(partition, offset) for offset in following]
            self._position[partition] = following[-1] + 1 if following else self._end
            if len(following) < self._batch:
                messages.append(Message(partition, self._end, Error(kafka_client.KafkaError._PARTITION_EOF)))
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
            return [Message(ORDERS_0, 0, Error(kafka_client.KafkaError._AUTO_OFFSET_RESET))]

    found = read(Deleted({}, end=9), {ORDERS_0: Runs.between(0, 9)})
    assert found == GapReading(unread={ORDERS_0: Runs.between(0, 9)})


def test_a_topic_that_may_not_be_read_is_named() -> None:
    class Forbidden(LogConsumer):
        def consume(self, count: int, timeout: float) -> list[Message]:
            return [Message(ORDERS_0, 0, Error(kafka_client.KafkaError.TOPIC_AUTHORIZATION_FAILED))]

    with pytest.raises(RefusedError, match="topic 'orders' cannot be read: not authorized"):
        read(Forbidden({}, end=9), {ORDERS_0: Runs.between(0, 9)})


def test_a_leader_that_moves_does_not_end_the_reading() -> None:
    class Moving(LogConsumer):
        moved = False

        def consume(self, count: int, timeout: float) -> list[Message]:
            if self.moved:
                return super().consume(count, timeout)
            self.moved = True
            return [Message(ORDERS_0, 0, Error(kafka_client.KafkaError.NOT_LEADER_FOR_PARTITION))]

    found = read(Moving({ORDERS_0: [0, 2]}, end=3), {ORDERS_0: Runs.between(0, 3)})
    assert found == GapReading(empty={ORDERS_0: Runs.between(1, 2)})


class TestTopicReader:
    def reader(self, kafka: FakeKafka) -> TopicReader:
        return TopicReader(kafka.cluster())

    def test_bounds_end_below_the_records_of_open_transactions(self) -> None:
        kafka = FakeKafka({"orders": Topic(2, first=3, last_stable=8, high_watermark=11), "other": Topic()})
        assert self.reader(kafka).bounds(["orders"]) == {ORDERS_0: Bounds(3, 8), ORDERS_1: Bounds(3, 8)}

    def test_high_watermarks_count_open_transactions(self) -> None:
        kafka = FakeKafka({"orders": Topic(2, first=3, last_stable=8, high_watermark=11)})
        assert self.reader(kafka).high_watermarks([ORDERS_1]) == {ORDERS_1: 11}
        assert self.reader(kafka).high_watermarks([]) == {}

    def test_gaps_are_read_as_a_reader_of_committed_records_that_commits_nothing(self) -> None:
        kafka = FakeKafka({"orders": Topic()})
        kafka.logs = LogConsumer({ORDERS_0: [0, 1, 3]}, end=5)
        found = self.reader(kafka).read_gaps({ORDERS_0: Runs.between(1, 5), ORDERS_1: Runs.between(0, 0)})
        assert found == GapReading(empty={ORDERS_0: Runs.of([(2, 3), (4, 5)])})
        properties = kafka.properties[-1]
        assert properties["isolation.level"] == "read_committed"
        assert properties["enable.auto.commit"] is False
        assert properties["auto.offset.reset"] == "error"
        assert properties["enable.partition.eof"] is True
        assert kafka.logs.closed

    def test_without_gaps_nothing_is_read(self) -> None:
        kafka = FakeKafka({"orders": Topic()})
        assert self.reader(kafka).read_gaps({ORDERS_0: Runs.between(4, 4)}) == GapReading()
        assert not kafka.properties

    def test_an_absent_topic_is_named_with_those_that_exist(self) -> None:
        kafka = FakeKafka({"orders": Topic(), "__consumer_offsets": Topic(), "payments": Topic()})
        with pytest.raises(
            NotFoundError, match=r"topic 'order': not found at broker:9092, .* orders, payments$"
        ):
            self.reader(kafka).bounds(["order"])

    def test_offsets_that_may_not_be_seen_are_an_error(self) -> None:
        kafka = FakeKafka({"orders": Topic()})
        kafka.refusals["offsets", "orders"] = kafka_client.KafkaError.TOPIC_AUTHORIZATION_FAILED
        with pytest.raises(RefusedError, match="offsets of topic orders, partition 0"):
            self.reader(kafka).bounds(["orders"])

    def test_a_broker_that_does_not_answer_is_named(self) -> None:
        kafka = FakeKafka()

        def listing() -> None:
            raise failure(kafka_client.KafkaError._TRANSPORT, "Connection refused")

        kafka.listing = listing
        with pytest.raises(UnavailableError, match=r"broker:9092.*Connection refused"):
            TopicReader(kafka.cluster(timeout=0.05)).bounds(["orders"])

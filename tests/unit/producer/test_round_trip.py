"""Records to a topic and back, against a log in memory."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from procstream_common.errors import RefusedError, UnavailableError
from procstream_common.kafka import KafkaCluster
from procstream_common.settings import KafkaSettings
from procstream_producer.round_trip import round_trip


@dataclass(frozen=True)
class Message:
    text: bytes
    number: int
    at: int

    def value(self) -> bytes:
        return self.text

    def partition(self) -> int:
        return self.number

    def offset(self) -> int:
        return self.at

    def error(self) -> None:
        return None


@dataclass
class Broker:
    """A topic of two partitions, which has records of others; and how it fails."""

    refuse: KafkaError | None = None
    silent: bool = False
    lose: int = 0
    log: dict[int, list[bytes]] = field(default_factory=lambda: {0: [b"old"] * 3, 1: [b"old"]})
    properties: dict[type[Any], dict[str, Any]] = field(default_factory=dict)

    def create(self, kind: type[Any], properties: dict[str, Any]) -> Any:
        self.properties[kind] = properties
        return FakeProducer(self) if kind is Producer else FakeConsumer(self)

    def append(self, partition: int, value: bytes) -> int:
        self.log[partition].append(value)
        return len(self.log[partition]) - 1


class FakeProducer:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.sent: list[tuple[bytes, Any]] = []

    def produce(self, _: str, *, key: str, value: str, on_delivery: Any) -> None:
        self.sent.append((value.encode(), on_delivery))

    def flush(self, _: float) -> None:
        if self.broker.silent:
            return
        for number, (value, report) in enumerate(self.sent):
            if self.broker.refuse:
                report(self.broker.refuse, None)
            else:
                partition = number % 2
                report(None, Message(value, partition, self.broker.append(partition, value)))


class FakeConsumer:
    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.left: list[Message] = []
        self.closed = False

    def assign(self, places: list[TopicPartition]) -> None:
        self.left = [
            Message(value, place.partition, offset)
            for place in places
            for offset, value in enumerate(self.broker.log[place.partition])
            if offset >= place.offset
        ][self.broker.lose :]
        assert [one for one in self.left if one.value() == b"old"] == []

    def poll(self, _: float) -> Message | None:
        return self.left.pop(0) if self.left else None

    def close(self) -> None:
        self.closed = True


def run(broker: Broker, count: int = 10) -> None:
    settings = KafkaSettings(bootstrap_servers="kafka:9092")
    seconds = iter(range(1000))
    cluster = KafkaCluster(settings, create=broker.create)
    round_trip(cluster, "orders", count, 30.0, now=lambda: float(next(seconds)))


def test_records_that_were_sent_are_read() -> None:
    broker = Broker()
    run(broker)
    assert sum(value != b"old" for values in broker.log.values() for value in values) == 10
    assert broker.properties[Producer]["enable.idempotence"] is True
    assert broker.properties[Consumer]["enable.auto.commit"] is False


def test_a_record_that_is_lost_is_an_error() -> None:
    with pytest.raises(UnavailableError, match="orders: sent 10 records and read 9 of them within 30 s"):
        run(Broker(lose=1))


def test_what_kafka_refuses_is_an_error() -> None:
    with pytest.raises(RefusedError, match="orders: sending 10 records"):
        run(Broker(refuse=KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)))


def test_silence_is_an_error() -> None:
    with pytest.raises(UnavailableError, match="orders: 0 of 10 records were acknowledged within 30 s"):
        run(Broker(silent=True))

"""What librdkafka says, and what becomes of it."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from procstream_producer.delivery import kafka
from procstream_producer.delivery.buffer import Record

RECORD = Record(b"n1", b"value", 1)


class FakeProducer:
    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self.on_delivery: Any = None

    def produce(self, topic: str, value: bytes, key: bytes, timestamp: int, on_delivery: Any) -> None:
        if self._failure is not None:
            raise self._failure
        self.on_delivery = on_delivery


class Client:
    """A KafkaClient over a fake producer, and what it reported."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.reports: list[str] = []
        self.producer = FakeProducer(failure)
        self.connection = kafka.Connection("broker:9092")
        self.client = kafka.KafkaClient(
            self.producer,  # type: ignore[arg-type]
            self.connection,
            "t",
            on_delivered=lambda: self.reports.append("delivered"),
            on_refused=self.reports.append,
        )


def test_each_record_is_reported() -> None:
    it = Client()
    assert it.client.take(RECORD)
    it.producer.on_delivery(None, None)
    it.producer.on_delivery(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not yours"), None)
    assert it.reports == ["delivered", "not yours"]


@pytest.mark.parametrize(
    "failure",
    [BufferError(), KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC, "Unknown topic"))],
    ids=["queue full", "topic gone"],
)
def test_what_librdkafka_cannot_take_now_is_kept(failure: Exception) -> None:
    it = Client(failure)
    assert not it.client.take(RECORD)
    assert it.reports == []


def test_what_librdkafka_will_never_take_is_refused_and_does_not_block_the_others() -> None:
    it = Client(KafkaException(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE, "too large")))
    assert it.client.take(RECORD)
    assert it.reports == ["too large"]


def test_the_reason_of_an_outage_is_not_hidden_by_what_follows_from_it() -> None:
    connection = kafka.Connection("broker:9092")
    connection.on_error(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    connection.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
    assert connection.last_error == "Connection refused"
    kafka.raise_if_hopeless(connection)


def test_a_port_that_closes_every_connection_raises_the_question_of_the_protocol() -> None:
    connection = kafka.Connection("broker:9092")
    connection.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "0/2 brokers are down"))
    assert "KAFKA_SECURITY_PROTOCOL" in connection.last_error


def test_refused_credentials_end_a_start_but_not_a_sampler_that_runs() -> None:
    connection = kafka.Connection("broker:9092")
    connection.on_error(KafkaError(KafkaError._AUTHENTICATION, "Invalid username or password"))
    kafka.raise_if_hopeless(connection, authentication=False)
    with pytest.raises(kafka.KafkaRefused, match=r"broker:9092: Invalid username or password, expected cred"):
        kafka.raise_if_hopeless(connection)


def test_a_setting_that_librdkafka_does_not_accept_is_one_line() -> None:
    connection = kafka.Connection("broker:9092")
    with pytest.raises(kafka.KafkaRefused, match=r"Kafka client: .*ssl\.ca\.location"):
        kafka.create(Producer, {"security.protocol": "SSL", "ssl.ca.location": "/nowhere.pem"}, connection)


def test_the_producers_settings_are_accepted_and_a_record_never_expires() -> None:
    connection = kafka.Connection("127.0.0.1:9")
    properties = {**kafka.PRODUCER_PROPERTIES, "bootstrap.servers": connection.servers}
    assert kafka.create(Producer, properties, connection) is not None
    assert properties["message.timeout.ms"] == 0

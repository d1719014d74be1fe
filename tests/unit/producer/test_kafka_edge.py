"""What librdkafka says, and what becomes of it."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from procstream_common.errors import NotFoundError, RefusedError, UnavailableError
from procstream_common.kafka import ClientErrors, client
from procstream_producer.delivery import kafka
from procstream_producer.delivery.buffer import Record
from procstream_producer.generators.run import GENERATOR_PROPERTIES

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
        self.errors = ClientErrors("broker:9092")
        self.client = kafka.KafkaClient(
            self.producer,  # type: ignore[arg-type]
            self.errors,
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


def test_a_setting_that_librdkafka_does_not_accept_is_one_line() -> None:
    errors = ClientErrors("broker:9092")
    with pytest.raises(RefusedError, match=r"Kafka client: .*ssl\.ca\.location"):
        client(Producer, {"security.protocol": "SSL", "ssl.ca.location": "/nowhere.pem"}, errors)


def test_the_producers_settings_are_accepted_and_a_record_never_expires() -> None:
    errors = ClientErrors("127.0.0.1:9")
    properties = {**kafka.PRODUCER_PROPERTIES, "bootstrap.servers": "127.0.0.1:9"}
    assert client(Producer, properties, errors) is not None
    assert properties["message.timeout.ms"] == 0


def test_no_record_is_lost_or_doubled_by_the_producers_settings() -> None:
    assert kafka.PRODUCER_PROPERTIES["enable.idempotence"] is True
    assert kafka.PRODUCER_PROPERTIES["acks"] == "all"
    assert kafka.PRODUCER_PROPERTIES["message.timeout.ms"] == 0
    assert kafka.PRODUCER_PROPERTIES["allow.auto.create.topics"] is False
    assert GENERATOR_PROPERTIES.items() >= kafka.PRODUCER_PROPERTIES.items()


class MetadataClient:
    """A client whose metadata requests are answered in turn; the last answer stays."""

    def __init__(self, *answers: KafkaError | int) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    def list_topics(self, topic: str, timeout: float) -> Any:
        assert timeout > 0
        self.asked.append(topic)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, int):
            return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions=[0] * answer)})
        if answer.code() < -1:  # librdkafka's own errors, without an answer of a broker
            raise KafkaException(answer)
        return SimpleNamespace(topics={topic: SimpleNamespace(error=answer, partitions=[])})

    def poll(self, _seconds: float) -> None:
        pass


class NoStop:
    """A stop that never comes, and no pause."""

    def wait(self, _seconds: float) -> bool:
        return False


def wait_for(client: MetadataClient, errors: ClientErrors | None = None, timeout: float = 5.0) -> int:
    errors = errors or ClientErrors("broker:9092")
    return kafka.partitions_of(client, "t", errors, timeout=timeout, stop=NoStop())  # type: ignore[arg-type]


def test_the_start_waits_for_the_broker_and_the_topics_leaders() -> None:
    unreachable = KafkaError(KafkaError._TRANSPORT, "Connection refused")
    electing = KafkaError(KafkaError.LEADER_NOT_AVAILABLE)
    assert wait_for(MetadataClient(unreachable, electing, 3)) == 3


def test_a_topic_that_was_just_created_is_waited_for_but_not_one_that_does_not_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    absent = KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)
    assert wait_for(MetadataClient(absent, absent, 2)) == 2
    monkeypatch.setattr(kafka, "TOPIC_GRACE_SECONDS", 0.05)
    with pytest.raises(NotFoundError, match="found no topic 't', expected it to exist"):
        wait_for(MetadataClient(absent))


@pytest.mark.parametrize("code", [KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.TOPIC_EXCEPTION])
def test_a_topic_that_may_not_be_used_ends_the_start(code: int) -> None:
    client = MetadataClient(KafkaError(code, "not yours"))
    with pytest.raises(RefusedError, match="topic 't': not yours, expected a topic that may be used"):
        wait_for(client)
    assert len(client.asked) == 1


def test_refused_credentials_end_the_start_at_once() -> None:
    errors = ClientErrors("broker:9092")
    errors.on_error(KafkaError(KafkaError._AUTHENTICATION, "Invalid username or password"))
    client = MetadataClient(KafkaError(KafkaError._TIMED_OUT))
    with pytest.raises(RefusedError, match=r"broker:9092: .*Invalid username or password, expected cred"):
        wait_for(client, errors)
    assert len(client.asked) == 1


def test_a_broker_that_never_answers_ends_the_start_in_time() -> None:
    errors = ClientErrors("broker:9092")
    errors.on_error(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
    with pytest.raises(UnavailableError, match=r"no answer within 0\.1 s \(Connection refused\)"):
        wait_for(MetadataClient(KafkaError(KafkaError._TIMED_OUT)), errors, timeout=0.1)

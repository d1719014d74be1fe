"""Clients of Kafka: their settings, their errors, and what a cluster is asked."""

import pickle
import time
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from procstream_common.errors import (
    NotFoundError,
    ProcstreamError,
    RefusedError,
    Server,
    UnavailableError,
)
from procstream_common.kafka import ClientErrors, KafkaCluster
from procstream_common.settings import KafkaSettings, load

from tests.unit.kafka_cluster import SETTINGS, FakeKafka, Topic, failure

ORDERS = {"orders": Topic(partitions=2, first=3, last_stable=8, high_watermark=11)}
HERE = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


def test_errors_of_servers_cross_processes() -> None:
    error = pickle.loads(pickle.dumps(UnavailableError(Server.KAFKA, "no broker")))
    assert (type(error), str(error), error.server) == (UnavailableError, "no broker", Server.KAFKA)
    assert isinstance(error, ProcstreamError)
    assert error.exit_code == 1


def test_no_client_logs_by_itself_and_every_client_has_a_name() -> None:
    fake = FakeKafka(ORDERS)
    cluster = fake.cluster(client_id="me", properties={"reconnect.backoff.max.ms": 7})
    cluster.topics()
    cluster.consumer({"group.id": "mine"})
    admin, consumer = fake.properties
    for properties in (admin, consumer):
        assert properties["bootstrap.servers"] == "broker:9092"
        assert properties["client.id"] == "me"
        assert properties["log_level"] == 0
        assert properties["reconnect.backoff.max.ms"] == 7
        assert properties["error_cb"] == cluster.errors.on_error
    assert consumer["group.id"] == "mine"


def test_a_consumer_commits_nothing_creates_nothing_and_reads_what_is_committed() -> None:
    fake = FakeKafka()
    fake.cluster().consumer()
    [properties] = fake.properties
    assert properties["enable.auto.commit"] is False
    assert properties["allow.auto.create.topics"] is False
    assert properties["isolation.level"] == "read_committed"


def test_librdkafka_accepts_the_settings() -> None:
    cluster = KafkaCluster(load(KafkaSettings, HERE))
    assert isinstance(cluster.consumer(), Consumer)
    assert isinstance(cluster.producer({"enable.idempotence": True}), Producer)
    assert cluster.admin is cluster.admin


def test_a_setting_that_librdkafka_does_not_accept_is_one_line() -> None:
    with pytest.raises(RefusedError, match=r"Kafka client: .*no\.such\.setting"):
        KafkaCluster(SETTINGS, properties={"no.such.setting": 1}).topics()


def test_the_first_token_is_fetched_at_once() -> None:
    fake = FakeKafka(ORDERS)
    cluster = fake.cluster(properties={"oauth_cb": lambda _: ("token", 1.0)})
    assert cluster.admin.polled == 1  # type: ignore[attr-defined]


def test_all_topics_are_listed() -> None:
    fake = FakeKafka(ORDERS)
    assert fake.cluster().topics().keys() == {"orders"}
    assert fake.cluster().is_reachable()


def test_listing_is_tried_again_while_no_broker_answers() -> None:
    fake = FakeKafka(ORDERS)
    outcomes = [failure(KafkaError._TRANSPORT), failure(KafkaError._TIMED_OUT)]

    def listing() -> None:
        if outcomes:
            raise outcomes.pop()

    fake.listing = listing
    assert fake.cluster().topics().keys() == {"orders"}
    assert len(fake.calls) == 3


def test_listing_ends_in_bounded_time_with_the_reason() -> None:
    began = time.monotonic()
    with pytest.raises(
        UnavailableError, match=r"^KAFKA_BOOTSTRAP_SERVERS 127\.0\.0\.1:1: .*Connection refused"
    ):
        KafkaCluster(load(KafkaSettings, HERE), timeout=0.7).topics()
    assert time.monotonic() - began < 3
    assert not KafkaCluster(load(KafkaSettings, HERE), timeout=0.1).is_reachable()


@pytest.mark.parametrize(
    "code", [KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.CLUSTER_AUTHORIZATION_FAILED]
)
def test_a_refusal_ends_listing_at_once(code: int) -> None:
    fake = FakeKafka(ORDERS)
    cluster = fake.cluster(timeout=60)

    def listing() -> None:
        cluster.errors.on_error(KafkaError(code, "not you"))
        raise failure(KafkaError._TIMED_OUT)

    fake.listing = listing
    with pytest.raises(RefusedError, match=r"broker:9092: the broker refused access: not you, expected cred"):
        cluster.topics()
    assert len(fake.calls) == 1


def test_a_refusal_that_is_over_does_not_explain_a_later_outage() -> None:
    fake = FakeKafka(ORDERS)
    cluster = fake.cluster()
    cluster.errors.on_error(KafkaError(KafkaError._AUTHENTICATION, "not you"))
    cluster.topics()
    error = cluster.error(failure(KafkaError._TIMED_OUT, "late"), "asking")
    assert isinstance(error, UnavailableError)
    assert "late" in str(error)


def test_a_cluster_without_a_registered_broker_is_unavailable() -> None:
    fake = FakeKafka(ORDERS)
    fake.brokers = {}
    with pytest.raises(UnavailableError, match="no registered broker"):
        fake.cluster(timeout=0.05).topics()


def test_offsets_are_those_of_the_isolation_level() -> None:
    cluster = FakeKafka(ORDERS).cluster()
    asked = [("orders", 0), ("orders", 1)]
    assert cluster.offsets(asked, "earliest", isolation="read_committed") == dict.fromkeys(asked, 3)
    assert cluster.offsets(asked, "latest", isolation="read_committed") == dict.fromkeys(asked, 8)
    assert cluster.offsets(asked, "latest", isolation="read_uncommitted") == dict.fromkeys(asked, 11)
    assert cluster.offsets([], "latest", isolation="read_committed") == {}


def test_offsets_that_one_may_not_see_are_errors_beside_the_others() -> None:
    fake = FakeKafka({**ORDERS, "closed": Topic()})
    fake.refusals["offsets", "closed"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
    asked = [("orders", 0), ("closed", 0), ("absent", 0)]
    found = fake.cluster().offsets(asked, "latest", isolation="read_committed")
    assert found["orders", 0] == 8
    assert isinstance(found["closed", 0], RefusedError)
    assert isinstance(found["absent", 0], NotFoundError)
    assert "offsets of topic absent, partition 0" in str(found["absent", 0])


def test_a_partition_whose_leader_moves_is_asked_again_alone() -> None:
    fake = FakeKafka({**ORDERS, "moving": Topic(last_stable=4)})
    fake.refusals["offsets", "moving"] = KafkaError.NOT_LEADER_FOR_PARTITION
    fake.after_offsets = lambda: fake.refusals.clear() if len(fake.calls) == 2 else None
    asked = [("orders", 0), ("moving", 0)]
    assert fake.cluster().offsets(asked, "latest", isolation="read_committed") == {
        ("orders", 0): 8,
        ("moving", 0): 4,
    }
    assert fake.calls == [("offsets", ["moving", "orders"]), ("offsets", ["moving"]), ("offsets", ["moving"])]


def test_a_partition_without_a_leader_ends_in_bounded_time() -> None:
    fake = FakeKafka(ORDERS)
    fake.refusals["offsets", "orders"] = KafkaError.LEADER_NOT_AVAILABLE
    found = fake.cluster(timeout=0.3).offsets([("orders", 0)], "latest", isolation="read_committed")
    assert isinstance(found["orders", 0], UnavailableError)
    assert "no broker answered" not in str(found["orders", 0])


def test_a_groups_offsets_are_read_by_a_consumer_of_it() -> None:
    fake = FakeKafka(ORDERS)
    fake.committed["mine", "orders", 1] = 5
    found = fake.cluster().committed("mine", [("orders", 0), ("orders", 1)])
    assert found == {("orders", 1): 5}
    [consumer] = fake.consumers
    assert consumer.closed


def test_a_group_whose_coordinator_is_elsewhere_is_unavailable() -> None:
    fake = FakeKafka(ORDERS)
    fake.refusals["committed", "orders"] = KafkaError.NOT_COORDINATOR
    with pytest.raises(UnavailableError, match="offsets of group mine"):
        fake.cluster().committed("mine", [("orders", 0)])
    assert fake.consumers[0].closed


def test_a_cluster_that_was_not_used_is_not_polled() -> None:
    fake = FakeKafka()
    cluster = fake.cluster()
    cluster.poll()
    assert not fake.properties
    admin: Any = cluster.admin
    cluster.poll()
    assert admin.polled == 1


class TestClientErrors:
    def test_the_reason_of_an_outage_is_not_hidden_by_what_follows_from_it(self) -> None:
        errors = ClientErrors("broker:9092")
        errors.on_error(KafkaError(KafkaError._TRANSPORT, "Connection refused"))
        errors.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down"))
        assert errors.last == "Connection refused"
        errors.raise_refusal()

    def test_a_port_that_closes_every_connection_raises_the_question_of_the_protocol(self) -> None:
        errors = ClientErrors("broker:9092")
        errors.on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN, "0/2 brokers are down"))
        assert "KAFKA_SECURITY_PROTOCOL" in errors.last

    def test_refused_credentials_can_be_left_to_retries_but_a_fatal_error_cannot(self) -> None:
        errors = ClientErrors("broker:9092")
        errors.on_error(KafkaError(KafkaError._AUTHENTICATION, "Invalid password"))
        errors.raise_refusal(credentials=False)
        with pytest.raises(RefusedError, match="Invalid password, expected credentials"):
            errors.raise_refusal()
        errors.on_error(KafkaError(KafkaError._FATAL, "fenced", True))
        with pytest.raises(RefusedError, match="fenced, cannot continue"):
            errors.raise_refusal(credentials=False)

    def test_a_time_out_because_of_a_refusal_is_a_refusal(self) -> None:
        errors = ClientErrors("broker:9092")
        errors.on_error(KafkaError(KafkaError.SASL_AUTHENTICATION_FAILED, "Invalid password"))
        explained = errors.explain(KafkaException(KafkaError(KafkaError._TIMED_OUT)), "asking")
        assert isinstance(explained, RefusedError)
        assert "Invalid password" in str(explained)


def test_a_group_that_committed_offset_0_has_committed() -> None:
    fake = FakeKafka(ORDERS)
    fake.committed["mine", "orders", 0] = 0
    assert fake.cluster().committed("mine", [("orders", 0), ("orders", 1)]) == {("orders", 0): 0}

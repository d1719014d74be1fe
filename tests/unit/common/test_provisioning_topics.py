"""Topics brought to their specification, on a cluster in memory."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import KafkaError
from procstream_common.errors import RefusedError, Server, UnavailableError
from procstream_common.provisioning import (
    TopicAdmin,
    TopicPlan,
    TopicRefusedError,
    TopicSpec,
    TopicState,
    ensure_topics,
    plan,
)

from tests.unit.kafka_cluster import DEFAULT_CONFIG, FakeKafka, Topic

ORDERS = TopicSpec(topic_name="orders", partitions=2, config={"retention.ms": "5"})


def names(kafka: FakeKafka, call: str) -> list[list[str]]:
    return [topics for name, topics in kafka.calls if name == call]


def test_a_topic_is_described_with_its_own_settings_and_the_clusters() -> None:
    kafka = FakeKafka({"orders": Topic(3, 2, {"retention.ms": "5"}, leaderless=(1,))})
    assert TopicAdmin(kafka.cluster()).describe(["orders"]) == {
        "orders": TopicState(
            topic_id="id-of-orders",
            partitions=3,
            replication_factor=2,
            leaderless=(1,),
            config={**DEFAULT_CONFIG, "retention.ms": "5"},
            overrides=frozenset({"retention.ms"}),
        )
    }


def test_many_topics_are_described_in_two_requests() -> None:
    kafka = FakeKafka({f"t{number}": Topic() for number in range(50)})
    assert len(TopicAdmin(kafka.cluster()).describe(kafka.topics)) == 50
    assert [call for call, _ in kafka.calls] == ["describe", "configs"]
    assert TopicAdmin(kafka.cluster()).describe([]) == {}


def test_an_absent_topic_is_none_also_when_it_goes_between_the_requests() -> None:
    kafka = FakeKafka({"going": Topic()})
    kafka.refusals["configs", "going"] = KafkaError.UNKNOWN_TOPIC_OR_PART
    assert TopicAdmin(kafka.cluster()).describe(["absent", "going"]) == {"absent": None, "going": None}
    assert names(kafka, "configs") == [["going"]]


def test_a_topic_that_may_not_be_described_is_refused_beside_the_others() -> None:
    kafka = FakeKafka({"closed": Topic(), "open": Topic()})
    kafka.refusals["describe", "closed"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
    found = TopicAdmin(kafka.cluster()).describe(["closed", "open"])
    assert isinstance(found["open"], TopicState)
    refused = found["closed"]
    assert isinstance(refused, TopicRefusedError)
    assert refused.topic == "closed"
    assert refused.error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
    assert refused.server is Server.KAFKA


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (KafkaError._TRANSPORT, UnavailableError),
        (KafkaError.NOT_CONTROLLER, UnavailableError),
        (KafkaError.REQUEST_TIMED_OUT, UnavailableError),
        (KafkaError._AUTHENTICATION, RefusedError),
        (KafkaError.SASL_AUTHENTICATION_FAILED, RefusedError),
        (KafkaError._SSL, RefusedError),
    ],
)
@pytest.mark.parametrize("call", ["describe", "configs", "create", "grow", "configure", "delete"])
def test_without_an_answer_nothing_is_known_of_any_topic(call: str, code: int, kind: type[Exception]) -> None:
    kafka = FakeKafka({"old": Topic()})
    kafka.refusals |= {(call, "old"): code, (call, "new"): code}
    admin = TopicAdmin(kafka.cluster())
    specs = {name: TopicSpec(topic_name=name) for name in ("old", "new")}
    plans = {"old": TopicPlan(grow_to=2, set_config={"a": "b"}), "new": TopicPlan(create=True)}
    requests: dict[str, Callable[[], object]] = {
        "describe": lambda: admin.describe(["old", "new"]),
        "configs": lambda: admin.describe(["old", "new"]),
        "delete": lambda: admin.delete("old"),
    }
    with pytest.raises(kind) as caught:
        requests.get(call, lambda: admin.carry_out(plans, specs))()
    assert type(caught.value) is kind


@pytest.mark.parametrize("call", ["describe", "configs", "delete"])
def test_a_kafka_that_never_answers_is_unavailable(call: str) -> None:
    kafka = FakeKafka({"old": Topic()})
    kafka.silent.add((call, "old"))
    admin = TopicAdmin(kafka.cluster(timeout=0.01))
    with pytest.raises(UnavailableError, match=r"topic old: Kafka did not answer within 0\.02 s"):
        admin.delete("old") if call == "delete" else admin.describe(["old"])


def test_a_permission_of_the_cluster_that_is_missing_is_a_refusal_of_this_topic() -> None:
    kafka = FakeKafka()
    kafka.refusals["create", "orders"] = KafkaError.CLUSTER_AUTHORIZATION_FAILED
    refused = TopicAdmin(kafka.cluster()).carry_out({"orders": TopicPlan(create=True)}, {"orders": ORDERS})
    assert isinstance(refused["orders"], TopicRefusedError)


def test_every_step_of_a_plan_is_taken() -> None:
    kafka = FakeKafka({"orders": Topic(1, 1, {"retention.ms": "9", "cleanup.policy": "compact"})})
    admin = TopicAdmin(kafka.cluster())
    state = admin.describe(["orders"])["orders"]
    assert isinstance(state, TopicState)
    steps = plan(ORDERS, state, managed=["cleanup.policy"])
    assert admin.carry_out({"orders": steps}, {"orders": ORDERS}) == {}
    assert kafka.topics["orders"] == Topic(2, 1, {"retention.ms": "5"})


def test_a_topic_is_created_as_specified() -> None:
    kafka = FakeKafka()
    spec = TopicSpec(topic_name="orders", partitions=3, replication_factor=2, config={"retention.ms": "5"})
    TopicAdmin(kafka.cluster()).carry_out({"orders": TopicPlan(create=True)}, {"orders": spec})
    assert kafka.topics["orders"] == Topic(3, 2, {"retention.ms": "5"})


def test_nothing_is_sent_for_a_plan_without_steps() -> None:
    kafka = FakeKafka({"orders": Topic()})
    assert TopicAdmin(kafka.cluster()).carry_out({"orders": TopicPlan()}, {"orders": ORDERS}) == {}
    assert kafka.calls == []


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        ([1] * 1000, [1000]),
        ([1] * 1001, [1000, 1]),
        ([600, 400, 1], [2, 1]),
        ([600, 401], [1, 1]),
        ([2000, 1], [1, 1]),
    ],
)
def test_a_request_creates_at_most_a_thousand_partitions(partitions: list[int], expected: list[int]) -> None:
    kafka = FakeKafka()
    specs = {
        f"t{number:04}": TopicSpec(topic_name=f"t{number:04}", partitions=count)
        for number, count in enumerate(partitions)
    }
    TopicAdmin(kafka.cluster()).carry_out(dict.fromkeys(specs, TopicPlan(create=True)), specs)
    assert [len(topics) for topics in names(kafka, "create")] == expected
    assert sorted(kafka.topics) == sorted(specs)


def test_a_topic_that_another_client_created_first_is_not_a_refusal() -> None:
    kafka = FakeKafka({"orders": Topic()})
    assert TopicAdmin(kafka.cluster()).carry_out({"orders": TopicPlan(create=True)}, {"orders": ORDERS}) == {}


def test_a_refused_topic_does_not_keep_the_others_from_their_steps() -> None:
    kafka = FakeKafka()
    kafka.refusals["create", "a"] = KafkaError.INVALID_REPLICATION_FACTOR
    specs = {name: TopicSpec(topic_name=name) for name in ("a", "b")}
    refused = TopicAdmin(kafka.cluster()).carry_out(dict.fromkeys(specs, TopicPlan(create=True)), specs)
    assert refused.keys() == {"a"}
    assert str(refused["a"]) == "topic a could not be created: as asked for"
    assert kafka.topics.keys() == {"b"}


def test_the_first_refusal_of_a_topic_is_the_one_that_is_reported() -> None:
    kafka = FakeKafka({"orders": Topic()})
    kafka.refusals |= {
        ("grow", "orders"): KafkaError.INVALID_PARTITIONS,
        ("configure", "orders"): KafkaError.INVALID_CONFIG,
    }
    steps = TopicPlan(grow_to=2, set_config={"retention.ms": "x"})
    [refused] = TopicAdmin(kafka.cluster()).carry_out({"orders": steps}, {"orders": ORDERS}).values()
    assert refused.error.code() == KafkaError.INVALID_PARTITIONS


def test_a_topic_is_deleted_and_an_absent_one_counts_as_deleted() -> None:
    kafka = FakeKafka({"orders": Topic(), "other": Topic()})
    admin = TopicAdmin(kafka.cluster())
    admin.delete("orders")
    admin.delete("orders")
    assert kafka.topics.keys() == {"other"}


def test_a_refused_deletion_is_raised() -> None:
    kafka = FakeKafka({"orders": Topic()})
    kafka.refusals["delete", "orders"] = KafkaError.TOPIC_DELETION_DISABLED
    with pytest.raises(TopicRefusedError, match="topic orders could not be deleted"):
        TopicAdmin(kafka.cluster()).delete("orders")
    assert kafka.topics.keys() == {"orders"}


class TestEnsureTopics:
    def test_absent_topics_are_created_and_named(self) -> None:
        kafka = FakeKafka({"old": Topic()})
        assert ensure_topics(kafka.cluster(), [ORDERS, TopicSpec(topic_name="old")]) == ["orders"]
        assert kafka.topics["orders"] == Topic(2, 1, {"retention.ms": "5"})

    def test_it_returns_when_every_partition_has_a_leader(self) -> None:
        kafka = FakeKafka()
        kafka.leaders_after = 3
        ensure_topics(kafka.cluster(), [ORDERS], timeout=5)
        # Once before the creation, then until the leaders are shown.
        assert len(names(kafka, "describe")) == 4

    def test_leaders_that_never_come_end_it(self) -> None:
        kafka = FakeKafka({"orders": Topic(3, leaderless=(0, 2))})
        spec = replace_partitions(ORDERS, 3)
        with pytest.raises(Exception, match=r"topic orders: partitions \[0, 2\] have no leader after 0 s"):
            ensure_topics(kafka.cluster(), [spec], timeout=0.2)

    def test_a_refusal_is_raised(self) -> None:
        kafka = FakeKafka()
        kafka.refusals["create", "orders"] = KafkaError.POLICY_VIOLATION
        with pytest.raises(TopicRefusedError):
            ensure_topics(kafka.cluster(), [ORDERS])

    def test_a_topic_that_may_not_be_described_is_raised_before_anything_is_changed(self) -> None:
        kafka = FakeKafka({"orders": Topic()})
        kafka.refusals["describe", "orders"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
        with pytest.raises(TopicRefusedError):
            ensure_topics(kafka.cluster(), [ORDERS, TopicSpec(topic_name="new")])
        assert not names(kafka, "create")

    def test_what_kafka_cannot_do_is_left_as_it_is(self) -> None:
        kafka = FakeKafka({"orders": Topic(5, 1, {"retention.ms": "5"})})
        before = replace(kafka.topics["orders"])
        assert ensure_topics(kafka.cluster(), [ORDERS]) == []
        assert kafka.topics["orders"] == before


def replace_partitions(spec: TopicSpec, partitions: int) -> TopicSpec:
    return spec.model_copy(update={"partitions": partitions})

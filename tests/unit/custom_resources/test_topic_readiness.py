import pytest
from confluent_kafka import KafkaError
from procstream_common.provisioning import Refusal, TopicPlan, TopicRefusedError, TopicSpec, TopicState
from procstream_operator.outcome import Outcome
from procstream_operator.resource import Kind, Resource
from procstream_operator.topics import topic_readiness

from tests.unit.custom_resources.resources import ready_status, resource

SPEC = TopicSpec(topic_name="orders", partitions=3, config={"retention.ms": "5"})
STATE = TopicState("id-1", 3, 1, (), {"retention.ms": "5"})


def topic(**more: object) -> Resource:
    return resource(Kind.TOPIC, {"partitions": 3}, **more)  # type: ignore[arg-type]


def test_the_name_is_that_of_the_resource_unless_it_is_specified() -> None:
    assert topic_readiness.topic_name(topic()) == "orders"
    assert topic_readiness.topic_name(resource(Kind.TOPIC, {"topicName": "My_Topic"})) == "My_Topic"


def test_the_specification_contains_only_what_kafka_knows() -> None:
    fields = {"partitions": 2, "config": {"retention.ms": 60000}, "deletionPolicy": "Delete"}
    spec = topic_readiness.specification(resource(Kind.TOPIC, fields))
    assert spec == TopicSpec(topic_name="orders", partitions=2, config={"retention.ms": "60000"})


@pytest.mark.parametrize(
    ("fields", "reason", "message"),
    [
        ({"partitions": 0}, "InvalidSpec", "spec.partitions: found 0"),
        ({"topicName": "a b", "partitions": 1}, "InvalidSpec", "spec.topicName: found 'a b'"),
        ({"topicName": "__consumer_offsets", "partitions": 1}, "InvalidTopicName", "reserved for Kafka"),
    ],
)
def test_a_wrong_specification_is_a_condition(fields: dict[str, object], reason: str, message: str) -> None:
    found = topic_readiness.specification(resource(Kind.TOPIC, fields))
    assert isinstance(found, Outcome)
    assert found.ready.reason == reason
    assert message in found.ready.message


def test_a_new_topic_is_ready_and_was_created() -> None:
    found = topic_readiness.judged(topic(), SPEC, TopicPlan(create=True), STATE)
    assert found.ready.status == "True"
    assert found.status == {
        "topicName": "orders",
        "topicId": "id-1",
        "partitions": 3,
        "replicationFactor": 1,
        "managedConfig": ["retention.ms"],
    }
    assert [event.reason for event in found.events] == ["Created"]


def test_a_topic_that_existed_is_adopted() -> None:
    found = topic_readiness.judged(topic(), SPEC, TopicPlan(), STATE)
    assert [event.reason for event in found.events] == ["Adopted"]


@pytest.mark.parametrize("state", [None, TopicState("id-1", 3, 1, (0, 2), {})])
def test_a_topic_without_leaders_is_checked_again(state: TopicState | None) -> None:
    found = topic_readiness.judged(topic(), SPEC, TopicPlan(create=True), state)
    assert (found.ready.status, found.ready.reason) == ("False", "WaitingForLeaders")
    assert found.ready.message.endswith("all" if state is None else "0, 2")
    assert found.again_in is not None
    assert not found.retry


def test_a_topic_that_kafka_cannot_change_is_not_ready() -> None:
    plan = TopicPlan(refusals={Refusal.PARTITIONS_CANNOT_SHRINK: "there are 5"})
    found = topic_readiness.judged(topic(), SPEC, plan, STATE)
    assert (found.ready.status, found.ready.reason) == ("False", "PartitionsCannotShrink")


def test_what_others_changed_is_drift_and_what_the_resource_changed_is_not() -> None:
    steps = TopicPlan(set_config={"retention.ms": "5"}, reset_config=("segment.ms",))
    unchanged = topic(status=ready_status(topicId="id-1"))
    changed = topic(status=ready_status(topicId="id-1"), generation=2)
    reasons = [
        [event.reason for event in topic_readiness.judged(one, SPEC, steps, STATE).events]
        for one in (unchanged, changed)
    ]
    assert reasons == [["DriftRepaired"], ["ConfigChanged"]]
    [event] = topic_readiness.judged(unchanged, SPEC, steps, STATE).events
    assert event.message == "topic orders: set retention.ms=5, segment.ms=default"


def test_a_topic_that_was_lost_is_created_again_with_a_warning() -> None:
    found = topic_readiness.judged(
        topic(status=ready_status(topicId="id-0")), SPEC, TopicPlan(create=True), STATE
    )
    [event] = found.events
    assert (event.type, event.reason) == ("Warning", "Recreated")


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (KafkaError.INVALID_CONFIG, "InvalidConfig"),
        (KafkaError.INVALID_REPLICATION_FACTOR, "InvalidReplicationFactor"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, "NotAuthorized"),
        (KafkaError.CLUSTER_AUTHORIZATION_FAILED, "NotAuthorized"),
        (KafkaError.UNKNOWN, "Refused"),
    ],
)
def test_kafkas_refusals_have_reasons(code: int, reason: str) -> None:
    found = topic_readiness.refused(TopicRefusedError("orders", "created", KafkaError(code, "because")))
    assert (found.ready.status, found.ready.reason, found.retry) == ("False", reason, True)
    assert found.ready.message == "topic orders could not be created: because"

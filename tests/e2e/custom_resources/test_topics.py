import json

import pytest
from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic

from tests.e2e.custom_resources.release import RELEASE
from tests.e2e.custom_resources.resources import ready, topic, until_ready
from tests.e2e.namespaces import Namespace
from tests.integration.waiting import until

CHARTS = f"app.kubernetes.io/instance={RELEASE}"


def config(kafka: AdminClient, name: str, key: str) -> str:
    [future] = kafka.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
    return str(future.result()[key].value)


def set_config(kafka: AdminClient, name: str, key: str, value: str) -> None:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=[entry])
    [future] = kafka.incremental_alter_configs([resource]).values()
    future.result()


def topics(kafka: AdminClient) -> set[str]:
    return set(kafka.list_topics(timeout=10).topics)


def partitions(kafka: AdminClient, name: str) -> int:
    [future] = kafka.describe_topics(TopicCollection([name])).values()
    return len(future.result().partitions)


def test_the_charts_resources_are_ready(namespace: Namespace, kafka: AdminClient) -> None:
    namespace.wait("condition=Ready", "topics,schemas", f"--selector={CHARTS}", timeout=90)
    assert {"procstat_snapshots", "lineage-input", "topic_splitpay"} <= topics(kafka)
    table = namespace.kubectl("get", "procstream").splitlines()
    assert any(line.split()[:2] == ["NAME", "TOPIC"] and "READY" in line for line in table)
    assert any(line.split()[:2] == ["topic.procstream.io/topic-splitpay", "topic_splitpay"] for line in table)


def test_a_topic_is_created_grown_and_changed(namespace: Namespace, kafka: AdminClient) -> None:
    namespace.apply(topic("orders", partitions=2, config={"retention.ms": 60000, "segment.ms": "1000000"}))
    namespace.wait("condition=Ready", "topic/orders")
    assert partitions(kafka, "orders") == 2
    assert config(kafka, "orders", "retention.ms") == "60000"

    namespace.patch(
        "topic", "orders", {"spec": {"partitions": 5, "config": {"retention.ms": 70000, "segment.ms": None}}}
    )
    until_ready(namespace, "topic", "orders", "True", "TopicReady")
    assert partitions(kafka, "orders") == 5
    assert config(kafka, "orders", "retention.ms") == "70000"
    assert config(kafka, "orders", "segment.ms") == "604800000", "a setting that is no longer listed is reset"
    assert namespace.events("Topic", "orders") == ["Created", "PartitionsAdded", "ConfigChanged"]
    status = namespace.get("topic", "orders")["status"]
    assert (status["partitions"], status["replicationFactor"], status["managedConfig"]) == (
        5,
        1,
        ["retention.ms"],
    )


def test_drift_is_repaired(namespace: Namespace, kafka: AdminClient) -> None:
    namespace.apply(topic("drifting", config={"retention.ms": 60000}))
    namespace.wait("condition=Ready", "topic/drifting")
    set_config(kafka, "drifting", "retention.ms", "1")
    set_config(kafka, "drifting", "segment.ms", "1000000")
    until(lambda: config(kafka, "drifting", "retention.ms") == "60000", "the setting is as specified again")
    assert config(kafka, "drifting", "segment.ms") == "1000000", "a setting that was never listed stays"
    until(lambda: "DriftRepaired" in namespace.events("Topic", "drifting"), "an event about it")

    [future] = kafka.delete_topics(["drifting"]).values()
    future.result()
    until(lambda: "Recreated" in namespace.events("Topic", "drifting"), "an event about the lost topic")
    assert partitions(kafka, "drifting") == 1


def test_an_existing_topic_is_adopted_without_loss(namespace: Namespace, kafka: AdminClient) -> None:
    [future] = kafka.create_topics([NewTopic("legacy", 3, 1, config={"cleanup.policy": "compact"})]).values()
    future.result()
    namespace.apply(topic("legacy", partitions=3, config={"retention.ms": 60000}))
    namespace.wait("condition=Ready", "topic/legacy")
    assert config(kafka, "legacy", "cleanup.policy") == "compact"
    assert namespace.events("Topic", "legacy")[0] == "Adopted"

    namespace.apply(topic("smaller", topicName="legacy-2", partitions=1))
    [future] = kafka.create_topics([NewTopic("legacy-3", 4, 1)]).values()
    future.result()
    namespace.apply(topic("legacy-3", partitions=2))
    condition = until_ready(namespace, "topic", "legacy-3", "False", "PartitionsCannotShrink")
    assert "the topic has 4 partitions, expected 2" in condition["message"]


def test_of_two_resources_for_one_topic_the_older_owns_it(namespace: Namespace, kafka: AdminClient) -> None:
    namespace.apply(topic("first", topicName="shared"))
    namespace.wait("condition=Ready", "topic/first")
    namespace.apply(topic("second", topicName="shared", partitions=2))
    condition = until_ready(namespace, "topic", "second", "False", "Conflict")
    assert f"belongs to Topic {namespace.name}/first" in condition["message"]
    namespace.kubectl("delete", "topic", "first")
    until_ready(namespace, "topic", "second", "True", "TopicReady")
    assert partitions(kafka, "shared") == 2


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"partitions": 0},
            "spec.partitions: Invalid value: 0: spec.partitions in body should be greater than or equal to 1",
        ),
        ({"partitions": 1, "topicName": "a b"}, 'spec.topicName: Invalid value: "a b"'),
        ({"partitions": 1, "topicName": ".."}, 'Kafka has no topics named "." or ".."'),
        ({"partitions": 1, "deletionPolicy": "Keep"}, 'supported values: "Retain", "Delete"'),
        ({"partitions": 1, "replicas": 3}, 'unknown field "spec.replicas"'),
        (
            {"partitions": 1, "config": {"retention.ms": True}},
            "spec.config.retention.ms in body must be of type",
        ),
    ],
)
def test_a_bad_specification_is_refused_by_the_api_server(
    namespace: Namespace, spec: dict[str, object], message: str
) -> None:
    refusal = namespace.kubectl(
        "apply", "--filename=-", check=False, stdin=json.dumps({**topic("bad"), "spec": spec})
    )
    assert message.replace('"', "") in refusal.replace("\\", "").replace('"', "")
    assert not namespace.exists("topic", "bad")


def test_a_topic_does_not_shrink_and_keeps_its_name(namespace: Namespace) -> None:
    namespace.apply(topic("fixed", partitions=2, topicName="fixed"))
    shrunk = namespace.patch("topic", "fixed", {"spec": {"partitions": 1}}, check=False)
    assert "partitions can grow but never shrink" in shrunk
    for name in ("other", None):
        renamed = namespace.patch("topic", "fixed", {"spec": {"topicName": name}}, check=False)
        assert "topicName is immutable" in renamed


def test_what_kafka_refuses_is_a_condition_with_the_cause(namespace: Namespace) -> None:
    namespace.apply(
        topic("replicated", replicationFactor=3), topic("misconfigured", config={"no.such.setting": "1"})
    )
    condition = until_ready(namespace, "topic", "replicated", "False", "InvalidReplicationFactor")
    assert "only 1 broker(s) are registered" in condition["message"]
    condition = until_ready(namespace, "topic", "misconfigured", "False", "InvalidConfig")
    assert "Unknown topic config name: no.such.setting" in condition["message"]
    namespace.patch("topic", "replicated", {"spec": {"replicationFactor": 1}})
    until_ready(namespace, "topic", "replicated", "True", "TopicReady")


def test_the_topic_of_a_deleted_resource_is_retained_by_default(
    namespace: Namespace, kafka: AdminClient
) -> None:
    namespace.apply(topic("kept"), topic("removed", deletionPolicy="Delete"))
    namespace.wait("condition=Ready", "topic/kept", "topic/removed")
    assert "finalizers" not in namespace.get("topic", "kept")["metadata"], "nothing delays its deletion"
    namespace.kubectl("delete", "topic", "kept", "removed", "--timeout=30s")
    remaining = topics(kafka)
    assert "kept" in remaining
    assert "removed" not in remaining
    assert namespace.events("Topic", "removed")[-1] == "Deleted"


def test_a_deletion_does_not_wait_endlessly_for_kafka(namespace: Namespace) -> None:
    namespace.apply(topic("stuck", deletionPolicy="Delete"))
    namespace.wait("condition=Ready", "topic/stuck")
    namespace.scale("kafka", 0)
    try:
        namespace.wait("delete", "pod/kafka-0")
        namespace.kubectl("delete", "topic", "stuck", "--wait=false")
        until(
            lambda: ready(namespace, "topic", "stuck").get("reason") == "DeletionPending",
            "the reason",
            every=0.5,
        )
        namespace.wait("delete", "topic/stuck", timeout=90)
        assert namespace.events("Topic", "stuck")[-1] == "DeletionAbandoned"
    finally:
        namespace.scale("kafka", 1)
    namespace.wait("condition=Ready", "topic/orders-late", timeout=120)


def test_topics_are_ready_again_after_the_broker_was_unavailable(namespace: Namespace) -> None:
    namespace.wait("condition=Ready", "topic/orders-late", timeout=120)
    namespace.scale("kafka", 0)
    try:
        namespace.apply(topic("meanwhile"))
        condition = until_ready(namespace, "topic", "meanwhile", "Unknown", "KafkaUnavailable")
        assert "no broker answered" in condition["message"]
        until_ready(namespace, "topic", "orders-late", "Unknown", "KafkaUnavailable")
    finally:
        namespace.scale("kafka", 1)
    namespace.wait("condition=Ready", "topic/meanwhile", "topic/orders-late", timeout=150)

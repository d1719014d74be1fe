import json
from typing import Any

from confluent_kafka import DeserializingConsumer
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import StringDeserializer

from tests.e2e import helm
from tests.e2e.custom_resources import backends
from tests.e2e.custom_resources.release import PRODUCER, RELEASE
from tests.e2e.custom_resources.resources import producer, schema, topic, until_ready
from tests.e2e.namespaces import Namespace
from tests.integration.waiting import until

SNAPSHOT = json.loads((helm.CHART / "schemas" / "procstat_snapshots.avsc").read_text())
SETTINGS = [{"configMapRef": {"name": f"{RELEASE}-procstream-connection"}}]


def pods(namespace: Namespace, name: str) -> list[dict[str, Any]]:
    return namespace.all("pods", f"--selector=procstream.io/producer={name}")


def test_this_nodes_records_are_decoded_by_any_client(
    namespace: Namespace, kafka: AdminClient, registry: SchemaRegistryClient
) -> None:
    namespace.wait("condition=Ready", f"procstatproducer/{PRODUCER}", timeout=120)
    consumer = DeserializingConsumer(
        {
            "bootstrap.servers": f"127.0.0.1:{backends.EXTERNAL_PORT}",
            "group.id": "any-client",
            "auto.offset.reset": "earliest",
            "key.deserializer": StringDeserializer(),
            "value.deserializer": AvroDeserializer(registry),
        }
    )
    consumer.subscribe(["procstat_snapshots"])
    message = until(lambda: consumer.poll(1), "a record")
    consumer.close()
    snapshot = message.value()
    assert message.key() == snapshot["node"] == namespace.cluster.node_name
    assert snapshot["cpus"][0]["cpu"] == "cpu"
    assert snapshot["cpus"][0]["user"] > 0


def test_its_pods_have_no_other_permissions(namespace: Namespace) -> None:
    namespace.wait("condition=Ready", f"procstatproducer/{PRODUCER}", timeout=120)
    script = "id -u; grep CapEff /proc/self/status; touch /x /host/proc/stat; ls /host/proc /var/run/secrets"
    target = f"daemonset/{PRODUCER}"
    seen = namespace.kubectl("exec", target, "--", "sh", "-c", script, check=False)
    assert seen.splitlines()[:2] == ["10001", "CapEff:\t0000000000000000"]
    assert "stat" in seen.splitlines()
    for refused in (
        "cannot touch '/x': Read-only file system",
        "cannot touch '/host/proc/stat'",
        "cannot access '/var/run/secrets'",
    ):
        assert refused in seen
    status = namespace.get("procstatproducer", PRODUCER)["status"]
    assert status["desired"] == status["ready"] == len(namespace.all("nodes"))


def test_it_waits_for_its_topic_and_schema_and_goes_with_its_resource(namespace: Namespace) -> None:
    namespace.apply(producer("early", "early", "early-value", envFrom=SETTINGS))
    condition = until_ready(namespace, "procstatproducer", "early", "False", "WaitingForTopic")
    assert condition["message"] == "there is no Topic early in this namespace"
    assert not namespace.exists("daemonset", "early")
    namespace.apply(topic("early"))
    until_ready(namespace, "procstatproducer", "early", "False", "WaitingForSchema")
    namespace.apply(schema("early-value", SNAPSHOT))
    namespace.wait("condition=Ready", "procstatproducer/early", timeout=90)

    before = {pod["metadata"]["name"] for pod in pods(namespace, "early")}
    namespace.patch("procstatproducer", "early", {"spec": {"intervalSeconds": 0.5}})
    until_ready(namespace, "procstatproducer", "early", "True", "AllNodesSampled", timeout=90)
    until(lambda: before.isdisjoint(pod["metadata"]["name"] for pod in pods(namespace, "early")), "new pods")

    namespace.kubectl("delete", "procstatproducer", "early")
    until(lambda: not namespace.exists("daemonset", "early"), "its DaemonSet is gone")


def test_a_changed_secret_rolls_the_pods(namespace: Namespace) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "producer-settings"}}
    settings = [*SETTINGS, {"secretRef": {"name": "producer-settings"}}]
    namespace.apply(topic("rolling"), schema("rolling-value", SNAPSHOT))
    namespace.apply(producer("rolling", "rolling", "rolling-value", envFrom=settings))
    condition = until_ready(namespace, "procstatproducer", "rolling", "False", "MissingReference")
    assert "there is no Secret producer-settings" in condition["message"]
    namespace.apply({**secret, "stringData": {"BUFFER": "1"}})
    namespace.wait("condition=Ready", "procstatproducer/rolling", timeout=90)
    before = {pod["metadata"]["name"] for pod in pods(namespace, "rolling")}
    namespace.apply({**secret, "stringData": {"BUFFER": "2"}})
    until(
        lambda: before.isdisjoint(pod["metadata"]["name"] for pod in pods(namespace, "rolling")),
        "new pods",
        timeout=90,
    )
    namespace.kubectl("delete", "procstatproducer", "rolling")


def test_a_schema_of_another_topic_is_refused(namespace: Namespace) -> None:
    namespace.apply(
        topic("one"), schema("another-value", SNAPSHOT), producer("mixed", "one", "another-value")
    )
    condition = until_ready(namespace, "procstatproducer", "mixed", "False", "SubjectMismatch")
    assert "looked up under one-value" in condition["message"]
    namespace.kubectl("delete", "procstatproducer", "mixed")

"""The images in pods with the fewest permissions, beside the stand-in images."""

import gzip
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testbed import images, standins
from testbed.cluster import Cluster
from testbed.cluster.images import debian_base

NAMESPACE = "images-test"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
PROGRAMS = ("producer", "operator")  # their entry points are our commands
RECORDS = 20
PRODUCER_BYTES = 80_000_000
TOPIC = "topic_splitpay"
KAFKA = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://kafka:9092",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_HEAP_OPTS": "-Xmx400m",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
}


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    cluster.load(*images.archives().values(), *standins.archives().values())
    apply(cluster, {"kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}})
    yield NAMESPACE
    cluster.run("delete", "namespace", NAMESPACE)


@pytest.fixture(scope="module")
def kafka(cluster: Cluster, namespace: str) -> str:
    ready = {"tcpSocket": {"port": 9092}, "periodSeconds": 1}
    apply(cluster, *server("kafka", standins.KAFKA.reference, 1000, 9092, ready, KAFKA))
    wait(cluster, "kafka", "condition=Ready")
    execute(cluster, "kafka", f"kafka-topics.sh --create --topic {TOPIC} --partitions 2")
    return "kafka:9092"


def test_the_producer_adds_little_to_its_base() -> None:
    base = len(layers(debian_base()))
    added = layers(images.archive("producer"))[base:]
    assert 0 < sum(added) < PRODUCER_BYTES


def test_the_producer_sends_and_reads(cluster: Cluster, kafka: str) -> None:
    sent = run(cluster, "generate", "producer", "generate", "splitpay", f"--count={RECORDS}", broker=kafka)
    assert json.loads(sent.splitlines()[-1])["delivered"] == RECORDS

    read = run(
        cluster, "tail", "producer", "tail", TOPIC, "--from-beginning", "-n", str(RECORDS), broker=kafka
    )
    assert len([json.loads(line) for line in read.splitlines() if line.startswith("{")]) == RECORDS


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_image_names_its_commands(cluster: Cluster, namespace: str, name: str) -> None:
    assert f"Usage: procstream-{name}" in run(cluster, f"help-{name}", name, "--help")


@pytest.mark.parametrize("name", PROGRAMS)
def test_an_image_has_neither_pip_nor_compiler(cluster: Cluster, namespace: str, name: str) -> None:
    script = "command -v pip pip3 gcc cc as ld; python -m pip --version 2>&1; id -u"
    found = run(cluster, f"tools-{name}", name, command=["sh", "-c", script]).splitlines()
    assert found == ["/opt/procstream/bin/python: No module named pip", "10001"]


def test_kafka_has_the_commands_of_its_distribution(cluster: Cluster, kafka: str) -> None:
    assert TOPIC in execute(cluster, "kafka", "kafka-topics.sh --describe").split()
    assert "Produce(0)" in execute(cluster, "kafka", "kafka-broker-api-versions.sh")
    assert "broker 1" in execute(cluster, "kafka", "kafka-configs.sh --describe --broker 1")


def test_the_registry_answers(cluster: Cluster, namespace: str) -> None:
    ready = {"httpGet": {"port": 8080, "path": "/apis/ccompat/v7/subjects"}, "periodSeconds": 1}
    storage = {"APICURIO_STORAGE_KIND": "sql", "APICURIO_STORAGE_SQL_KIND": "h2"}
    apply(cluster, *server("registry", standins.APICURIO.reference, 1001, 8080, ready, storage))
    wait(cluster, "registry", "condition=Ready")


def layers(archive: Path) -> list[int]:
    """Bytes of each layer of an OCI archive when it is unpacked."""
    with tarfile.open(archive) as image:

        def blob(descriptor: dict[str, Any]) -> bytes:
            member = image.extractfile(f"blobs/{descriptor['digest'].replace(':', '/')}")
            assert member is not None
            return member.read()

        index = image.extractfile("index.json")
        assert index is not None
        manifest = json.loads(blob(json.load(index)["manifests"][0]))
        return [
            len(gzip.decompress(blob(layer)) if layer["mediaType"].endswith("+gzip") else blob(layer))
            for layer in manifest["layers"]
        ]


def run(
    cluster: Cluster, pod: str, name: str, *args: str, command: list[str] | None = None, broker: str = ""
) -> str:
    """The output of a container of one of our images; it must succeed."""
    container: dict[str, Any] = {
        "name": "main",
        "image": f"localhost/procstream-{name}:0.1.0",
        "args": list(args),
        "env": [{"name": "KAFKA_BOOTSTRAP_SERVERS", "value": broker}],
        "securityContext": {"readOnlyRootFilesystem": True},
    }
    if command:
        container["command"] = command
    apply(cluster, restricted(pod, container))
    wait(cluster, pod, "jsonpath={.status.phase}=Succeeded")
    return cluster.run("logs", pod, f"--namespace={NAMESPACE}").stdout


def server(
    name: str, image: str, user: int, port: int, ready: dict[str, Any], env: dict[str, str]
) -> list[dict[str, Any]]:
    container = {
        "name": "main",
        "image": image,
        "env": [{"name": key, "value": value} for key, value in env.items()],
        "readinessProbe": ready,
        "securityContext": {"runAsUser": user},
    }
    ports = [{"port": port}]
    service = {
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": name}, "ports": ports},
    }
    return [service, restricted(name, container)]


def restricted(name: str, container: dict[str, Any]) -> dict[str, Any]:
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container["securityContext"] |= security
    return {
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "containers": [{"imagePullPolicy": "Never", **container}],
            "enableServiceLinks": False,  # Kafka would read KAFKA_PORT as a setting
            "restartPolicy": "Never",
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "terminationGracePeriodSeconds": 0,
        },
    }


def apply(cluster: Cluster, *objects: dict[str, Any]) -> None:
    documents = yaml.safe_dump_all({"apiVersion": "v1", **document} for document in objects)
    cluster.run("apply", "--filename=-", f"--namespace={NAMESPACE}", stdin=documents)


def wait(cluster: Cluster, pod: str, condition: str) -> None:
    cluster.run("wait", f"pod/{pod}", f"--for={condition}", "--timeout=90s", f"--namespace={NAMESPACE}")


def execute(cluster: Cluster, pod: str, tool: str) -> str:
    command = f"/opt/kafka/bin/{tool} --bootstrap-server localhost:9092"
    return cluster.run("exec", pod, f"--namespace={NAMESPACE}", "--", "sh", "-c", command).stdout

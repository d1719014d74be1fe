"""What differs between Kafka's nodes: ids, listeners and roles, as the container's command sets them."""

import subprocess
from collections.abc import Mapping
from typing import Any

import pytest

from tests.chart.rendering import NAMESPACE, PREFIX, Chart
from tests.chart.workloads import by_name

START = "/etc/kafka/docker/run"


def container(chart: Chart, replicas: int) -> Mapping[str, Any]:
    rendered = chart.render({"kafka": {"replicas": replicas}}, "values-local.yaml")
    [found] = by_name(rendered)["StatefulSet/kafka"].pod["containers"]
    return dict(found)


def variables(container: Mapping[str, Any], node: int) -> dict[str, str]:
    """As the kubelet fills them in for a node."""
    found: dict[str, str] = {}
    fields = {
        "metadata.name": f"{PREFIX}-kafka-{node}",
        "metadata.labels['apps.kubernetes.io/pod-index']": str(node),
    }
    for variable in container["env"]:
        value = variable.get("value")
        if value is None:
            value = fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]
        for name, known in found.items():
            value = value.replace(f"$({name})", known)
        assert "$(" not in value, value
        found[variable["name"]] = value
    return found


def started(container: Mapping[str, Any], node: int) -> dict[str, str]:
    """Kafka's environment when its start script is run."""
    command = [*container["command"], *container["args"]]
    assert START in command[-1]
    command[-1] = command[-1].replace(START, "env")
    run = subprocess.run(
        command,
        env={"PATH": "/usr/bin:/bin", **variables(container, node)},
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(line.split("=", 1) for line in run.stdout.splitlines())


@pytest.mark.parametrize(
    ("replicas", "node", "votes"), [(1, 0, True), (2, 0, True), (2, 1, False), (5, 2, True), (5, 3, False)]
)
def test_the_first_nodes_are_controllers_too(chart: Chart, replicas: int, node: int, votes: bool) -> None:
    found = started(container(chart, replicas), node)
    assert found["KAFKA_NODE_ID"] == str(node)
    assert found["KAFKA_PROCESS_ROLES"] == ("broker,controller" if votes else "broker")
    listeners = found["KAFKA_LISTENERS"].split(",")
    assert listeners == ["PLAINTEXT://:9092", *(["CONTROLLER://:9093"] if votes else [])]


def test_a_node_advertises_its_own_name_alone(chart: Chart) -> None:
    found = started(container(chart, 3), 1)
    own = f"{PREFIX}-kafka-1.{PREFIX}-kafka-nodes.{NAMESPACE}.svc"
    assert found["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{own}:9092"


def test_listeners_are_the_containers_ports(chart: Chart) -> None:
    found = container(chart, 1)
    ports = {port["containerPort"] for port in found["ports"]}
    listeners = started(found, 0)["KAFKA_LISTENERS"].split(",")
    assert {int(one.rpartition(":")[2]) for one in listeners} == ports


def test_the_heap_is_for_the_node_and_not_for_commands_beside_it(chart: Chart) -> None:
    found = container(chart, 1)
    assert started(found, 0)["KAFKA_HEAP_OPTS"] == "-Xms384m -Xmx384m"
    assert "KAFKA_HEAP_OPTS" not in variables(found, 0)


def test_the_nodes_of_a_cluster_have_its_id(chart: Chart) -> None:
    assert started(container(chart, 1), 0)["CLUSTER_ID"] == "bvs0Io8XRXqA3TVHhFQkkw"


@pytest.mark.parametrize(("replicas", "controllers"), [(1, "1"), (5, "3")])
def test_the_number_of_controllers_is_recorded_for_upgrades(
    chart: Chart, replicas: int, controllers: str
) -> None:
    """The template compares it with the installed one: another number could lose the metadata."""
    rendered = chart.render({"kafka": {"replicas": replicas}}, "values-local.yaml")
    annotations = rendered.of("StatefulSet")["kafka"]["metadata"]["annotations"]
    assert annotations["procstream.io/controllers"] == controllers

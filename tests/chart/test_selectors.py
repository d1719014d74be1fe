"""What selects pods by labels selects the pods that it is meant for, and no others."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.chart.conftest import ALL_PIPELINES, EVERYTHING
from tests.chart.rendering import Chart, Rendered
from tests.chart.workloads import Workload, by_name, selects, short, workloads

SERVERS = {
    "kafka": "StatefulSet/kafka",
    "minio": "StatefulSet/minio",
    "postgres": "StatefulSet/postgres",
    "registry": "Deployment/registry",
}
SESSION = {
    "Deployment/sql-gateway",
    "Deployment/sql-gateway-jobmanager",
    "Deployment/sql-gateway-taskmanager",
}
SERVICES = {
    **SERVERS,
    "kafka-nodes": "StatefulSet/kafka",
    "sql-gateway": "Deployment/sql-gateway",
    "sql-gateway-jobmanager": "Deployment/sql-gateway-jobmanager",
}
OURS = {"podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "procstream"}}}
ANYBODY_ELSE = {"namespaceSelector": {}}
"""`networkPolicies.allowFrom` of the values."""


def selected(rendered: Rendered, selector: Mapping[str, Any]) -> set[str]:
    return {one.name for one in workloads(rendered) if selects(selector, one.labels)}


def pipeline_pods(rendered: Rendered) -> set[str]:
    return {one.name for one in workloads(rendered) if one.name.split("/")[1].startswith("pipeline-")}


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_controllers_select_their_own_pods_alone(rendered: Rendered, kind: str) -> None:
    for name, one in rendered.of(kind).items():
        assert selected(rendered, one["spec"]["selector"]) == {f"{kind}/{name}"}


def test_services_lead_to_the_server_of_their_name(rendered: Rendered) -> None:
    for name, service in rendered.of("Service").items():
        expected = SERVICES.get(name, f"Deployment/{name}-jobmanager")
        assert selected(rendered, {"matchLabels": service["spec"]["selector"]}) == {expected}
        ports = by_name(rendered)[expected].ports()
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"], (name, port)


def test_every_pipeline_of_plain_deployments_has_a_service(plain: Rendered) -> None:
    labels = [one["metadata"]["labels"] for one in plain.of("Service").values()]
    components = {one["app.kubernetes.io/component"] for one in labels}
    assert {f"pipeline-{name}" for name in ALL_PIPELINES} <= components


def test_budgets_are_for_the_servers_with_replicas(everything: Rendered) -> None:
    budgets = everything.of("PodDisruptionBudget")
    assert budgets.keys() >= {"kafka", "registry"}
    for name, budget in budgets.items():
        expected = SERVERS.get(name, f"Deployment/{name}")
        assert selected(everything, budget["spec"]["selector"]) == {expected}
        assert budget["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize("values", ["operated", "plain"])
def test_pod_monitors_find_what_has_metrics(values: str, request: pytest.FixtureRequest) -> None:
    rendered: Rendered = request.getfixturevalue(values)
    monitors = rendered.of("PodMonitor")
    assert monitors.keys() == {"", "minio"}
    assert selected(rendered, monitors["minio"]["spec"]["selector"]) == {"StatefulSet/minio"}
    [endpoint] = monitors["minio"]["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in by_name(rendered)["StatefulSet/minio"].ports()
    [endpoint] = monitors[""]["spec"]["podMetricsEndpoints"]
    scraped = {
        one.name
        for one in workloads(rendered)
        if selects(monitors[""]["spec"]["selector"], one.labels) and endpoint["port"] in one.ports()
    }
    assert scraped == {
        "Deployment/operator",
        *pipeline_pods(rendered),
        *(SESSION - {"Deployment/sql-gateway"}),
    }
    # It scrapes every pod of the monitor that has a port of that name, whichever server it belongs to.
    assert all(one.ports()["metrics"] in (8080, 9249) for one in workloads(rendered) if one.name in scraped)


@pytest.mark.parametrize("values", ["operated", "plain"])
def test_network_policies_are_for_their_server_alone(values: str, request: pytest.FixtureRequest) -> None:
    rendered: Rendered = request.getfixturevalue(values)
    policies = rendered.of("NetworkPolicy")
    found = {name: selected(rendered, policy["spec"]["podSelector"]) for name, policy in policies.items()}
    assert found == {
        **{name: {workload} for name, workload in SERVERS.items()},
        "": {one.name for one in workloads(rendered)},
        "flink": pipeline_pods(rendered),
        "sql-gateway": SESSION,
    }
    assert all(policy["spec"]["policyTypes"] == ["Ingress"] for policy in policies.values())


def test_network_policies_let_in_whom_they_name(operated: Rendered) -> None:
    policies = operated.of("NetworkPolicy")
    rules = {name: policy["spec"]["ingress"] for name, policy in policies.items()}
    nodes = {"podSelector": operated.of("StatefulSet")["kafka"]["spec"]["selector"]}
    session = {"podSelector": policies["sql-gateway"]["spec"]["podSelector"]}

    def from_ours(*ports: str) -> dict[str, Any]:
        return {"from": [OURS, ANYBODY_ELSE], "ports": [{"port": port} for port in ports]}

    assert rules == {
        "": [{"ports": [{"port": "metrics"}]}],
        "kafka": [from_ours("kafka"), {"from": [nodes], "ports": [{"port": "controller"}]}],
        "minio": [from_ours("s3", "console")],
        "registry": [from_ours("http")],
        "postgres": [from_ours("postgres")],
        "flink": [{"from": [OURS, ANYBODY_ELSE]}, {"ports": [{"port": 8081}]}],
        "sql-gateway": [{"from": [session]}, {"from": [ANYBODY_ELSE], "ports": [{"port": "http"}]}],
    }


def test_ports_of_network_policies_are_those_of_the_pods(rendered: Rendered) -> None:
    for name, policy in rendered.of("NetworkPolicy").items():
        named = {port["port"] for rule in policy["spec"]["ingress"] for port in rule.get("ports", ())}
        pods = [one for one in workloads(rendered) if selects(policy["spec"]["podSelector"], one.labels)]
        there = {port for one in pods for port in (*one.ports(), *one.ports().values())}
        assert named <= there, name


def test_without_network_policies_there_are_none(local: Rendered) -> None:
    assert local.of("NetworkPolicy") == {}


def test_pods_that_servers_let_in_are_all_of_procstream(rendered: Rendered) -> None:
    for one in workloads(rendered):
        assert selects(OURS["podSelector"], one.labels), one.name


@pytest.mark.parametrize("operator", [True, False])
def test_another_release_of_the_namespace_is_not_selected(chart: Chart, operator: bool) -> None:
    values = {**EVERYTHING, "pipelines": ALL_PIPELINES, "flink": {"operator": {"enabled": operator}}}
    ours, others = chart.render(values), workloads(chart.render(values, release="other"))
    assert len(others) == len(workloads(ours))
    for name, selector in selectors(ours):
        assert not [one.name for one in others if selects(selector, one.labels)], name


def selectors(rendered: Rendered) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Those that are meant for this release alone. Prometheus and the servers see all of procstream."""
    for kind in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
        for name, one in rendered.of(kind).items():
            yield f"{kind}/{name}", one["spec"]["selector"]
    for name, one in rendered.of("Service").items():
        yield f"Service/{name}", {"matchLabels": one["spec"]["selector"]}
    for name, one in rendered.of("NetworkPolicy").items():
        yield f"NetworkPolicy/{name}", one["spec"]["podSelector"]
    yield "PodMonitor/minio", rendered.of("PodMonitor")["minio"]["spec"]["selector"]


@pytest.mark.parametrize("values", ["operated", "plain"])
def test_pods_of_a_pipeline_have_its_name_and_their_role(values: str, request: pytest.FixtureRequest) -> None:
    """`procstream status` finds them by these labels."""
    rendered: Rendered = request.getfixturevalue(values)
    pods = [one for one in workloads(rendered) if one.name in pipeline_pods(rendered)]
    found = {
        one.name: (one.labels["procstream.io/pipeline"], one.labels["procstream.io/flink"]) for one in pods
    }
    roles = ("jobmanager", "taskmanager")
    assert sorted(found.values()) == sorted((name, role) for name in ALL_PIPELINES for role in roles)
    assert all(name.lower().endswith(role) for name, (_, role) in found.items())


def test_replicas_are_spread_over_nodes(plain: Rendered) -> None:
    def spread(workload: Workload) -> set[str]:
        constraints = workload.pod.get("topologySpreadConstraints", ())
        return {
            name
            for constraint in constraints
            if "labelSelector" in constraint
            for name in selected(plain, constraint["labelSelector"])
        }

    assert spread(by_name(plain)["Deployment/registry"]) == {"Deployment/registry"}


def test_names_without_a_prefix_are_the_releases_own(everything: Rendered) -> None:
    assert short("events-procstream-kafka") == "kafka"
    assert all(
        short(one["metadata"]["name"]) != one["metadata"]["name"] for one in everything.objects if owned(one)
    )


def owned(thing: Mapping[str, Any]) -> bool:
    # Topics and schemas have the names of what they are about; a ClusterRole has its namespace before it.
    return thing["kind"] not in ("Topic", "Schema", "ClusterRole", "ClusterRoleBinding")

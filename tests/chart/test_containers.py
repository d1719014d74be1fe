"""Containers: probes, ports, resources, rights, and the variables that their programs need."""

from collections.abc import Mapping
from typing import Any

import pytest
from procstream_common.settings import KafkaSettings, PostgresSettings, RegistrySettings, S3Settings, load

from tests.chart.conftest import FOREIGN_SECRETS
from tests.chart.pod_security import violations
from tests.chart.rendering import Chart, Rendered, environment
from tests.chart.test_references import data_of
from tests.chart.workloads import Workload, by_name, workloads

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def is_server(workload: Workload) -> bool:
    """Whether its pods run until they are deleted, and others connect to them."""
    kind, name = workload.name.split("/", 1)
    return kind in ("Deployment", "StatefulSet") and not name.startswith("generator-")


def test_pods_are_restricted(rendered: Rendered) -> None:
    found = {one.name: violations(one.pod) for one in workloads(rendered)}
    assert len(found) >= 3
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_probes_ask_at_a_port_of_their_container(rendered: Rendered) -> None:
    asked = 0
    for one in workloads(rendered):
        for container in one.containers():
            ports = {port["name"] for port in container.get("ports", ())}
            for probe in (container[name] for name in PROBES if name in container):
                handler = probe.get("tcpSocket") or probe.get("httpGet")
                assert handler is not None or probe["exec"]["command"], one.name
                asked += handler is not None
                assert handler is None or handler["port"] in ports, (one.name, probe)
    assert asked


def test_servers_have_probes(rendered: Rendered) -> None:
    for one in filter(is_server, workloads(rendered)):
        [main] = one.pod["containers"]
        assert main.keys() >= {"readinessProbe", "livenessProbe"}, one.name


@pytest.mark.parametrize(
    ("workload", "seconds"),
    [
        ("StatefulSet/kafka", 600),
        ("StatefulSet/minio", 120),
        ("StatefulSet/postgres", 120),
        ("Deployment/registry", 300),
        ("Deployment/pipeline-lineage-jobmanager", 600),
        ("Deployment/pipeline-lineage-taskmanager", 600),
        ("Deployment/sql-gateway", 600),
        ("Deployment/sql-gateway-jobmanager", 600),
        ("Deployment/sql-gateway-taskmanager", 600),
    ],
)
def test_a_slow_start_is_not_ended(plain: Rendered, workload: str, seconds: int) -> None:
    probe = by_name(plain)[workload].pod["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= seconds


@pytest.mark.parametrize(
    ("workload", "seconds"),
    [
        ("StatefulSet/kafka", 60),
        ("StatefulSet/minio", 30),
        ("StatefulSet/postgres", 60),
        ("Deployment/registry", 60),
        ("Deployment/pipeline-lineage-jobmanager", 60),
        ("Deployment/pipeline-lineage-taskmanager", 60),
        ("Deployment/sql-gateway", 60),
        ("Deployment/sql-gateway-jobmanager", 60),
        ("Deployment/sql-gateway-taskmanager", 60),
    ],
)
def test_a_busy_server_is_not_restarted(plain: Rendered, workload: str, seconds: int) -> None:
    probe = by_name(plain)[workload].pod["containers"][0]["livenessProbe"]
    assert probe["periodSeconds"] * probe.get("failureThreshold", 3) == seconds
    assert "exec" not in probe  # a command costs more than a connection


@pytest.mark.parametrize(
    ("workload", "path"),
    [
        ("StatefulSet/minio", "/minio/health/ready"),
        ("Deployment/registry", "/apis/ccompat/v7/subjects"),
        ("Deployment/pipeline-lineage-jobmanager", "/config"),
        ("Deployment/sql-gateway", "/info"),
    ],
)
def test_a_server_is_ready_when_it_answers(plain: Rendered, workload: str, path: str) -> None:
    probe = by_name(plain)[workload].pod["containers"][0]["readinessProbe"]
    assert probe["httpGet"]["path"] == path
    assert probe["periodSeconds"] == 5


def test_probes_of_a_server_ask_the_port_that_its_clients_use(plain: Rendered) -> None:
    asked = {
        (name, probe): (found.get("tcpSocket") or found["httpGet"])["port"]
        for name, one in by_name(plain).items()
        for container in one.pod["containers"][:1]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe")
        if (found := container.get(probe)) and "exec" not in found
    }
    assert {port for (name, _), port in asked.items() if name == "StatefulSet/kafka"} == {"kafka"}
    assert {port for (name, _), port in asked.items() if name == "StatefulSet/minio"} == {"s3"}
    assert asked["Deployment/registry", "readinessProbe"] == "http"
    assert asked["Deployment/registry", "livenessProbe"] == "http"


OTHER_NAMES = {
    "APICURIO_DATASOURCE_USERNAME": "POSTGRES_USER",
    "APICURIO_DATASOURCE_PASSWORD": "POSTGRES_PASSWORD",
    "MINIO_ROOT_USER": "AWS_ACCESS_KEY_ID",
    "MINIO_ROOT_PASSWORD": "AWS_SECRET_ACCESS_KEY",
}
"""Variables of programs that have another name for a setting: the Secret's entry."""


def test_a_variable_has_the_secrets_entry_of_its_name(rendered: Rendered) -> None:
    for one in workloads(rendered):
        for container in one.containers():
            for variable in container.get("env", ()):
                name = variable["name"]
                key = variable.get("valueFrom", {}).get("secretKeyRef", {}).get("key", name)
                assert key in (name, OTHER_NAMES.get(name)), one.name
                assert "secretKeyRef" in variable.get("valueFrom", {}) or name not in OTHER_NAMES, one.name


def test_the_registry_has_started_when_it_has_read_its_journal(plain: Rendered) -> None:
    registry = by_name(plain)["Deployment/registry"].pod["containers"][0]
    assert registry["startupProbe"]["httpGet"] == {"path": "/health/ready", "port": "management"}
    assert {"name": "management", "containerPort": 9000} in registry["ports"]


def test_ports_have_a_name_each(rendered: Rendered) -> None:
    for one in workloads(rendered):
        names = [port["name"] for each in one.containers() for port in each.get("ports", ())]
        numbers = [port["containerPort"] for each in one.containers() for port in each.get("ports", ())]
        assert len(names) == len(set(names)), one.name
        assert len(numbers) == len(set(numbers)), one.name
        assert all(len(name) <= 15 for name in names), one.name  # Kubernetes' limit


def test_variables_are_given_once(rendered: Rendered) -> None:
    for one in workloads(rendered):
        for container in one.containers():
            names = [variable["name"] for variable in container.get("env", ())]
            assert len(names) == len(set(names)), (one.name, container["name"])
            assert all(isinstance(value, str) for value in environment(container).values()), one.name


def variables(rendered: Rendered, container: Mapping[str, Any]) -> dict[str, str]:
    """What its program finds in the environment; of what Kubernetes fills in, the field's name."""
    config_maps, secrets = data_of(rendered, "ConfigMap"), FOREIGN_SECRETS | data_of(rendered, "Secret")
    found: dict[str, str] = {}
    for source in container.get("envFrom", ()):
        if "configMapRef" in source:
            found |= config_maps[source["configMapRef"]["name"]]
        if "secretRef" in source:
            found |= secrets[source["secretRef"]["name"]]
    for variable in container.get("env", ()):
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            found[variable["name"]] = secrets[reference["name"]][reference["key"]]
        else:
            found[variable["name"]] = variable.get("value", "filled in")
    return found


def test_what_waits_has_the_addresses_of_what_it_waits_for(rendered: Rendered) -> None:
    settings = {
        "kafka": KafkaSettings,
        "topic": KafkaSettings,
        "registry": RegistrySettings,
        "subject": RegistrySettings,
        "s3": S3Settings,
        "postgres": PostgresSettings,
    }
    waiting = [
        (one, each) for one in workloads(rendered) for each in one.containers() if each["name"] == "wait"
    ]
    assert waiting
    for one, container in waiting:
        assert container["command"] == ["procstream-wait"]
        for need in container["args"]:
            load(settings[need.partition(":")[0]], variables(rendered, container))
        if "s3" in container["args"]:
            assert_own_store(rendered, container)
        assert one.pod["initContainers"][0] == container, f"{one.name}: something else runs before"


def assert_own_store(rendered: Rendered, container: Mapping[str, Any]) -> None:
    found = load(S3Settings, variables(rendered, container))
    if "minio" in rendered.components():
        assert found.endpoint == "http://events-procstream-minio:9000"


def test_jobs_and_verifications_reach_every_server(rendered: Rendered) -> None:
    for one in workloads(rendered):
        if "/pipeline-" in one.name or "/verify-" in one.name or "/sql-gateway" in one.name:
            main = variables(rendered, one.pod["containers"][0])
            load(KafkaSettings, main)
            load(RegistrySettings, main)
            store = load(S3Settings, main)
            own = "minio" in rendered.components()
            if own:
                assert (store.endpoint, store.path_style) == ("http://events-procstream-minio:9000", True)
                assert main["AWS_ACCESS_KEY_ID"] == "procstream"
            if "postgres" in rendered.components():
                database = load(PostgresSettings, main).libpq()
                assert (database["host"], database["user"]) == ("events-procstream-postgres", "procstream")


def test_generators_reach_kafka_and_the_registry(rendered: Rendered) -> None:
    for one in workloads(rendered):
        if "/generator-" in one.name:
            [main] = one.pod["containers"]
            found = variables(rendered, main)
            load(KafkaSettings, found)
            load(RegistrySettings, found)
            topic = next(need for need in one.pod["initContainers"][0]["args"] if need.startswith("topic:"))
            assert f"topic:{found['KAFKA_TOPIC']}" == topic


def test_servers_have_their_passwords(everything: Rendered) -> None:
    servers = by_name(everything)
    minio = variables(everything, servers["StatefulSet/minio"].pod["containers"][0])
    assert (minio["MINIO_ROOT_USER"], minio["MINIO_ROOT_PASSWORD"]) == ("procstream", "not-a-secret")
    postgres = variables(everything, servers["StatefulSet/postgres"].pod["containers"][0])
    assert (postgres["POSTGRES_USER"], postgres["POSTGRES_PASSWORD"]) == ("procstream", "not-a-secret")
    assert postgres["POSTGRES_DB"] == "procstream"


def test_flinks_processes_know_their_own_pod(plain: Rendered) -> None:
    for one in workloads(plain):
        [main] = one.pod["containers"]
        names = {variable["name"] for variable in main.get("env", ())}
        for argument in map(str, main.get("args", ())):
            if "$(" in argument:
                assert argument.partition("$(")[2].rstrip(")") in names, (one.name, argument)


RESOURCES = {"requests": {"cpu": "123m", "memory": "1235Mi"}, "limits": {"memory": "1237Mi"}}
WITH_RESOURCES = {
    "kafka": "StatefulSet/kafka",
    "minio": "StatefulSet/minio",
    "postgres": "StatefulSet/postgres",
    "registry": "Deployment/registry",
    "operator": "Deployment/operator",
    "generatorDefaults": "Deployment/generator-lineage-input",
    "verification": "CronJob/verify-lineage",
    "flink.jobManager": "Deployment/pipeline-lineage-jobmanager",
    "flink.taskManager": "Deployment/pipeline-lineage-taskmanager",
    "sqlGateway": "Deployment/sql-gateway",
    "sqlGateway.jobManager": "Deployment/sql-gateway-jobmanager",
    "sqlGateway.taskManager": "Deployment/sql-gateway-taskmanager",
}
OPTIONS: dict[str, Any] = {
    "podLabels": {"one": "label"},
    "podAnnotations": {"one": "annotation"},
    "nodeSelector": {"disk": "fast"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
    "priorityClassName": "high",
}


@pytest.fixture(scope="session")
def with_options(chart: Chart) -> Rendered:
    """Every component with the same options of its pods."""
    values: dict[str, Any] = {"postgres": {"enabled": True}, "sqlGateway": {"enabled": True}}
    for path in WITH_RESOURCES:
        component, *part = path.split(".")
        target = values.setdefault(component, {})
        if part:
            target = target.setdefault(part[0], {})
        target.update(OPTIONS, resources=RESOURCES)
    return chart.render(values, "values-local.yaml")


@pytest.mark.parametrize(("path", "workload"), WITH_RESOURCES.items())
def test_options_of_a_component_reach_its_pods(with_options: Rendered, path: str, workload: str) -> None:
    found = by_name(with_options)[workload]
    assert found.pod["containers"][0]["resources"] == RESOURCES
    assert found.labels["one"] == "label"
    for field in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert found.pod[field] == OPTIONS[field], field


def test_annotations_of_a_component_reach_its_pods(with_options: Rendered) -> None:
    annotated = {
        name for name, one in with_options.templates() if "one" in one["metadata"].get("annotations", {})
    }
    assert {one.partition("/")[2].removeprefix("events-procstream-") for one in annotated} == {
        workload.partition("/")[2] for workload in WITH_RESOURCES.values()
    } | {
        "pipeline-procstat-lineage-jobmanager",
        "pipeline-procstat-lineage-taskmanager",
        "verify-procstat-lineage",
    }


def test_only_what_asks_the_api_server_has_a_token(rendered: Rendered) -> None:
    for one in workloads(rendered):
        name = one.name.partition("/")[2]
        asks = name.startswith("pipeline-") or name in ("operator", "uninstall")
        assert one.pod.get("automountServiceAccountToken", True) is asks, one.name

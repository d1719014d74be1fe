"""The SQL Gateway: its pods, and the session cluster that its queries run on."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from procstream_job.topics.sql_catalog.tables_file import RunningPipeline

from tests.chart.pod_security import violations
from tests.chart.rendering import PREFIX, Chart, RefusedError, Rendered, environment, references

ROLES = ["sql-gateway", "sql-gateway-jobmanager", "sql-gateway-taskmanager"]


def render(chart: Chart, values: Mapping[str, Any] | None = None, **gateway: Any) -> Rendered:
    given = {"sqlGateway": {"enabled": True, **gateway}, **(values or {})}
    return chart.render(given, "values-local.yaml")


def template(rendered: Rendered, role: str = "sql-gateway") -> Mapping[str, Any]:
    found: Mapping[str, Any] = rendered.of("Deployment")[role]["spec"]["template"]
    return found


def configuration(rendered: Rendered) -> dict[str, str]:
    return dict(yaml.safe_load(rendered.of("ConfigMap")["sql-gateway"]["data"]["config.yaml"]))


def sidecar(rendered: Rendered) -> Mapping[str, Any]:
    first = template(rendered)["spec"]["initContainers"]
    return next(one for one in first if one["name"] == "tables")


def running(rendered: Rendered) -> list[RunningPipeline]:
    found = json.loads(rendered.of("ConfigMap")["sql-gateway-pipelines"]["data"]["running.json"])
    return [RunningPipeline.model_validate(one) for one in found]


def test_nothing_of_it_is_there_by_default(local: Rendered) -> None:
    assert "sql-gateway" not in local.components()


@pytest.mark.parametrize("operator", [False, True])
def test_it_is_plain_deployments_in_any_case(chart: Chart, operator: bool) -> None:
    rendered = render(chart, {"flink": {"operator": {"enabled": operator}}})
    assert set(ROLES) <= rendered.of("Deployment").keys()
    assert not [name for name in rendered.of("FlinkDeployment") if "sql-gateway" in name]


def test_pods_are_restricted_and_have_no_token(chart: Chart) -> None:
    rendered = render(chart)
    pods = [template(rendered, role)["spec"] for role in ROLES]
    assert [violations(pod) for pod in pods] == [[], [], []]
    assert not any(pod["automountServiceAccountToken"] for pod in pods)


def test_the_catalog_is_a_file_that_the_sidecar_keeps(chart: Chart) -> None:
    rendered = render(chart, refreshInterval="5s")
    catalog = yaml.safe_load(rendered.of("ConfigMap")["sql-gateway"]["data"]["procstream.yaml"])
    tables = sidecar(rendered)
    # Started before the gateway, and kept running beside it.
    assert tables["restartPolicy"] == "Always"
    assert catalog["path"] in tables["args"]
    assert "--every=5s" in tables["args"]
    assert tables["startupProbe"]["exec"]["command"] == ["test", "-s", catalog["path"]]
    gateway = template(rendered)["spec"]["containers"][0]
    mounts = {mount["mountPath"]: mount for mount in gateway["volumeMounts"]}
    assert mounts["/var/lib/procstream/tables"]["readOnly"]
    store = configuration(rendered)["table.catalog-store.file.path"].removeprefix("file://")
    name = configuration(rendered)["table.builtin-catalog-name"]
    assert mounts[f"{store}/{name}.yaml"]["subPath"] == "procstream.yaml"
    # Where sessions can make catalogs, too.
    assert not mounts[store].get("readOnly")


def test_the_cluster_is_found_by_its_service(chart: Chart) -> None:
    rendered = render(chart)
    found = configuration(rendered)
    service = rendered.of("Service")["sql-gateway-jobmanager"]
    ports = {one["name"]: str(one["port"]) for one in service["spec"]["ports"]}
    assert found["jobmanager.rpc.address"] == found["rest.address"] == service["metadata"]["name"]
    assert ports == {
        "rpc": found["jobmanager.rpc.port"],
        "blob": found["blob.server.port"],
        "rest": found["rest.port"],
    }
    assert rendered.of("Service")["sql-gateway"]["spec"]["ports"][0]["port"] == 8083
    # A session's jobs end with it; nobody asks Kubernetes who leads.
    assert not [key for key in found if key.startswith("high-availability")]
    assert found["execution.checkpointing.dir"] == "s3://procstream/flink/sql-gateway/checkpoints"


def test_it_reaches_what_pipelines_reach(chart: Chart) -> None:
    rendered = render(chart, {"postgres": {"enabled": True, "password": "not-a-secret"}})
    for role in ROLES:
        container = template(rendered, role)["spec"]["containers"][0]
        assert references(container) >= {f"{PREFIX}-{name}" for name in ("connection", "minio", "postgres")}
        assert environment(container).keys() >= {"S3_ENDPOINT", "AWS_REGION", "POSTGRES_URL"}
    # Of the topics' schemas and records alone.
    assert references(sidecar(rendered)) == {f"{PREFIX}-connection"}


def test_certificates_are_where_kafkas_clients_run(chart: Chart) -> None:
    external = {
        "bootstrapServers": "kafka.example:9093",
        "securityProtocol": "SSL",
        "tlsSecret": "kafka-ca",
    }
    registry = {"enabled": False, "external": {"url": "https://registry.example"}}
    rendered = render(chart, {"kafka": {"enabled": False, "external": external}, "registry": registry})
    for role in ROLES:
        pod = template(rendered, role)["spec"]
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert "/etc/procstream/tls" in [mount["mountPath"] for mount in container["volumeMounts"]]


def test_it_knows_the_releases_pipelines_and_a_change_of_them_restarts_nothing(chart: Chart) -> None:
    own = {"name": "own", "sources": {}, "sink": {"print": {}}}
    source = {"records": {"topic": "${TOPIC}", "format": "json", "columns": {"id": "STRING"}}}
    pipelines = {
        "lineage": {"enabled": False},
        "procstat-lineage": {"enabled": False},
        "fraud-alerts": {"enabled": True, "env": {"FRAUD_THRESHOLD": 2500}},
        "own": {"enabled": True, "definition": {**own, "sources": source}, "env": {"TOPIC": "records"}},
    }
    rendered = render(chart, {"pipelines": pipelines})
    assert running(rendered) == [
        RunningPipeline(source="fraud-alerts", env={"FRAUD_THRESHOLD": "2500"}),
        RunningPipeline(source="/etc/procstream/pipelines/own.yaml", env={"TOPIC": "records"}),
    ]
    files = rendered.of("ConfigMap")["sql-gateway-pipelines"]["data"]
    assert yaml.safe_load(files["own.yaml"]) == {**own, "sources": source}
    assert template(rendered) == template(render(chart))


def test_it_needs_no_pipeline(chart: Chart) -> None:
    none = {name: {"enabled": False} for name in ("lineage", "procstat-lineage")}
    rendered = render(chart, {"pipelines": none})
    account = template(rendered)["spec"]["serviceAccountName"]
    assert account in [one["metadata"]["name"] for one in rendered.of("ServiceAccount").values()]
    assert "flink" not in rendered.of("Role")
    assert running(rendered) == []


def test_a_change_of_the_configuration_rolls_all_three(chart: Chart) -> None:
    before, after = render(chart), render(chart, configuration={"sql-gateway.session.idle-timeout": "1 h"})
    assert configuration(after)["sql-gateway.session.idle-timeout"] == "1 h"
    for role in ROLES:
        checksums = {
            template(one, role)["metadata"]["annotations"]["checksum/config"] for one in (before, after)
        }
        assert len(checksums) == 2


def test_what_is_given_wins(chart: Chart) -> None:
    options = {"env.java.opts.sql-gateway": "-Xmx1g", "taskmanager.memory.managed.fraction": 0.2}
    rendered = render(
        chart,
        {"flink": {"configuration": {"taskmanager.memory.managed.fraction": 0.6, "a.b": 1}}},
        configuration=options,
    )
    found = configuration(rendered)
    assert found["env.java.opts.sql-gateway"] == "-Xmx1g"
    assert (found["taskmanager.memory.managed.fraction"], found["a.b"]) == ("0.2", "1")


@pytest.mark.parametrize(
    ("role", "path"),
    [
        ("sql-gateway", ()),
        ("sql-gateway-jobmanager", ("jobManager",)),
        ("sql-gateway-taskmanager", ("taskManager",)),
    ],
)
def test_options_reach_the_pods(chart: Chart, role: str, path: tuple[str, ...]) -> None:
    options: dict[str, Any] = {
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
        "podLabels": {"one": "label"},
        "podAnnotations": {"one": "annotation"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "priorityClassName": "high",
    }
    rendered = render(chart, **({path[0]: options} if path else options))
    pod, metadata = template(rendered, role)["spec"], template(rendered, role)["metadata"]
    assert pod["containers"][0]["resources"] == options["resources"]
    assert metadata["labels"]["one"] == "label"
    assert metadata["annotations"]["one"] == "annotation"
    for field in ("nodeSelector", "tolerations", "affinity", "priorityClassName"):
        assert pod[field] == options[field]


def test_memory_is_what_flink_divides_up(chart: Chart) -> None:
    memory = {"resources": {"limits": {"memory": "1Gi"}}}
    rendered = render(chart, jobManager=memory, taskManager={**memory, "slots": 2, "replicas": 3})
    found = configuration(rendered)
    assert found["jobmanager.memory.process.size"] == found["taskmanager.memory.process.size"] == "1024m"
    assert found["taskmanager.numberOfTaskSlots"] == "2"
    assert rendered.of("Deployment")["sql-gateway-taskmanager"]["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("gateway", "message"),
    [
        ({"refreshInterval": "often"}, "at '/sqlGateway/refreshInterval'"),
        ({"replicas": 2}, "'replicas' not allowed"),
        ({"taskManager": {"slots": 0}}, "at '/sqlGateway/taskManager/slots'"),
        (
            {"taskManager": {"resources": {"limits": {"memory": "2G"}}}},
            'sqlGateway.taskManager.resources.limits.memory: found "2G", expected a size in Mi or Gi',
        ),
    ],
)
def test_a_mistake_is_named_with_its_path(chart: Chart, gateway: Mapping[str, Any], message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        render(chart, **gateway)
    assert message in str(refused.value)


def test_the_network_lets_in_its_own_pods_and_who_is_named(chart: Chart) -> None:
    def rules(*peers: Mapping[str, Any]) -> list[dict[str, Any]]:
        rendered = render(chart, {"networkPolicies": {"enabled": True, "allowFrom": list(peers)}})
        policy = rendered.of("NetworkPolicy")["sql-gateway"]["spec"]
        [expression] = policy["podSelector"]["matchExpressions"]
        for role in ROLES:
            labels = template(rendered, role)["metadata"]["labels"]
            assert policy["podSelector"]["matchLabels"].items() <= labels.items()
            assert labels[expression["key"]] in expression["values"]
            # Else the policy of the pipelines' Flink would open the REST interface to all.
            assert "procstream.io/flink" not in labels
        assert policy["ingress"][0] == {"from": [{"podSelector": policy["podSelector"]}]}
        return list(policy["ingress"][1:])

    assert rules() == []
    peer = {"namespaceSelector": {"matchLabels": {"team": "streams"}}}
    assert rules(peer) == [{"from": [peer], "ports": [{"port": "http"}]}]


def test_it_can_be_scraped(chart: Chart) -> None:
    rendered = render(chart, {"monitoring": {"podMonitors": {"enabled": True}}})
    monitor = rendered.of("PodMonitor")[""]["spec"]
    for role in ROLES[1:]:
        pod = template(rendered, role)
        assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
        ports = {port["name"] for port in pod["spec"]["containers"][0]["ports"]}
        assert monitor["podMetricsEndpoints"][0]["port"] in ports

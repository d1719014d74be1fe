"""Pipelines: Deployments without Flink's operator, FlinkDeployments with it."""

from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from procstream_job.file.reading import shipped_pipelines

from tests.chart.conftest import ALL_PIPELINES, OWN_PIPELINE
from tests.chart.pod_security import violations
from tests.chart.rendering import CHART, NAMESPACE, PREFIX, Chart, RefusedError, environment

OWN = OWN_PIPELINE
ALL = ALL_PIPELINES


def values(pipelines: Mapping[str, Any], operator: bool = False) -> dict[str, Any]:
    return {"flink": {"operator": {"enabled": operator}}, "pipelines": dict(pipelines)}


def only_lineage(**lineage: Any) -> dict[str, Any]:
    return values({"procstat-lineage": {"enabled": False}, "lineage": lineage})


def pod(chart: Chart, given: Mapping[str, Any], name: str = "lineage") -> Mapping[str, Any]:
    """The JobManager's pod template."""
    deployments = chart.render(given, "values-local.yaml").of("Deployment")
    template: Mapping[str, Any] = deployments[f"pipeline-{name}-jobmanager"]["spec"]["template"]
    return template


def arguments(chart: Chart, given: Mapping[str, Any]) -> list[str]:
    found: list[str] = pod(chart, given)["spec"]["containers"][0]["args"]
    return found


def plan(chart: Chart, given: Mapping[str, Any]) -> str:
    """What decides whether the last plan is used again."""
    first = pod(chart, given)["spec"]["initContainers"]
    return str(next(one["args"][-1] for one in first if one["name"] == "stale-plan"))


def job_id(chart: Chart, given: Mapping[str, Any]) -> str:
    found = arguments(chart, given)
    return found[found.index("--job-id") + 1]


def test_pods_are_restricted(chart: Chart) -> None:
    rendered = chart.render(values(ALL), "values-local.yaml")
    found = {name: violations(spec) for name, spec in rendered.pods() if "pipeline" in name}
    assert len(found) == 2 * len(ALL)
    assert not any(found.values()), found


def test_both_ways_run_the_same(chart: Chart) -> None:
    plain = chart.render(values(ALL), "values-local.yaml")
    operated = chart.render(values(ALL, operator=True), "values-local.yaml")
    assert not plain.of("FlinkDeployment")
    assert len(operated.of("FlinkDeployment")) == len(ALL)
    for name, deployment in operated.of("FlinkDeployment").items():
        spec = deployment["spec"]
        container = plain.of("Deployment")[f"{name}-jobmanager"]["spec"]["template"]["spec"]["containers"][0]
        configuration = yaml.safe_load(plain.of("ConfigMap")[name]["data"]["config.yaml"])
        own = {
            key: value
            for key, value in spec["flinkConfiguration"].items()
            if not key.startswith(("kubernetes.", "$internal."))
        }
        assert own.items() <= configuration.items()
        first = container["args"].index("-pym")
        assert container["args"][first : first + len(spec["job"]["args"])] == spec["job"]["args"]
        assert environment(spec["podTemplate"]["spec"]["containers"][0]) == environment(container)
        assert spec["job"]["upgradeMode"] == "last-state"
        assert configuration["jobmanager.memory.process.size"] == spec["jobManager"]["resource"]["memory"]


def operated(chart: Chart, given: Mapping[str, Any], name: str = "lineage") -> dict[str, Any]:
    """The specification of its FlinkDeployment."""
    enabled = {"operator": {"enabled": True}}
    rendered = chart.render({**given, "flink": {**given.get("flink", {}), **enabled}}, "values-local.yaml")
    return dict(rendered.of("FlinkDeployment")[f"pipeline-{name}"]["spec"])


def test_no_key_is_below_another_one_which_flinks_operator_refuses(chart: Chart) -> None:
    keys = operated(chart, only_lineage())["flinkConfiguration"]
    assert not [(key, other) for key in keys for other in keys if other.startswith(f"{key}.")]


@pytest.mark.parametrize("savepoint", ["", "s3://procstream/flink/lineage/savepoints/savepoint-1"])
def test_flinks_operator_starts_the_job_by_the_same_id(chart: Chart, savepoint: str) -> None:
    given = only_lineage(fromSavepoint=savepoint)
    spec = operated(chart, given)
    assert spec["flinkConfiguration"]["$internal.pipeline.job-id"] == job_id(chart, given)
    checkpoints = f"{spec['flinkConfiguration']['execution.checkpointing.dir']}/{job_id(chart, given)}"
    assert f"--resume={checkpoints}" in spec["job"]["args"]
    assert spec["job"].get("initialSavepointPath", "") == savepoint


def test_flinks_operator_can_go_back_to_a_checkpoint_and_try_again(chart: Chart) -> None:
    configuration = operated(chart, only_lineage())["flinkConfiguration"]
    prefix = "kubernetes.operator.job"
    assert configuration[f"{prefix}.upgrade.last-state.job-cancel.enabled"] == "true"
    assert configuration[f"{prefix}.restart.failed"] == "true"


def test_job_managers_of_flinks_operator_may_start_task_managers_and_no_more(chart: Chart) -> None:
    def rules(operator: bool) -> dict[str, set[str]]:
        role = chart.render(values({}, operator), "values-local.yaml").of("Role")["flink"]
        return {name: set(rule["verbs"]) for rule in role["rules"] for name in rule["resources"]}

    assert rules(operator=False).keys() == {"configmaps"}
    assert rules(operator=True).keys() == {"configmaps", "pods", "deployments", "deployments/finalizers"}
    # The owner of TaskManagers is a Deployment: some clusters ask for this where one is named as such.
    assert "update" in rules(operator=True)["deployments/finalizers"]


def test_names_are_short_enough_for_flink(chart: Chart) -> None:
    names = chart.render(values(ALL, operator=True), "values-local.yaml").of("FlinkDeployment").values()
    found = [one["metadata"]["name"] for one in names]
    assert max(map(len, found)) <= 45
    assert len(set(found)) == len(ALL)


def test_the_lake_is_in_the_bucket(chart: Chart) -> None:
    found = environment(pod(chart, only_lineage())["spec"]["containers"][0])
    assert found["OUTPUT_PATH"] == "s3://procstream/lineage/output"
    assert found["WRITE_AHEAD_COMMIT_LOG_PATH"] == "s3://procstream/lineage/write-ahead-commit-log"
    assert found["DROPPED_PATH"] == "s3://procstream/lineage/dropped"
    elsewhere = pod(chart, only_lineage(env={"OUTPUT_PATH": "s3://other/rows"}))["spec"]["containers"][0]
    assert environment(elsewhere)["OUTPUT_PATH"] == "s3://other/rows"


@pytest.mark.parametrize(("parallelism", "taskmanagers"), [(1, 1), (2, 1), (3, 2)])
def test_there_are_enough_taskmanagers(chart: Chart, parallelism: int, taskmanagers: int) -> None:
    rendered = chart.render(only_lineage(parallelism=parallelism), "values-local.yaml")
    assert rendered.of("Deployment")["pipeline-lineage-taskmanager"]["spec"]["replicas"] == taskmanagers


def test_an_own_pipeline_is_mounted(chart: Chart) -> None:
    rendered = chart.render(values({"own": OWN}), "values-local.yaml")
    files = rendered.of("ConfigMap")["pipeline-own-files"]["data"]
    assert yaml.safe_load(files["own.yaml"]) == OWN["definition"]
    assert files["my_rules.py"] == "from pyflink.table.udf import udf\n"
    container = pod(chart, values({"own": OWN}), "own")["spec"]["containers"][0]
    assert "/etc/procstream/pipeline/own.yaml" in container["args"]
    assert "/etc/procstream/pipeline" in [mount["mountPath"] for mount in container["volumeMounts"]]


@pytest.mark.parametrize(
    "change",
    [
        {"parallelism": 3},
        {"checkpointInterval": "5s"},
        {"env": {"KAFKA_TOPIC": "other"}},
        {"configuration": {"table.exec.state.ttl": "1 h"}},
        {"fromSavepoint": "s3://procstream/flink/lineage/savepoints/savepoint-1"},
    ],
)
def test_a_change_of_the_pipeline_makes_a_new_plan(chart: Chart, change: Mapping[str, Any]) -> None:
    assert plan(chart, only_lineage(**change)) != plan(chart, only_lineage())


def test_other_changes_keep_the_plan(chart: Chart) -> None:
    changed = only_lineage(jobManager={"resources": {"limits": {"memory": "2Gi"}}, "podLabels": {"a": "b"}})
    assert plan(chart, changed) == plan(chart, only_lineage())


def test_the_job_stays_the_same_unless_it_starts_from_a_savepoint(chart: Chart) -> None:
    savepoint = "s3://procstream/flink/lineage/savepoints/savepoint-1"
    assert job_id(chart, only_lineage(parallelism=3)) == job_id(chart, only_lineage())
    assert job_id(chart, only_lineage(fromSavepoint=savepoint)) != job_id(chart, only_lineage())
    assert f"--from-savepoint={savepoint}" in arguments(chart, only_lineage(fromSavepoint=savepoint))


def test_the_job_finds_the_checkpoints_that_it_wrote(chart: Chart) -> None:
    configuration = yaml.safe_load(
        chart.render(only_lineage(), "values-local.yaml").of("ConfigMap")["pipeline-lineage"]["data"][
            "config.yaml"
        ]
    )
    folder = f"{configuration['execution.checkpointing.dir']}/{job_id(chart, only_lineage())}"
    assert f"--resume={folder}" in arguments(chart, only_lineage())


def test_a_role_of_aws_is_used(chart: Chart) -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/lake"}
    given = only_lineage() | {"s3": {"serviceAccountAnnotations": role}, "minio": {"enabled": False}}
    rendered = chart.render(given, "values-local.yaml")
    assert rendered.of("ServiceAccount")["flink"]["metadata"]["annotations"] == role
    configuration = yaml.safe_load(rendered.of("ConfigMap")["pipeline-lineage"]["data"]["config.yaml"])
    assert "WebIdentity" in configuration["s3.aws.credentials.provider"]
    assert "s3.endpoint" not in configuration


def test_without_pipelines_there_is_nothing_of_flink(chart: Chart) -> None:
    rendered = chart.render(only_lineage(enabled=False), "values-local.yaml")
    assert not [name for name in rendered.components() if name == "flink" or name.startswith("pipeline-")]


@pytest.mark.parametrize(
    ("pipelines", "sentence"),
    [
        ({"own": OWN | {"file": "lineage"}}, "pipelines.own: found both file and definition: set one of"),
        ({"mine": OWN}, "pipelines.mine.definition.name: found own: set it to the name of the entry"),
        (
            {"lineage": {"jobManager": {"resources": {"limits": {"memory": "1G"}}}}},
            'flink.jobManager.resources.limits.memory: found "1G", expected a size in Mi or Gi',
        ),
        ({"linage": {"enabled": True}}, "at '/pipelines/linage': missing property 'definition'"),
        ({"lineage": {"paralelism": 2}}, "at '/pipelines/lineage': additional properties 'paralelism'"),
        (
            {"own": {**OWN, "definition": {**OWN["definition"], "sinks": {}}}},  # type: ignore[dict-item]
            "at '/pipelines/own/definition': additional properties 'sinks' not allowed",
        ),
    ],
)
def test_a_mistake_is_reported(chart: Chart, pipelines: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(RefusedError) as refused:
        chart.render(values(pipelines), "values-local.yaml")
    assert sentence in str(refused.value)


def test_a_cluster_without_flinks_operator_is_reported(chart: Chart) -> None:
    known = ["template", "events", str(CHART), f"--values={CHART / 'values-local.yaml'}"]
    known += ["--set=flink.operator.enabled=true", "--api-versions=procstream.io/v1alpha1"]
    with pytest.raises(RefusedError, match="the cluster has no FlinkDeployment: install"):
        chart.run(*known)
    chart.run(*known, "--api-versions=flink.apache.org/v1beta1")


def test_all_that_ship_are_listed() -> None:
    assert set(yaml.safe_load((CHART / "values.yaml").read_text())["pipelines"]) == set(shipped_pipelines())


def test_every_service_of_a_rest_interface_is_an_allowed_host(chart: Chart) -> None:
    given = values(ALL) | {"sqlGateway": {"enabled": True}}
    given["flink"]["rest"] = {"allowedHosts": ["flink.example.com", "10.0.0.7", "fd00::7"]}
    rendered = chart.render(given, "values-local.yaml")
    hosts = {
        name: set(yaml.safe_load(one["data"]["config.yaml"])["procstream.rest.allowed-hosts"].split(";"))
        for name, one in rendered.of("ConfigMap").items()
        if "config.yaml" in one["data"]
    }
    services = [
        name
        for name, one in rendered.of("Service").items()
        if {"rest", 8081, 8083} & {port.get("targetPort") for port in one["spec"]["ports"]}
        or name == "sql-gateway"
    ]
    assert len(services) == len(ALL) + 2
    for name in services:
        full = f"{PREFIX}-{name}"
        own = hosts[name.removesuffix("-jobmanager")]
        assert own >= {full, f"{full}.{NAMESPACE}", f"{full}.{NAMESPACE}.svc"}
        assert own >= {f"{full}.{NAMESPACE}.svc.cluster.local", "flink.example.com", "10.0.0.7", "fd00::7"}
    for name, one in (
        chart.render(values(ALL, operator=True), "values-local.yaml").of("FlinkDeployment").items()
    ):
        # Flink's operator calls the Service that Flink creates.
        own = one["spec"]["flinkConfiguration"]["procstream.rest.allowed-hosts"].split(";")
        assert f"{PREFIX}-{name}-rest.{NAMESPACE}" in own


def test_probes_name_a_host_that_is_allowed(chart: Chart) -> None:
    rendered = chart.render(values(ALL) | {"sqlGateway": {"enabled": True}}, "values-local.yaml")
    probes = [
        container[kind]["httpGet"]
        for called, spec in rendered.pods()
        if "pipeline" in called or "sql-gateway" in called
        for container in spec["containers"]
        for kind in ("startupProbe", "readinessProbe", "livenessProbe")
        if "httpGet" in container.get(kind, {})
    ]
    assert len(probes) == len(ALL) + 3
    assert all(one["httpHeaders"] == [{"name": "Host", "value": "localhost"}] for one in probes)


@pytest.mark.parametrize(
    "host", ["http://flink.example.com", "flink.example.com:443", "*.example.com", "", "a b"]
)
def test_an_allowed_host_is_a_name_or_an_address(chart: Chart, host: str) -> None:
    with pytest.raises(RefusedError, match="allowedHosts"):
        chart.render({"flink": {"rest": {"allowedHosts": [host]}}}, "values-local.yaml")

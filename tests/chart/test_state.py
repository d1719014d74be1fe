"""What keeps a pipeline's state: high availability, checkpoints, one JobManager, and one id for its job."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import pytest
import yaml

from tests.chart.conftest import ALL_PIPELINES
from tests.chart.rendering import NAMESPACE, Chart, Rendered
from tests.chart.workloads import by_name


def configurations(rendered: Rendered) -> dict[str, Mapping[str, Any]]:
    """Flink's configuration of each pipeline, by its name."""
    found: dict[str, Mapping[str, Any]] = {}
    for one in rendered.of("FlinkDeployment").values():
        found[pipeline_of(one)] = one["spec"]["flinkConfiguration"]
    for one in rendered.of("ConfigMap").values():
        if (
            "config.yaml" in one["data"]
            and "pipeline-" in one["metadata"]["labels"]["app.kubernetes.io/component"]
        ):
            found[pipeline_of(one)] = yaml.safe_load(one["data"]["config.yaml"])
    return found


def pipeline_of(thing: Mapping[str, Any]) -> str:
    return str(thing["metadata"]["labels"]["app.kubernetes.io/component"]).removeprefix("pipeline-")


@pytest.fixture(params=["operated", "plain"])
def all_pipelines(request: pytest.FixtureRequest) -> Rendered:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Rendered)
    return found


def test_every_pipeline_is_highly_available(all_pipelines: Rendered) -> None:
    found = configurations(all_pipelines)
    assert found.keys() == ALL_PIPELINES.keys()
    for pipeline, configuration in found.items():
        folder = f"s3://procstream/flink/{pipeline}"
        assert configuration["high-availability.type"] == "kubernetes", pipeline
        assert configuration["high-availability.storageDir"] == f"{folder}/ha"
        assert configuration["execution.checkpointing.dir"] == f"{folder}/checkpoints"
        assert configuration["execution.checkpointing.savepoint-dir"] == f"{folder}/savepoints"


def test_every_pipeline_has_folders_and_an_id_of_its_own(all_pipelines: Rendered) -> None:
    folders = [one["execution.checkpointing.dir"] for one in configurations(all_pipelines).values()]
    assert len(set(folders)) == len(ALL_PIPELINES)


def test_flinks_operator_takes_up_the_last_state(operated: Rendered) -> None:
    ids = set()
    for one in operated.of("FlinkDeployment").values():
        job, configuration = one["spec"]["job"], one["spec"]["flinkConfiguration"]
        assert (job["upgradeMode"], job["state"]) == ("last-state", "running")
        assert one["spec"]["mode"] == "native"
        assert one["spec"]["jobManager"]["replicas"] == 1
        ids.add(configuration["$internal.pipeline.job-id"])
    assert len(ids) == len(ALL_PIPELINES)


def test_two_jobmanagers_never_run_at_once(plain: Rendered) -> None:
    deployments = {name: one for name, one in plain.of("Deployment").items() if name.endswith("manager")}
    assert len(deployments) == 2 * len(ALL_PIPELINES) + 2
    for name, one in deployments.items():
        assert one["spec"]["strategy"] == {"type": "Recreate"}, name
        if name.endswith("-jobmanager"):
            assert one["spec"]["replicas"] == 1, name


def test_leaders_are_kept_where_the_cluster_looks(plain: Rendered) -> None:
    clusters = set()
    for configuration in configurations(plain).values():
        assert configuration["kubernetes.namespace"] == NAMESPACE
        clusters.add(configuration["kubernetes.cluster-id"])
        assert configuration["rest.address"] == configuration["kubernetes.cluster-id"]
    assert len(clusters) == len(ALL_PIPELINES)


def test_processes_of_a_pipeline_may_keep_leaders_and_plans(all_pipelines: Rendered) -> None:
    [rule] = [one for one in all_pipelines.of("Role")["flink"]["rules"] if "configmaps" in one["resources"]]
    assert {"get", "list", "watch", "create", "update", "patch", "delete"} <= set(rule["verbs"])
    assert "resourceNames" not in rule  # Flink chooses the names
    for name, one in by_name(all_pipelines).items():
        if "/pipeline-" in name:
            assert one.pod["automountServiceAccountToken"] is True, name
            assert one.pod["serviceAccountName"].endswith("-flink"), name


def test_the_session_cluster_has_no_state_to_keep(plain: Rendered) -> None:
    session = yaml.safe_load(plain.of("ConfigMap")["sql-gateway"]["data"]["config.yaml"])
    assert not [key for key in session if key.startswith("high-availability")]


def test_every_jobmanager_waits_for_its_servers(all_pipelines: Rendered) -> None:
    waiting = [
        one.pod["initContainers"][0]["args"]
        for name, one in by_name(all_pipelines).items()
        if "/pipeline-" in name and name.endswith(("-jobmanager", "/jobManager"))
    ]
    assert waiting == [["s3", "kafka", "registry"]] * len(ALL_PIPELINES)


def test_a_pipeline_waits_for_its_servers_before_its_plan_is_looked_at(plain: Rendered) -> None:
    jobmanager = by_name(plain)["Deployment/pipeline-lineage-jobmanager"]
    wait, stale_plan = jobmanager.pod["initContainers"]
    assert wait["args"] == ["s3", "kafka", "registry"]
    assert stale_plan["name"] == "stale-plan"


def test_options_of_a_user_win_but_for_other_pipelines(chart: Chart) -> None:
    values = {
        "flink": {"configuration": {"restart-strategy.type": "none"}, "operator": {"enabled": True}},
        "pipelines": {"lineage": {"configuration": {"high-availability.type": "NONE"}}},
    }
    found = configurations(chart.render(values, "values-local.yaml"))
    assert found["lineage"]["high-availability.type"] == "NONE"
    assert found["procstat-lineage"]["high-availability.type"] == "kubernetes"
    assert {one["restart-strategy.type"] for one in found.values()} == {"none"}


def test_a_jobmanager_runs_the_job_of_its_pipeline(plain: Rendered) -> None:
    jobmanager = by_name(plain)["Deployment/pipeline-lineage-jobmanager"]
    arguments = [str(one) for one in jobmanager.pod["containers"][0]["args"]]
    job = arguments[arguments.index("--job-id") + 1]
    assert arguments == [
        "standalone-job",
        "-Djobmanager.rpc.address=$(POD_IP)",
        "--job-id",
        job,
        "--job-classname",
        "org.apache.flink.client.python.PythonDriver",
        "-pym",
        "procstream_job",
        "run",
        "lineage",
        "--parallelism=2",
        "--checkpoint-interval=60s",
        "--wait=10min",
        f"--resume=s3://procstream/flink/lineage/checkpoints/{job}",
    ]
    stale_plan = [str(one) for one in jobmanager.pod["initContainers"][1]["args"]]
    assert stale_plan[:2] == ["python", "-m"]
    assert find_spec(stale_plan[2]) is not None
    assert stale_plan[3] == "events-procstream-pipeline-lineage"

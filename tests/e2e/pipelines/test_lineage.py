"""The pipeline `lineage` on Kubernetes: after each failure, every record is in the lake exactly once."""

import pytest

from tests.e2e.namespaces import Namespace
from tests.e2e.pipelines.release import Pipeline, status

CHECKPOINTS_LATER = 1
"""One checkpoint may have begun before the part was replaced."""
OTHER_OPERATORS = {
    "name": "lineage",
    "sources": {"lineage_input": {"topic": "lineage-input", "format": "avro"}},
    "outputs": {
        "first": {"query": "SELECT uuid FROM lineage_input", "sink": {"print": {}}},
        "second": {"query": "SELECT * FROM lineage_input", "sink": {"lake": {"time": "timestamp"}}},
    },
}


@pytest.fixture(scope="module")
def lineage(namespace: Namespace) -> Pipeline:
    pipeline = Pipeline(namespace, "lineage")
    pipeline.wait_for_checkpoint(timeout=600)
    return pipeline


def test_records_arrive_in_the_lake(lineage: Pipeline) -> None:
    lineage.verify()


def test_status_shows_the_release_where_flinks_operator_is_not_installed(lineage: Pipeline) -> None:
    kinds = lineage.namespace.cluster.run("api-resources", "--api-group=flink.apache.org", "--output=name")
    if kinds.stdout.strip():
        pytest.skip("the cluster has Flink's operator")
    found = status(lineage.namespace)
    assert found["healthy"], found["problems"]
    assert [(one["name"], one["state"]) for one in found["pipelines"]] == [("lineage", "RUNNING")]
    assert {"Deployment", "StatefulSet"} <= {one["kind"] for one in found["workloads"]}


@pytest.mark.parametrize("role", ["taskmanager", pytest.param("jobmanager", marks=pytest.mark.long)])
def test_a_pod_that_is_killed_costs_no_record(lineage: Pipeline, role: str) -> None:
    last = lineage.wait_for_checkpoint()
    lineage.delete(role)
    lineage.wait_for_recovery(last)
    lineage.verify()


def test_a_registry_that_restarts_with_the_tasks_makes_no_dead_letters(lineage: Pipeline) -> None:
    """Tasks that start know no schema; a registry that starts finds none before it has read its journal."""
    last = lineage.wait_for_checkpoint()
    lineage.namespace.kubectl(
        "delete", "pod", "--selector=app.kubernetes.io/component=registry", "--grace-period=0", "--force"
    )
    lineage.delete("taskmanager")
    lineage.wait_for_recovery(last)
    lineage.verify()


@pytest.mark.long
@pytest.mark.parametrize("component", ["kafka", "minio", "registry", "operator"])
def test_a_part_that_is_replaced_costs_no_record(lineage: Pipeline, component: str) -> None:
    lineage.namespace.replace(f"--selector=app.kubernetes.io/component={component}")
    last = lineage.wait_for_checkpoint()
    lineage.wait_for_checkpoint(after=last + CHECKPOINTS_LATER, timeout=300)
    lineage.verify()


def test_a_changed_pipeline_resumes_from_its_last_checkpoint(lineage: Pipeline) -> None:
    last = lineage.wait_for_checkpoint()
    before = lineage.parallelism()
    lineage.upgrade({"parallelism": before - 1})
    lineage.wait_for_recovery(last)
    assert lineage.parallelism() == before - 1
    lineage.verify()


@pytest.mark.long
def test_a_pipeline_that_cannot_use_the_state_can_be_rolled_back(lineage: Pipeline) -> None:
    last = lineage.wait_for_checkpoint()
    lineage.upgrade({"definition": OTHER_OPERATORS})
    lineage.wait_for_log("There is no operator for the state")
    lineage.upgrade({})
    lineage.wait_for_recovery(last)
    lineage.verify()

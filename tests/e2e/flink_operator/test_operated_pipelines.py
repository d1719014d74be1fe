"""The pipeline `lineage` as a FlinkDeployment: whatever happens, every record is in the lake exactly once."""

from typing import Any

import pytest

from tests.e2e import helm
from tests.e2e.namespaces import Namespace
from tests.e2e.pipelines.release import RELEASE, Pipeline, status, upgrade
from tests.e2e.pipelines.test_lineage import OTHER_OPERATORS
from tests.integration.waiting import until

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def lineage(namespace: Namespace) -> Pipeline:
    pipeline = Pipeline(namespace, "lineage", operated=True)
    pipeline.wait_for_checkpoint(timeout=600)
    wait_until_stable(pipeline)
    return pipeline


def deployment(pipeline: Pipeline) -> dict[str, Any]:
    return pipeline.namespace.get("flinkdeployment", pipeline.fullname)


def states(pipeline: Pipeline) -> tuple[str, str]:
    """Of its life cycle and of its job, as the operator sees them of the values that it has now."""
    found = deployment(pipeline)
    status = found.get("status", {})
    if status.get("observedGeneration") != found["metadata"]["generation"]:
        return "", ""
    return status.get("lifecycleState", ""), status.get("jobStatus", {}).get("state", "")


def wait_until_stable(pipeline: Pipeline) -> None:
    until(lambda: states(pipeline) == ("STABLE", "RUNNING"), "a job that is stable", timeout=240, every=1)


def test_a_first_installation_runs_without_a_restart(lineage: Pipeline) -> None:
    restarts = {
        (pod["metadata"]["name"], container["name"]): container["restartCount"]
        for pod in lineage.namespace.all("pods")
        for container in pod["status"]["containerStatuses"]
    }
    assert len(restarts) == 7
    assert set(restarts.values()) == {0}
    lineage.verify()


def test_status_shows_it(lineage: Pipeline) -> None:
    found = status(lineage.namespace)
    assert found["healthy"], found["problems"]
    assert [(one["name"], one["state"]) for one in found["pipelines"]] == [("lineage", "RUNNING")]
    (cluster,) = [one for one in found["workloads"] if one["kind"] == "FlinkDeployment"]
    assert (cluster["name"], cluster["desired"], cluster["ready"]) == (lineage.fullname, 2, 2)


@pytest.mark.parametrize("role", ["taskmanager", "jobmanager"])
def test_a_pod_that_is_killed_costs_no_record(lineage: Pipeline, role: str) -> None:
    last = lineage.wait_for_checkpoint()
    lineage.delete(role)
    lineage.wait_for_recovery(last)
    lineage.verify()


def test_a_changed_pipeline_goes_on_from_its_last_checkpoint(lineage: Pipeline) -> None:
    wait_until_stable(lineage)
    last = lineage.wait_for_checkpoint()
    before = lineage.parallelism()
    lineage.upgrade({"parallelism": before - 1})
    lineage.wait_for_recovery(last)
    assert lineage.parallelism() == before - 1
    lineage.verify()


def test_a_pipeline_that_does_not_take_the_state_can_be_taken_back(lineage: Pipeline) -> None:
    wait_until_stable(lineage)
    last = lineage.wait_for_checkpoint()
    lineage.upgrade({"definition": OTHER_OPERATORS})
    until(lambda: states(lineage)[1] == "FAILED", "a job that has failed", timeout=240, every=1)
    lineage.upgrade({})
    lineage.wait_for_recovery(last)
    lineage.verify()


def test_a_pipeline_that_is_installed_again_goes_on(lineage: Pipeline) -> None:
    last = lineage.wait_for_checkpoint()
    helm.uninstall(lineage.namespace, RELEASE)
    assert not lineage.namespace.all("flinkdeployments")
    upgrade(lineage.namespace, {}, operated=True)
    lineage.wait_for_recovery(last)
    lineage.verify()

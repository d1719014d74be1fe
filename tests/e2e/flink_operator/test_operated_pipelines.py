"""The pipeline `lineage` as a FlinkDeployment: no failure costs or doubles a record in the lake."""

from typing import Any

import pytest

from tests.e2e import helm
from tests.e2e.namespaces import Namespace
from tests.e2e.pipelines.release import RELEASE, Pipeline, status, upgrade
from tests.e2e.pipelines.test_lineage import OTHER_OPERATORS
from tests.e2e.pods import restarts
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
    """State of its life cycle and of its job, or empty while the operator has not seen the newest values."""
    found = deployment(pipeline)
    status = found.get("status", {})
    if status.get("observedGeneration") != found["metadata"]["generation"]:
        return "", ""
    return status.get("lifecycleState", ""), status.get("jobStatus", {}).get("state", "")


def wait_until_stable(pipeline: Pipeline) -> None:
    until(lambda: states(pipeline) == ("STABLE", "RUNNING"), "a job that is stable", timeout=240, every=1)


def test_a_first_installation_runs_without_a_restart(lineage: Pipeline) -> None:
    found = restarts(lineage.namespace.all("pods"))
    assert len({container.uid for container in found}) == 7
    assert set(found.values()) == {0}
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


def test_a_changed_pipeline_resumes_from_its_last_checkpoint(lineage: Pipeline) -> None:
    wait_until_stable(lineage)
    last = lineage.wait_for_checkpoint()
    before = lineage.parallelism()
    lineage.upgrade({"parallelism": before - 1})
    lineage.wait_for_recovery(last)
    assert lineage.parallelism() == before - 1
    lineage.verify()


def test_a_pipeline_that_cannot_use_the_state_can_be_rolled_back(lineage: Pipeline) -> None:
    wait_until_stable(lineage)
    last = lineage.wait_for_checkpoint()
    lineage.upgrade({"definition": OTHER_OPERATORS})
    until(lambda: states(lineage)[1] == "FAILED", "a job that has failed", timeout=240, every=1)
    lineage.upgrade({})
    lineage.wait_for_recovery(last)
    lineage.verify()


def test_a_pipeline_that_is_installed_again_resumes(lineage: Pipeline) -> None:
    last = lineage.wait_for_checkpoint()
    helm.uninstall(lineage.namespace, RELEASE)
    assert not lineage.namespace.all("flinkdeployments")
    upgrade(lineage.namespace, {}, operated=True)
    lineage.wait_for_recovery(last)
    lineage.verify()

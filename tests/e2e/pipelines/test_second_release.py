"""A second release of the same name, in another namespace, beside the first."""

from typing import Any

import pytest

from testbed.cluster import Cluster
from tests.e2e import helm
from tests.e2e.namespaces import RESTRICTED, Namespace, new_namespace
from tests.e2e.pipelines.release import RELEASE, VALUES, Pipeline
from tests.integration.waiting import until

pytestmark = pytest.mark.long


def test_neither_disturbs_the_other(cluster: Cluster, namespace: Namespace) -> None:
    first = Pipeline(namespace, "lineage")
    first.wait_for_checkpoint(timeout=600)
    before = state(namespace)
    with new_namespace(cluster, "second-release-test", RESTRICTED) as other:
        with helm.installed(other, RELEASE, helm.LOCAL, VALUES):
            second = Pipeline(other, "lineage")
            second.wait_for_checkpoint(timeout=600)
            second.verify()
            first.verify()
            assert ids(other).isdisjoint(ids(namespace))
        until(lambda: not other.all("pods"), "pods that end", timeout=60, every=1)
        assert sorted(map(kind_and_purpose, other.objects())) == [
            "configmap of Flink",
            "configmap of Flink",
            "lease.coordination.k8s.io/procstream-operator",
            "persistentvolumeclaim/data-procstream-kafka-0",
            "persistentvolumeclaim/data-procstream-minio-0",
        ]
    first.wait_for_checkpoint(after=first.wait_for_checkpoint())
    first.verify()
    assert state(namespace) == before


def state(namespace: Namespace) -> dict[str, Any]:
    """Of the pods that do not end, how often each container was restarted; of the topics, their ids."""
    pods = namespace.all("pods", "--field-selector=status.phase=Running")
    restarts = {
        f"{pod['metadata']['name']}/{container['name']}": container["restartCount"]
        for pod in pods
        for container in pod["status"]["containerStatuses"]
    }
    return {"restarts": restarts, "topics": ids(namespace)}


def ids(namespace: Namespace) -> set[str]:
    return {topic["status"]["topicId"] for topic in namespace.all("topics")}


def kind_and_purpose(name: str) -> str:
    return "configmap of Flink" if name.startswith(f"configmap/{RELEASE}-pipeline-") else name

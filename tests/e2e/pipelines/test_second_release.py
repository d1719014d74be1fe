"""A second release of the same name, in another namespace, beside the first."""

import pytest

from testbed.cluster import Cluster
from tests.e2e import helm
from tests.e2e.namespaces import RESTRICTED, Namespace, new_namespace
from tests.e2e.pipelines.release import RELEASE, VALUES, Pipeline
from tests.e2e.pods import disturbed, restarts
from tests.integration.waiting import until

pytestmark = pytest.mark.long

LEFT = [
    "configmap of Flink",
    "configmap of Flink",
    "persistentvolumeclaim/data-procstream-kafka-0",
    "persistentvolumeclaim/data-procstream-minio-0",
]
"""What uninstalling a release leaves."""


def test_neither_disturbs_the_other(cluster: Cluster, namespace: Namespace) -> None:
    first = Pipeline(namespace, "lineage")
    first.wait_for_checkpoint(timeout=600)
    before, topics = restarts(namespace.all("pods")), ids(namespace)
    with new_namespace(cluster, "second-release-test", RESTRICTED) as other:
        with helm.installed(other, RELEASE, helm.LOCAL, VALUES):
            second = Pipeline(other, "lineage")
            second.wait_for_checkpoint(timeout=600)
            second.verify()
            first.verify()
            assert ids(other).isdisjoint(ids(namespace))
        until(lambda: left(other) == LEFT, f"only {LEFT} in {other.name}", timeout=60, every=1)
    first.wait_for_checkpoint(after=first.wait_for_checkpoint())
    first.verify()
    assert disturbed(before, restarts(namespace.all("pods"))) == []
    assert ids(namespace) == topics


def ids(namespace: Namespace) -> set[str]:
    return {topic["status"]["topicId"] for topic in namespace.all("topics")}


def left(namespace: Namespace) -> list[str]:
    return sorted(
        "configmap of Flink" if name.startswith(f"configmap/{RELEASE}-pipeline-") else name
        for name in namespace.objects()
    )

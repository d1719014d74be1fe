from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from testbed.cluster import Cluster
from tests.e2e.flink_operator import operator
from tests.e2e.namespaces import Namespace
from tests.e2e.pipelines.release import installed


@pytest.fixture(scope="package")
def flink_operator(cluster: Cluster) -> Iterator[None]:
    ours = None if operator.is_installed(cluster) else operator.named()
    if ours is None and not operator.is_installed(cluster):
        pytest.skip(
            f"the cluster has no Flink Kubernetes Operator: set {operator.CHART_VARIABLE} to its helm chart"
            f" and {operator.IMAGE_VARIABLE} to its image, an OCI archive"
        )
    with operator.installed(cluster, *ours) if ours else nullcontext():
        yield


@pytest.fixture(scope="package")
def namespace(cluster: Cluster, flink_operator: None) -> Iterator[Namespace]:
    with installed(cluster, "flinkdeployment-test", operated=True) as namespace:
        yield namespace

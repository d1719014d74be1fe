from collections.abc import Iterator

import pytest

from testbed.cluster import Cluster
from tests.e2e.namespaces import Namespace
from tests.e2e.pipelines.release import installed


@pytest.fixture(scope="package")
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    with installed(cluster, "pipelines-test") as namespace:
        yield namespace

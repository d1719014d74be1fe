"""One Kubernetes cluster for all end-to-end tests: that of KUBECONFIG, or a node on this machine."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from testbed.cluster import Cluster, attach, running, start, stop

_BUILD_SECONDS = 3600  # the first test of a machine waits for the cluster's programs


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(_BUILD_SECONDS))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the pods as they are then: afterwards its namespace is deleted."""
    report = yield
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and cluster is not None:
        pods = cluster.run("get", "pods", "--all-namespaces", "--output=wide", check=False).stdout
        report.sections.append(("pods", pods))
    return report


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A ready cluster. If it was already running, it is left running."""
    ours = running()
    named = os.environ.get("KUBECONFIG")
    if named and (ours is None or Path(named) != ours.kubeconfig):
        yield attach(os.environ)
    elif ours is not None:
        yield ours
    elif os.geteuid() != 0:
        pytest.skip("a cluster is needed: name one in KUBECONFIG, or run as root to have one started here")
    else:
        try:
            yield start()
        finally:
            if os.environ.get("PROCSTREAM_KEEP_CLUSTER") != "1":
                stop()

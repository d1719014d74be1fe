"""The long run of `soak.py` as a test."""

import subprocess
import sys

import pytest

from testbed.cluster import Cluster

MINUTES = 10


@pytest.mark.long
@pytest.mark.timeout(120 * MINUTES)
def test_resources_stay_ready_while_the_broker_restarts_every_minute(cluster: Cluster) -> None:
    if cluster.containerd is None:
        pytest.skip("the soak runs on the cluster of `make cluster` alone")
    command = [sys.executable, "-m", "tests.e2e.custom_resources.soak", f"--minutes={MINUTES}"]
    subprocess.run(command, check=True)

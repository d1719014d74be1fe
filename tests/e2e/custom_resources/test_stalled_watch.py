import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from confluent_kafka.admin import AdminClient

from testbed.cluster import Cluster
from tests.e2e.custom_resources import backends
from tests.e2e.custom_resources.resources import topic
from tests.e2e.custom_resources.stalling_proxy import StallingProxy, proxying
from tests.e2e.namespaces import Namespace
from tests.integration.conftest import free_port
from tests.integration.waiting import until

pytestmark = pytest.mark.long

NOTICED_WITHIN_S = 120
"""kopf opens a new watch after 70 s without even a bookmark."""


@pytest.fixture
def proxy(cluster: Cluster, tmp_path: Path) -> Iterator[StallingProxy]:
    """Between an operator on this machine and the API server."""
    kubeconfig = yaml.safe_load(cluster.run("config", "view", "--raw", "--flatten", "--output=json").stdout)
    server = kubeconfig["clusters"][0]["cluster"]
    address = urlsplit(server["server"])
    with proxying((address.hostname or "", address.port or 443)) as proxy:
        server |= {"server": f"https://127.0.0.1:{proxy.port}", "tls-server-name": address.hostname}
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
        yield proxy


@pytest.fixture
def watched(
    cluster: Cluster, namespace: Namespace, kafka: AdminClient, proxy: StallingProxy, tmp_path: Path
) -> Iterator[Namespace]:
    """A namespace of its own that an operator behind the proxy watches."""
    watched = Namespace(cluster, f"{namespace.name}-stalled")
    cluster.run("create", "namespace", watched.name)
    environment = {
        **os.environ,
        "KUBECONFIG": str(tmp_path / "kubeconfig"),
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{backends.EXTERNAL_PORT}",
        "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1",
        "POD_NAMESPACE": watched.name,
        # A comparison would find the change as well.
        "RESYNC_SECONDS": "3600",
        "METRICS_HOST": "127.0.0.1",
        "METRICS_PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "procstream_operator.cli", "run"]
    with (
        (tmp_path / "operator.log").open("w") as log,
        subprocess.Popen(command, env=environment, stderr=log) as process,
    ):
        try:
            yield watched
        finally:
            process.terminate()
            process.wait(30)
            cluster.run("delete", "namespace", watched.name, "--timeout=60s")


def test_a_watch_that_hangs_is_noticed(watched: Namespace, proxy: StallingProxy) -> None:
    watched.apply(topic("before", topicName="stalled-before"))
    until(lambda: "Created" in watched.events("Topic", "before"), "the operator works")
    proxy.stall()
    watched.apply(topic("after", topicName="stalled-after"))
    until(
        lambda: watched.events("Topic", "after"),
        "the operator sees what the stalled watch did not bring",
        timeout=NOTICED_WITHIN_S,
        every=1,
    )

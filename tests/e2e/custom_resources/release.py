"""The chart's operator, installed by helm beside a Kafka and a registry."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.e2e import images, standins
from tests.e2e.cluster import Cluster
from tests.e2e.custom_resources import backends
from tests.e2e.namespaces import Namespace

CHART = Path(__file__).parents[3] / "helm" / "procstream"
RELEASE = "events"
OPERATOR = f"{RELEASE}-procstream-operator"
PRODUCER = f"{RELEASE}-procstream-nodes"
VALUES = {
    "image": {"registry": "localhost"},
    "kafka": {"enabled": False, "external": {"bootstrapServers": "kafka:9092"}},
    "registry": {"enabled": False, "external": {"url": "http://registry:8080/apis/ccompat/v7"}},
    "minio": {"enabled": False},
    "generators": {"lineage-input": {"enabled": False}},
    "pipelines": {"lineage": {"enabled": False}, "procstat-lineage": {"enabled": False}},
    "operator": {
        "replicas": 2,
        "resyncSeconds": 5,
        "deletionTimeoutSeconds": 40,
        "readableSecrets": ["producer-settings"],
    },
}


@contextmanager
def installed(cluster: Cluster, name: str) -> Iterator[Namespace]:
    """A new namespace with Kafka and the registry up, and the chart installed; gone afterwards."""
    cluster.load(*map(images.archive, ("producer", "operator")))
    cluster.load(*map(standins.archive, (standins.KAFKA, standins.APICURIO)))
    namespace = Namespace(cluster, name)
    # What an interrupted run has left would be taken for this one's.
    cluster.run("delete", "namespace", name, "--ignore-not-found", "--timeout=100s")
    cluster.run("create", "namespace", name)
    try:
        namespace.apply(*backends.manifests())
        _install(cluster, name)
        namespace.wait("condition=Ready", "pod/kafka-0", "pod/registry-0", timeout=120)
        yield namespace
    finally:
        cluster.run_helm("uninstall", RELEASE, "--namespace", name, "--ignore-not-found", "--wait")
        cluster.run("delete", "namespace", name, "--timeout=100s")


def _install(cluster: Cluster, name: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as values:
        yaml.safe_dump(VALUES, values)
        values.flush()
        install = ["upgrade", "--install", RELEASE, str(CHART), "--values", values.name]
        cluster.run_helm(*install, "--namespace", name, "--wait", "--timeout=3m")


def leader(namespace: Namespace) -> str:
    """The operator's pod that holds the Lease; empty when none does."""
    holder = str(namespace.get("lease", OPERATOR)["spec"].get("holderIdentity") or "")
    return holder.rpartition("_")[0]

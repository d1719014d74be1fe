"""The chart's operator, installed by helm beside a Kafka and a registry."""

from collections.abc import Iterator
from contextlib import contextmanager

from testbed import images, standins
from testbed.cluster import Cluster
from tests.e2e import helm
from tests.e2e.custom_resources import backends
from tests.e2e.namespaces import Namespace, new_namespace

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
    with new_namespace(cluster, name) as namespace:
        namespace.apply(*backends.manifests())
        with helm.installed(namespace, RELEASE, VALUES, wait=True):
            namespace.wait("condition=Ready", "pod/kafka-0", "pod/registry-0", timeout=120)
            yield namespace


def leader(namespace: Namespace) -> str:
    """The operator's pod that holds the Lease; empty when none does."""
    holder = str(namespace.get("lease", OPERATOR)["spec"].get("holderIdentity") or "")
    return holder.rpartition("_")[0]

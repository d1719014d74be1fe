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
SELECTOR = f"app.kubernetes.io/component=operator,app.kubernetes.io/instance={RELEASE}"
PRODUCER = f"{RELEASE}-procstream-nodes"
VALUES = {
    "image": {"registry": "localhost"},
    "kafka": {"enabled": False, "external": {"bootstrapServers": "kafka:9092"}},
    "registry": {"enabled": False, "external": {"url": "http://registry:8080/apis/ccompat/v7"}},
    "minio": {"enabled": False},
    "generators": {"lineage-input": {"enabled": False}},
    "pipelines": {"lineage": {"enabled": False}, "procstat-lineage": {"enabled": False}},
    "operator": {
        "resyncSeconds": 5,
        "deletionTimeoutSeconds": 40,
        "readableSecrets": ["producer-settings"],
    },
}


@contextmanager
def installed(cluster: Cluster, name: str) -> Iterator[Namespace]:
    """A new namespace with Kafka, the registry and the installed chart; deleted afterwards."""
    cluster.load(*map(images.archive, ("producer", "operator")))
    cluster.load(*map(standins.archive, (standins.KAFKA, standins.APICURIO)))
    with new_namespace(cluster, name) as namespace:
        namespace.apply(*backends.manifests())
        with helm.installed(namespace, RELEASE, VALUES, wait=True):
            namespace.wait("condition=Ready", "pod/kafka-0", "pod/registry-0", timeout=120)
            yield namespace


def operator_pod(namespace: Namespace) -> str:
    """The operator's pod that is Ready; empty when none is."""
    for pod in namespace.all("pods", f"--selector={SELECTOR}"):
        conditions = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}
        if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
            return str(pod["metadata"]["name"])
    return ""

"""A new installation of the chart with its own Kafka, object store, registry and database."""

from collections.abc import Iterator

import boto3
import pytest

from testbed import images, standins
from testbed.cluster import Cluster
from tests.e2e import helm
from tests.e2e.namespaces import Namespace, new_namespace
from tests.e2e.pods import restarts
from tests.integration.conftest import free_port
from tests.integration.waiting import until

pytestmark = pytest.mark.long

RELEASE = "events"
PREFIX = f"{RELEASE}-procstream"
BROKER = f"{PREFIX}-kafka-0"
TOPIC = "lineage-input"
VALUES = {
    "image": {"mirror": "localhost"},
    "postgres": {"enabled": True},
    "schemas": [
        {"subject": f"{topic}-value", "file": f"schemas/{topic}.avsc", "deletionPolicy": "Delete"}
        for topic in ("procstat_snapshots", "lineage-input")
    ],
    "pipelines": {"lineage": {"enabled": False}, "procstat-lineage": {"enabled": False}},
}


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    cluster.load(images.archive("producer"), images.archive("operator"), *standins.archives().values())
    with (
        new_namespace(cluster, "platform-test") as namespace,
        helm.installed(namespace, RELEASE, helm.LOCAL, VALUES, wait=True),
    ):
        yield namespace


def test_everything_becomes_ready_without_a_restart(namespace: Namespace) -> None:
    namespace.kubectl(
        "wait", "--for=condition=Ready", "--all", "topics,schemas,procstatproducers,pods", "--timeout=120s"
    )
    found = restarts(namespace.all("pods"))
    names = {container.name for container in found}
    assert names >= {"kafka", "minio", "registry", "postgres", "operator", "producer", "generator"}
    assert set(found.values()) == {0}


def test_helms_own_test_passes(namespace: Namespace) -> None:
    output = namespace.cluster.run_helm("test", RELEASE, f"--namespace={namespace.name}", "--logs").stdout
    assert "sent 10 records and read 10 of them" in output


def test_the_bucket_exists(namespace: Namespace) -> None:
    with namespace.forwarded(f"service/{PREFIX}-minio", 9000, free_port()) as port:
        store = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{port}",
            aws_access_key_id="procstream",
            aws_secret_access_key="procstream",
            region_name="us-east-1",
        )
        store.put_object(Bucket="procstream", Key="a/b", Body=b"text")
        assert store.get_object(Bucket="procstream", Key="a/b")["Body"].read() == b"text"


def test_the_database_exists(namespace: Namespace) -> None:
    query = ["psql", "--host=127.0.0.1", "--dbname=procstream", "--tuples-only", "--command=SELECT 1"]
    login = ["env", "PGPASSWORD=procstream", "PGUSER=procstream"]
    assert namespace.kubectl("exec", f"{PREFIX}-postgres-0", "--", *login, *query).strip() == "1"


def test_a_lost_broker_returns_with_its_topics(namespace: Namespace) -> None:
    ids = topic_ids(namespace)
    until(lambda: records(namespace) > 0, f"records in {TOPIC}", every=2)
    before = records(namespace)
    namespace.replace("--selector=app.kubernetes.io/component=kafka")
    until(lambda: records(namespace) > before, f"more than {before} records in {TOPIC}", every=2)
    assert topic_ids(namespace) == ids


def test_uninstalling_leaves_what_the_documentation_says(namespace: Namespace) -> None:
    helm.uninstall(namespace, RELEASE)
    left = {
        *(f"persistentvolumeclaim/data-{PREFIX}-{part}-0" for part in ("kafka", "minio", "postgres")),
        f"pod/{PREFIX}-test",
    }
    until(lambda: namespace.objects() <= left, "pods that end", timeout=60, every=1)
    assert namespace.objects() == left


def topic_ids(namespace: Namespace) -> dict[str, str]:
    return {one["metadata"]["name"]: one["status"]["topicId"] for one in namespace.all("topics")}


def records(namespace: Namespace) -> int:
    tool = ["/opt/kafka/bin/kafka-get-offsets.sh", "--bootstrap-server=localhost:9092", f"--topic={TOPIC}"]
    # A small heap: the tool shares the broker's memory limit.
    output = namespace.kubectl("exec", BROKER, "--", "env", "KAFKA_HEAP_OPTS=-Xmx64m", *tool)
    return sum(int(line.rpartition(":")[2]) for line in output.split())

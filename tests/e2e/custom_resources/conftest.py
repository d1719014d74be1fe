"""Fixtures of the custom resources' tests."""

from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient

from testbed.cluster import Cluster
from tests.e2e.custom_resources import backends
from tests.e2e.custom_resources.release import installed
from tests.e2e.namespaces import Namespace
from tests.integration.conftest import free_port


@pytest.fixture(scope="package")
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    """A namespace with Kafka, a registry and the installed chart."""
    with installed(cluster, "custom-resources-test") as namespace:
        yield namespace


@pytest.fixture
def kafka(namespace: Namespace) -> Iterator[AdminClient]:
    """A client other than the operator, for changes from outside."""
    namespace.wait("condition=Ready", "pod/kafka-0")
    port = backends.EXTERNAL_PORT
    with namespace.forwarded("pod/kafka-0", port, port):
        yield AdminClient({"bootstrap.servers": f"127.0.0.1:{port}", "log_level": 0})


@pytest.fixture
def registry(namespace: Namespace) -> Iterator[SchemaRegistryClient]:
    """A client other than the operator."""
    with namespace.forwarded("pod/registry-0", backends.REGISTRY_PORT, free_port()) as port:
        yield SchemaRegistryClient({"url": f"http://127.0.0.1:{port}/apis/ccompat/v7", "timeout": 10})

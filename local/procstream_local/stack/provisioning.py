"""The topics and schemas of a new stack: those of the chart's values."""

from collections.abc import Callable, Mapping
from pathlib import Path

from procstream_common import provisioning
from procstream_common.kafka import KafkaCluster
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load

VALUES = Path(__file__).parents[3] / "helm" / "procstream" / "values.yaml"

Provision = Callable[[Mapping[str, str], Callable[[str], None], Callable[[str], None]], None]
"""Called with the servers' environment variables, a function that blocks until the named service is ready,
and the function that reports progress."""


def provision(
    env: Mapping[str, str], until_ready: Callable[[str], None], progress: Callable[[str], None]
) -> None:
    """Create what is missing as soon as Kafka and the registry are ready; see `Provision`."""
    values = provisioning.read_values(VALUES)
    until_ready("kafka")
    provisioning.ensure_topics(KafkaCluster(load(KafkaSettings, env)), values.topics)
    progress("topics")
    until_ready("registry")
    with SchemaRegistry(load(RegistrySettings, env)) as schema_registry:
        for schema in values.schemas:
            provisioning.ensure_schema(schema_registry, schema)
    progress("schemas")

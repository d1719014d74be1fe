"""The topics and schemas of a new stack: those of the chart's values."""

from collections.abc import Callable, Mapping
from pathlib import Path

from procstream_common.settings import KafkaSettings, RegistrySettings, load

VALUES = Path(__file__).parents[3] / "helm" / "procstream" / "values.yaml"

Provision = Callable[[Mapping[str, str], Callable[[str], None], Callable[[str], None]], None]
"""Called with the servers' environment variables, a function that blocks until the named service is ready,
and the function that reports progress."""


def provision(
    env: Mapping[str, str], until_ready: Callable[[str], None], progress: Callable[[str], None]
) -> None:
    """Create what is missing as soon as Kafka and the registry are ready; see `Provision`."""
    # Imported here: it takes half a second, and most commands start nothing.
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.schema_registry import SchemaRegistryClient
    from procstream_common import provisioning

    values = provisioning.read_values(VALUES)
    until_ready("kafka")
    provisioning.ensure_topics(AdminClient(load(KafkaSettings, env).librdkafka()), values.topics)
    progress("topics")
    until_ready("registry")
    client = SchemaRegistryClient(load(RegistrySettings, env).confluent())
    for schema in values.schemas:
        provisioning.ensure_schema(client, schema)
    progress("schemas")

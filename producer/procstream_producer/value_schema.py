"""The schema of a topic's values in the registry."""

from procstream_common.registry import RegisteredSchema, SchemaRegistry
from procstream_common.settings import RegistrySettings


def subject_of(topic: str) -> str:
    """The subject of a topic's value schema (Confluent's TopicNameStrategy)."""
    return f"{topic}-value"


def value_schema(settings: RegistrySettings, topic: str, timeout: float) -> RegisteredSchema:
    """The schema of `topic`'s values; waits up to `timeout` seconds for the registry.

    Raises:
        ProcstreamError: no answer in time, or no such subject.
    """
    with SchemaRegistry(settings) as registry:
        return registry.wait_for_schema(subject_of(topic), timeout)

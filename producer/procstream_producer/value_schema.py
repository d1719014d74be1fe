"""The schema of a topic's values, as the registry has it."""

from procstream_common.registry import RegisteredSchema, SchemaRegistry
from procstream_common.settings import RegistrySettings


def subject_of(topic: str) -> str:
    """Where the schema of a topic's values is registered (Confluent's TopicNameStrategy)."""
    return f"{topic}-value"


def value_schema(settings: RegistrySettings, topic: str, timeout: float) -> RegisteredSchema:
    """The schema of `topic`'s values, waiting up to `timeout` seconds for the registry.

    Raises:
        ProcstreamError: no answer in time, or no such subject.
    """
    with SchemaRegistry(settings) as registry:
        return registry.wait_for_schema(subject_of(topic), timeout)

"""Schemas: registered under their subject, with the subject's compatibility level."""

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.common.schema_registry_client import (
    ConfigCompatibilityLevel,
    ServerConfig,
)
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import HTTPError  # what confluent-kafka's client is built on

from procstream_common.errors import ProcstreamError
from procstream_common.provisioning.specs import SchemaSpec


def ensure_schema(registry: SchemaRegistryClient, spec: SchemaSpec) -> int:
    """Register the schema unless it is there, set the compatibility level, and return the schema's id.

    Raises `ProcstreamError` when the registry refuses it (an incompatible change) or does not answer.
    """
    try:
        # Registering again what is there gives the same id (Confluent's API is idempotent here).
        schema_id = registry.register_schema(spec.subject, Schema(spec.definition, spec.type))
        # Apicurio's default level is NONE, so it is always set.
        registry.set_config(
            spec.subject, ServerConfig(compatibility=ConfigCompatibilityLevel(spec.compatibility))
        )
    except SchemaRegistryError as error:
        raise ProcstreamError(
            f"subject {spec.subject}: the registry refused the schema: {error.error_message}"
        ) from error
    except HTTPError as error:
        raise ProcstreamError(f"the schema registry did not answer: {error}") from error
    return int(schema_id)

"""Schemas in a registry: registered under their subject, with the subject's compatibility level."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.common.schema_registry_client import (
    ConfigCompatibilityLevel,
    ServerConfig,
)
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import HTTPError  # what confluent-kafka's client is built on

from procstream_common.errors import ProcstreamError
from procstream_common.provisioning.specs import SchemaSpec

_SCHEMA_NOT_FOUND = 40403
_NOT_LET_IN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)


class RegistryUnavailableError(ProcstreamError):
    """The registry did not answer, or does not let this client in; nothing is known of any subject."""


class SchemaRefusedError(ProcstreamError):
    """The registry refused the schema."""

    def __init__(self, subject: str, error: SchemaRegistryError) -> None:
        super().__init__(f"subject {subject}: the registry refused the schema: {error.error_message}")
        self.incompatible = error.http_status_code == HTTPStatus.CONFLICT
        """Whether it breaks the subject's compatibility level; else it is no schema or names no known one."""


@dataclass(frozen=True)
class EnsuredSchema:
    """A schema that is in the registry, and what had to be done for it."""

    id: int
    """The id that the records carry."""
    version: int
    """Its version under the subject; a newer one may be there too."""
    registered: bool
    compatibility_set: bool


def ensure_schema(registry: SchemaRegistryClient, spec: SchemaSpec) -> EnsuredSchema:
    """Register the schema unless it is there, and set the subject's compatibility level.

    Raises:
        SchemaRefusedError: an incompatible change, or no schema at all.
        RegistryUnavailableError: the registry does not answer.
    """
    references = [SchemaReference(one.name, one.subject, one.version) for one in spec.references]
    schema = Schema(spec.definition, spec.type, references)
    with _errors(spec.subject):
        registry.clear_caches()  # type: ignore[no-untyped-call] # another client may have changed what was looked up before
        there, found = _look_up(registry, spec.subject, schema)
        # The level judges this change too, so it is set first; but a subject must be there to have one.
        level_set = there and _set_level(registry, spec)
        registered = found is None
        if registered:
            registry.register_schema_full_response(spec.subject, schema)
            level_set = _set_level(registry, spec) or level_set
            found = _look_up(registry, spec.subject, schema)[1]
    if found is None:
        raise RegistryUnavailableError(
            f"subject {spec.subject}: the registry does not find the schema that it has just registered"
        )
    return EnsuredSchema(*found, registered=registered, compatibility_set=level_set)


def delete_subject(registry: SchemaRegistryClient, subject: str) -> None:
    """Delete a subject with all its versions for good, if it is there.

    Raises:
        SchemaRefusedError: other schemas refer to it.
        RegistryUnavailableError: the registry does not answer.
    """
    with _errors(subject):
        for permanent in (False, True):  # Confluent's registry wants the soft deletion first
            try:
                registry.delete_subject(subject, permanent=permanent)
            except SchemaRegistryError as error:
                if error.http_status_code != HTTPStatus.NOT_FOUND:
                    raise


@contextmanager
def _errors(subject: str) -> Iterator[None]:
    try:
        yield
    except SchemaRegistryError as error:
        status = error.http_status_code
        if status in _NOT_LET_IN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RegistryUnavailableError(
                f"the schema registry answered with HTTP status {status}: {error.error_message}"
            ) from error
        raise SchemaRefusedError(subject, error) from error
    except HTTPError as error:
        raise RegistryUnavailableError(f"the schema registry did not answer: {error}") from error


def _look_up(
    registry: SchemaRegistryClient, subject: str, schema: Schema
) -> tuple[bool, tuple[int, int] | None]:
    """Whether the subject is there, and the schema's id and version under it."""
    try:
        found = registry.lookup_schema(subject, schema)
    except SchemaRegistryError as error:
        if error.http_status_code != HTTPStatus.NOT_FOUND:
            raise
        return error.error_code == _SCHEMA_NOT_FOUND, None
    return True, (int(found.schema_id or 0), int(found.version or 0))


def _set_level(registry: SchemaRegistryClient, spec: SchemaSpec) -> bool:
    """Set the subject's compatibility level; whether it was another one."""
    wanted = ConfigCompatibilityLevel(spec.compatibility)
    try:
        if registry.get_config(spec.subject).compatibility_level == wanted:
            return False
    except SchemaRegistryError as error:
        if error.http_status_code != HTTPStatus.NOT_FOUND:  # the subject has no level of its own
            raise
    registry.set_config(spec.subject, ServerConfig(compatibility=wanted))
    return True

"""Registers schemas under their subject, and sets the subject's compatibility level."""

from dataclasses import dataclass

from procstream_common.errors import NotFoundError, Server, UnavailableError
from procstream_common.provisioning.specs import SchemaSpec
from procstream_common.registry import Reference, RegisteredSchema, SchemaRegistry


@dataclass(frozen=True)
class EnsuredSchema:
    """A schema in the registry, and what was changed for it."""

    id: int
    """The id in the records."""
    version: int
    """Its version under the subject; there may be a newer one."""
    registered: bool
    compatibility_set: bool


def ensure_schema(registry: SchemaRegistry, spec: SchemaSpec) -> EnsuredSchema:
    """Register the schema if it is absent, and set the subject's compatibility level.

    Raises:
        SchemaRefusedError: the change is incompatible, or the schema is invalid.
        UnavailableError: the registry does not answer.
        RefusedError: it refuses access, or is not a registry.
    """
    has_subject, found = _look_up(registry, spec)
    # The level applies to this change too, so it is set first. Only a subject that exists can have one.
    level_set = has_subject and _set_level(registry, spec)
    registered = found is None
    if found is None:
        registry.register(spec.subject, spec.definition, spec.type, _references(spec))
        level_set = _set_level(registry, spec) or level_set
        found = _look_up(registry, spec)[1]
    if found is None:
        raise UnavailableError(
            Server.REGISTRY,
            f"subject {spec.subject}: the registry does not find the schema that it has just registered",
        )
    return EnsuredSchema(found.id, found.version, registered=registered, compatibility_set=level_set)


def delete_subject(registry: SchemaRegistry, subject: str) -> None:
    """Delete a subject with all its versions permanently; do nothing if it is absent.

    Raises:
        SchemaRefusedError: other schemas refer to it.
        UnavailableError: the registry does not answer.
        RefusedError: it refuses access, or is not a registry.
    """
    for permanent in (False, True):  # Confluent's registry requires the soft deletion first
        try:
            registry.delete(subject, permanent=permanent)
        except NotFoundError:
            continue


def _look_up(registry: SchemaRegistry, spec: SchemaSpec) -> tuple[bool, RegisteredSchema | None]:
    """Whether the subject exists, and the schema if it is registered there."""
    try:
        return True, registry.find(spec.subject, spec.definition, spec.type, _references(spec))
    except NotFoundError:
        return False, None


def _set_level(registry: SchemaRegistry, spec: SchemaSpec) -> bool:
    """Set the subject's compatibility level. Returns whether it changed."""
    try:
        if registry.compatibility(spec.subject) == spec.compatibility:
            return False
    except NotFoundError:
        pass  # the subject has no level of its own
    registry.set_compatibility(spec.subject, spec.compatibility)
    return True


def _references(spec: SchemaSpec) -> list[Reference]:
    return [Reference(one.name, one.subject, one.version) for one in spec.references]

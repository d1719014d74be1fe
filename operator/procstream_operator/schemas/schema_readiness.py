"""What the state of a subject means for its resource. Pure."""

from collections.abc import Iterator

from procstream_common.errors import RefusedError, ServerError, SettingsError
from procstream_common.provisioning import EnsuredSchema, SchemaRefusedError, SchemaSpec, first_mistake
from pydantic import ValidationError

from procstream_operator.outcome import Outcome, Ready, ResourceEvent
from procstream_operator.reasons import Reason
from procstream_operator.resource import Key, Resource


def subject_of(resource: Resource) -> str:
    """The subject in the registry."""
    return str(resource.spec["subject"])


def specification(resource: Resource) -> SchemaSpec | Outcome:
    """The schema that the resource specifies; an outcome where the specification is wrong."""
    fields = {name: value for name, value in resource.spec.items() if name != "deletionPolicy"}
    try:
        return SchemaSpec.model_validate(fields)
    except ValidationError as error:
        return Outcome(Ready(Reason.INVALID_SPEC, f"spec.{first_mistake(error)}"))


def taken(subject: str, owner: Key) -> Outcome:
    """Another resource owns the subject."""
    message = f"subject {subject} belongs to Schema {owner}, which is older; delete one of the two"
    return Outcome(Ready(Reason.CONFLICT, message))


def failed(error: ServerError | SettingsError) -> Outcome:
    """The registry does not answer, or does not accept the request."""
    match error:
        case SettingsError():
            reason = Reason.OPERATOR_MISCONFIGURED
        case SchemaRefusedError():
            reason = Reason.INCOMPATIBLE_SCHEMA if error.incompatible else Reason.INVALID_SCHEMA
        case RefusedError():
            reason = Reason.NOT_AUTHORIZED
        case _:
            reason = Reason.REGISTRY_UNAVAILABLE
    return Outcome(Ready(reason, str(error)), retry=True)


def had_subject(resource: Resource) -> bool:
    """Whether the subject was this resource's own at some time."""
    return "id" in resource.status


def judged(resource: Resource, spec: SchemaSpec, ensured: EnsuredSchema) -> Outcome:
    """The schema is registered."""
    ready = Ready(
        Reason.SCHEMA_REGISTERED, f"subject {spec.subject} has the schema as version {ensured.version}"
    )
    status = {"id": ensured.id, "version": ensured.version}
    return Outcome(ready, status, tuple(_events(resource, spec, ensured)))


def _events(resource: Resource, spec: SchemaSpec, ensured: EnsuredSchema) -> Iterator[ResourceEvent]:
    subject = f"subject {spec.subject}"
    if ensured.registered:
        yield ResourceEvent.of(
            Reason.REGISTERED, f"{subject}: version {ensured.version} with id {ensured.id}"
        )
    elif ensured.compatibility_set:
        reason = Reason.DRIFT_REPAIRED if resource.is_ready else Reason.COMPATIBILITY_SET
        yield ResourceEvent.of(reason, f"{subject}: compatibility {spec.compatibility}")

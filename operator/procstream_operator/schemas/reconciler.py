"""`Schema` resources and the subjects of the registry."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from procstream_common.errors import SettingsError
from procstream_common.provisioning import (
    EnsuredSchema,
    RegistryUnavailableError,
    SchemaRefusedError,
    SchemaSpec,
    delete_subject,
    ensure_schema,
    first_mistake,
)
from pydantic import ValidationError

from procstream_operator import deletion
from procstream_operator.connection import Connection
from procstream_operator.controller import Key, Outcome, Ready, Resource, ResourceEvent
from procstream_operator.metrics import Metrics
from procstream_operator.owners import owners


class SchemaReconciler:
    """Brings subjects to what their resources say."""

    def __init__(self, connection: Connection, metrics: Metrics, *, patience: timedelta) -> None:
        self._connection = connection
        self._metrics = metrics
        self._patience = patience

    def needs_finalizer(self, resource: Resource) -> bool:
        """Those whose subject is to be deleted with them."""
        return deletion.is_asked_for(resource)

    async def reconcile(
        self, resources: Sequence[Resource], everything: Mapping[Key, Resource]
    ) -> Mapping[Key, Outcome]:
        """See `Reconciler`. The requests block, so that they run in a thread."""
        owned = owners(everything.values(), _subject)
        return await asyncio.to_thread(self._reconcile, resources, owned)

    def _reconcile(self, resources: Sequence[Resource], owned: Mapping[str, Key]) -> Mapping[Key, Outcome]:
        outcomes: dict[Key, Outcome] = {}
        away: RegistryUnavailableError | None = None
        for resource in resources:
            try:
                if away is not None:  # one wait for a registry that does not answer is enough
                    raise away
                outcomes[resource.key] = self._look_at(resource, owned)
            except RegistryUnavailableError as error:
                away = error
                outcomes[resource.key] = self._unavailable(resource, error)
        return outcomes

    def _look_at(self, resource: Resource, owned: Mapping[str, Key]) -> Outcome:
        if resource.deleted is not None:
            return self._delete(resource, owned)
        owner = owned[_subject(resource)]
        return self._bring_about(resource) if owner == resource.key else _taken(resource, owner)

    def _unavailable(self, resource: Resource, error: RegistryUnavailableError) -> Outcome:
        if resource.deleted is not None:
            return self._not_yet(resource, error)
        return Outcome(Ready(None, "RegistryUnavailable", str(error)), retry=True)

    def _bring_about(self, resource: Resource) -> Outcome:
        fields = {name: value for name, value in resource.spec.items() if name != "deletionPolicy"}
        try:
            spec = SchemaSpec.model_validate(fields)
            ensured = ensure_schema(self._connection.registry(), spec)
        except ValidationError as error:
            return Outcome(Ready(False, "InvalidSpec", f"spec.{first_mistake(error)}"))
        except SettingsError as error:
            return Outcome(Ready(None, "OperatorMisconfigured", str(error)), retry=True)
        except SchemaRefusedError as error:
            reason = "IncompatibleSchema" if error.incompatible else "InvalidSchema"
            return Outcome(Ready(False, reason, str(error)), retry=True)
        if resource.is_ready and (ensured.registered or ensured.compatibility_set):
            self._metrics.repaired.labels(resource.kind.title).inc()
        return judged(resource, spec, ensured)

    def _delete(self, resource: Resource, owned: Mapping[str, Key]) -> Outcome:
        subject = _subject(resource)
        what = f"subject {subject}"
        had_it = "id" in resource.status
        reason = deletion.reason_to_retain(resource, owner=owned.get(subject), had_it=had_it)
        if reason is not None:
            return deletion.retained(what, reason)
        try:
            delete_subject(self._connection.registry(), subject)
        except (SettingsError, SchemaRefusedError) as error:
            return self._not_yet(resource, error)
        return deletion.gone(what)

    def _not_yet(self, resource: Resource, error: Exception) -> Outcome:
        what = f"subject {_subject(resource)}"
        return deletion.not_yet(resource, what, str(error), datetime.now(UTC), self._patience)


def judged(resource: Resource, spec: SchemaSpec, ensured: EnsuredSchema) -> Outcome:
    """The outcome for a schema that is registered. Pure."""
    ready = Ready(
        True, "SchemaRegistered", f"subject {spec.subject} has the schema as version {ensured.version}"
    )
    return Outcome(
        ready, {"id": ensured.id, "version": ensured.version}, tuple(_events(resource, spec, ensured))
    )


def _events(resource: Resource, spec: SchemaSpec, ensured: EnsuredSchema) -> Iterator[ResourceEvent]:
    if ensured.registered:
        yield ResourceEvent(
            "Normal",
            "Registered",
            f"subject {spec.subject}: version {ensured.version} with id {ensured.id}",
        )
    elif ensured.compatibility_set:
        reason = "DriftRepaired" if resource.is_ready else "CompatibilitySet"
        yield ResourceEvent("Normal", reason, f"subject {spec.subject}: compatibility {spec.compatibility}")


def _subject(resource: Resource) -> str:
    return str(resource.spec["subject"])


def _taken(resource: Resource, owner: Key) -> Outcome:
    message = f"subject {_subject(resource)} belongs to Schema {owner}, which is older; delete one of the two"
    return Outcome(Ready(False, "Conflict", message))

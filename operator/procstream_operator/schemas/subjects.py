"""The subjects of `Schema` resources in the registry."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from procstream_common.errors import NotFoundError, ServerError, SettingsError, UnavailableError
from procstream_common.provisioning import (
    EnsuredSchema,
    SchemaRefusedError,
    SchemaSpec,
    delete_subject,
    ensure_schema,
)
from procstream_common.registry import Reference, SchemaRegistry

from procstream_operator import deletion
from procstream_operator.coalescer import Coalescer
from procstream_operator.connection import Connection
from procstream_operator.metrics import Metrics
from procstream_operator.outcome import Outcome
from procstream_operator.resource import Key, Kind, Resource
from procstream_operator.schemas import schema_readiness

QuestionT = TypeVar("QuestionT")
AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True)
class _Desired:
    """A resource, and the schema that it specifies."""

    resource: Resource
    spec: SchemaSpec


class Subjects:
    """Brings subjects to their specification, and deletes them."""

    def __init__(self, connection: Connection, metrics: Metrics, *, patience: timedelta) -> None:
        self._connection = connection
        self._metrics = metrics
        self._patience = patience
        # The registry takes one subject a request. Coalesced, many resources wait for its time-out once.
        self._changes = Coalescer(self._ensure)
        self._deletions = Coalescer(self._delete)
        metrics.watch_queue(Kind.SCHEMA.title, lambda: len(self._changes) + len(self._deletions))

    async def bring_about(self, resource: Resource, owner: Key | None) -> Outcome:
        """Register the schema and set the subject's level, if the resource owns the subject."""
        spec = schema_readiness.specification(resource)
        if isinstance(spec, Outcome):
            return spec
        if owner is not None and owner != resource.key:
            return schema_readiness.taken(spec.subject, owner)
        try:
            answer = await self._changes.ask(spec)
            if isinstance(answer, ServerError):
                raise answer
        except (ServerError, SettingsError) as error:
            return schema_readiness.failed(error)
        outcome = schema_readiness.judged(resource, spec, answer)
        if resource.is_ready and (answer.registered or answer.compatibility_set):
            self._metrics.repaired.labels(Kind.SCHEMA.title).inc()
        return outcome

    async def delete(self, resource: Resource, owner: Key | None) -> Outcome:
        """Delete the subject, unless it is retained. `owner` is a resource that has it, too, and stays."""
        subject = schema_readiness.subject_of(resource)
        what = f"subject {subject}"
        had_it = schema_readiness.had_subject(resource)
        reason = deletion.reason_to_retain(resource, owner=owner, had_it=had_it)
        if reason is not None:
            return deletion.retained(what, reason)
        try:
            error = await self._deletions.ask(subject)
            if error is not None:
                raise error
        except (ServerError, SettingsError) as error:
            return deletion.not_yet(resource, what, str(error), datetime.now(UTC), self._patience)
        return deletion.gone(what)

    async def drifted(self, resources: Iterable[Resource]) -> set[Key]:
        """Those whose subjects differ from their specification. Changes nothing.

        When the registry does not answer, these are all of them.
        """
        desired = [
            _Desired(resource, spec)
            for resource in resources
            if not isinstance(spec := schema_readiness.specification(resource), Outcome)
        ]
        if not desired:
            return set()
        try:
            return await asyncio.to_thread(self._drifted, desired)
        except (ServerError, SettingsError):
            return {one.resource.key for one in desired}

    def _drifted(self, desired: Sequence[_Desired]) -> set[Key]:
        registry = self._connection.registry()
        return {one.resource.key for one in desired if not _is_as_specified(registry, one)}

    async def _ensure(self, specs: Sequence[SchemaSpec]) -> list[EnsuredSchema | ServerError]:
        registry = self._connection.registry()
        with self._metrics.duration.labels(Kind.SCHEMA.title).time():
            return await asyncio.to_thread(_each, specs, lambda spec: ensure_schema(registry, spec))

    async def _delete(self, subjects: Sequence[str]) -> list[ServerError | None]:
        registry = self._connection.registry()
        return await asyncio.to_thread(_each, subjects, lambda subject: delete_subject(registry, subject))


def _each(
    questions: Sequence[QuestionT], request: Callable[[QuestionT], AnswerT]
) -> list[AnswerT | ServerError]:
    """The answer to each, or its error. After one time-out nothing more is requested."""
    answers: list[AnswerT | ServerError] = []
    unavailable: UnavailableError | None = None
    for question in questions:
        if unavailable is not None:
            answers.append(unavailable)
            continue
        try:
            answers.append(request(question))
        except UnavailableError as error:
            unavailable = error
            answers.append(error)
        except ServerError as error:
            answers.append(error)
    return answers


def _is_as_specified(registry: SchemaRegistry, one: _Desired) -> bool:
    spec = one.spec
    references = [Reference(ref.name, ref.subject, ref.version) for ref in spec.references]
    try:
        found = registry.find(spec.subject, spec.definition, spec.type, references)
        level = registry.compatibility(spec.subject)
    except (NotFoundError, SchemaRefusedError):
        return False
    return found is not None and (found.version, level) == (
        one.resource.status.get("version"),
        spec.compatibility,
    )

"""Handlers of `Schema` resources."""

from typing import Any

import kopf

from procstream_operator.deletion import needs_finalizer
from procstream_operator.handlers.conclusion import conclude
from procstream_operator.handlers.indices import Reference
from procstream_operator.handlers.rechecks import recheck_users
from procstream_operator.owners import owner_among
from procstream_operator.parts import Parts
from procstream_operator.resource import GROUP, VERSION, Kind, Resource
from procstream_operator.schemas.schema_readiness import subject_of

_SCHEMAS = (GROUP, VERSION, Kind.SCHEMA.value)


@kopf.on.resume(*_SCHEMAS)
@kopf.on.create(*_SCHEMAS)
@kopf.on.update(*_SCHEMAS)  # type: ignore[arg-type] # kopf's types do not include indices
async def bring_about_schema(
    body: kopf.Body,
    patch: kopf.Patch,
    retry: int,
    memo: Parts,
    subject_claims: kopf.Index[str, Resource],
    **_: Any,
) -> None:
    """Bring the subject to its specification."""
    resource = Resource.read(Kind.SCHEMA, body)
    owner = owner_among(subject_claims.get(subject_of(resource), ()))
    attempt = memo.schemas.bring_about(resource, owner)
    await conclude(attempt, resource, body=body, patch=patch, retry=retry, metrics=memo.metrics)


@kopf.on.delete(*_SCHEMAS, when=needs_finalizer)  # type: ignore[arg-type] # kopf's types do not include indices
async def delete_schema(
    body: kopf.Body,
    patch: kopf.Patch,
    retry: int,
    memo: Parts,
    subject_claims: kopf.Index[str, Resource],
    **_: Any,
) -> None:
    """Delete the subject with its resource."""
    resource = Resource.read(Kind.SCHEMA, body)
    owner = owner_among(subject_claims.get(subject_of(resource), ()))
    attempt = memo.schemas.delete(resource, owner)
    await conclude(attempt, resource, body=body, patch=patch, retry=retry, metrics=memo.metrics)


@kopf.on.event(*_SCHEMAS)  # type: ignore[arg-type] # kopf's types do not include indices
async def follow_schema(
    type: str | None,  # noqa: A002 - kopf's name
    body: kopf.Body,
    memo: Parts,
    users: kopf.Index[Reference, Resource],
    **_: Any,
) -> None:
    """Have the producers checked that refer to a Schema whose readiness has changed."""
    await recheck_users(type, Resource.read(Kind.SCHEMA, body), memo, users)

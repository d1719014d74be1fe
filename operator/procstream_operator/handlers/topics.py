"""Handlers of `Topic` resources."""

from typing import Any

import kopf

from procstream_operator.deletion import needs_finalizer
from procstream_operator.handlers.conclusion import conclude
from procstream_operator.handlers.indices import Reference
from procstream_operator.handlers.rechecks import recheck_users
from procstream_operator.owners import owner_among
from procstream_operator.parts import Parts
from procstream_operator.resource import GROUP, VERSION, Kind, Resource
from procstream_operator.topics.topic_readiness import topic_name

_TOPICS = (GROUP, VERSION, Kind.TOPIC.value)


@kopf.on.resume(*_TOPICS)
@kopf.on.create(*_TOPICS)
@kopf.on.update(*_TOPICS)  # type: ignore[arg-type] # kopf's types do not include indices
async def bring_about_topic(
    body: kopf.Body,
    patch: kopf.Patch,
    retry: int,
    memo: Parts,
    topic_claims: kopf.Index[str, Resource],
    **_: Any,
) -> None:
    """Bring the topic to its specification."""
    resource = Resource.read(Kind.TOPIC, body)
    owner = owner_among(topic_claims.get(topic_name(resource), ()))
    attempt = memo.topics.bring_about(resource, owner)
    await conclude(attempt, resource, body=body, patch=patch, retry=retry, metrics=memo.metrics)


@kopf.on.delete(*_TOPICS, when=needs_finalizer)  # type: ignore[arg-type] # kopf's types do not include indices
async def delete_topic(
    body: kopf.Body,
    patch: kopf.Patch,
    retry: int,
    memo: Parts,
    topic_claims: kopf.Index[str, Resource],
    **_: Any,
) -> None:
    """Delete the topic with its resource."""
    resource = Resource.read(Kind.TOPIC, body)
    owner = owner_among(topic_claims.get(topic_name(resource), ()))
    attempt = memo.topics.delete(resource, owner)
    await conclude(attempt, resource, body=body, patch=patch, retry=retry, metrics=memo.metrics)


@kopf.on.event(*_TOPICS)  # type: ignore[arg-type] # kopf's types do not include indices
async def follow_topic(
    type: str | None,  # noqa: A002 - kopf's name
    body: kopf.Body,
    memo: Parts,
    users: kopf.Index[Reference, Resource],
    **_: Any,
) -> None:
    """Have the producers checked that refer to a Topic whose readiness has changed."""
    await recheck_users(type, Resource.read(Kind.TOPIC, body), memo, users)

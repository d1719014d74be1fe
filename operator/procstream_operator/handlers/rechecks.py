"""Handling a resource again because something else has changed."""

import logging

import kopf
from procstream_common.errors import ConflictError, NotFoundError, ServerError

from procstream_operator.api import Api
from procstream_operator.handlers.indices import Reference
from procstream_operator.parts import Parts
from procstream_operator.resource import Resource

log = logging.getLogger("procstream.operator")


async def recheck(api: Api, resource: Resource | None) -> None:
    """Have kopf handle a resource again. If that fails, the next resynchronisation does it."""
    if resource is None or resource.deleted is not None:
        return
    try:
        await api.recheck(resource)
    except (ConflictError, NotFoundError):
        return  # deleted meanwhile
    except ServerError as error:
        log.warning("%s: not checked again now: %s", resource.title, error)


async def recheck_users(
    event: str | None, needed: Resource, memo: Parts, users: kopf.Index[Reference, Resource]
) -> None:
    """Have the producers checked that refer to a Topic or Schema, if its readiness has changed.

    `event` is the type of the event; None for what the first list shows, which was handled at the start.
    """
    ready = needed.ready_condition
    seen = (needed.is_ready, ready.get("reason"), ready.get("message"))
    changed = event == "DELETED" or seen != memo.seen
    memo.seen = seen
    if changed and event is not None:
        for user in list(users.get((needed.kind, needed.key), ())):
            await recheck(memo.api, user)

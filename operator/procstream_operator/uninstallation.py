"""What has to happen before the operator is uninstalled.

A resource with `deletionPolicy: Delete` has a finalizer, which only the operator removes. Without the
operator neither the resource nor its namespace could be deleted.
"""

import asyncio
import logging
from datetime import timedelta

from procstream_common.errors import NotFoundError, ProcstreamError
from procstream_common.kubernetes import connected

from procstream_operator.api import FIELD_MANAGER, Api
from procstream_operator.resource import Kind, Resource

_POLL_SECONDS = 1.0

log = logging.getLogger("procstream.operator")


async def delete_resources(namespace: str, selector: str, timeout: timedelta) -> None:
    """Delete the resources that have a finalizer, and wait until the operator has released them.

    Those without one are left to their creator. Raises `ProcstreamError` when some still exist after
    `timeout`, and `ServerError`.
    """
    async with connected(field_manager=FIELD_MANAGER) as server:
        api = Api(server)
        left = await _with_finalizers(api, namespace, selector)
        for resource in left:
            log.info("%s: deleting", resource.title)
            try:
                await api.delete(resource)
            except NotFoundError:
                continue
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                while left:
                    await asyncio.sleep(_POLL_SECONDS)
                    left = await _with_finalizers(api, namespace, selector)
        except TimeoutError:
            raise ProcstreamError(
                f"not deleted within {timeout.total_seconds():g} s: {', '.join(one.title for one in left)};"
                " expected a running operator: see its log, or set their deletionPolicy to Retain"
            ) from None


async def _with_finalizers(api: Api, namespace: str, selector: str) -> list[Resource]:
    kinds = (Kind.TOPIC, Kind.SCHEMA)
    found = [
        Resource.read(kind, body)
        for kind in kinds
        for body in await api.resources(kind, [namespace], selector)
    ]
    return [resource for resource in found if resource.finalizers]

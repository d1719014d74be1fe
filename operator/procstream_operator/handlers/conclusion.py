"""From the outcome of an attempt to what kopf does with it: status, events, retries."""

import logging
from collections.abc import Awaitable
from datetime import UTC, datetime

import kopf
from procstream_common.errors import UnavailableError

from procstream_operator.metrics import Metrics
from procstream_operator.outcome import Outcome, events_of, internal_error, retry_delay, status_changes
from procstream_operator.resource import Resource

log = logging.getLogger("procstream.operator")


async def conclude(
    attempt: Awaitable[Outcome],
    resource: Resource,
    *,
    body: kopf.Body,
    patch: kopf.Patch,
    retry: int,
    metrics: Metrics,
) -> None:
    """Wait for an attempt, and report its outcome.

    `retry` is the number of attempts before. Raises `kopf.TemporaryError` where there is to be another one.
    """
    try:
        outcome = await attempt
    except UnavailableError as error:  # of the API server, so that no status can be written either
        log.warning("%s: %s; retrying", resource.title, error)
        metrics.reconciled.labels(resource.kind.title, "retry").inc()
        raise kopf.TemporaryError(str(error), delay=retry_delay(retry)) from error
    except Exception as error:
        log.exception("%s: internal error", resource.title)
        outcome = internal_error(error)
    for event in events_of(resource, outcome):
        level = logging.INFO if event.type == "Normal" else logging.WARNING
        extra = {"resource": resource.title}
        log.log(level, "%s: %s: %s", resource.title, event.reason, event.message, extra=extra)
        kopf.event(body, type=event.type, reason=str(event.reason), message=event.message)
    if not outcome.released:
        patch.status.update(status_changes(resource, outcome, datetime.now(UTC)))
    delay = outcome.delay(retry)
    metrics.reconciled.labels(resource.kind.title, "done" if delay is None else "retry").inc()
    if delay is not None:
        raise kopf.TemporaryError(f"{outcome.ready.reason}: {outcome.ready.message}", delay=delay)

"""Handlers of `ProcstatProducer` resources. There is none for deletion: Kubernetes deletes the DaemonSet."""

from collections.abc import Mapping
from typing import Any

import kopf

from procstream_operator.handlers.conclusion import conclude
from procstream_operator.handlers.indices import only
from procstream_operator.handlers.rechecks import recheck
from procstream_operator.parts import Parts
from procstream_operator.producers.manifest import PRODUCER_LABEL
from procstream_operator.resource import GROUP, VERSION, Key, Kind, Resource

_PRODUCERS = (GROUP, VERSION, Kind.PRODUCER.value)


@kopf.on.resume(*_PRODUCERS)
@kopf.on.create(*_PRODUCERS)
@kopf.on.update(*_PRODUCERS)  # type: ignore[arg-type] # kopf's types do not include indices
async def bring_about_daemon_set(
    body: kopf.Body,
    patch: kopf.Patch,
    retry: int,
    memo: Parts,
    topics: kopf.Index[Key, Resource],
    schemas: kopf.Index[Key, Resource],
    **_: Any,
) -> None:
    """Bring the DaemonSet to its specification."""
    resource = Resource.read(Kind.PRODUCER, body)
    namespace, spec = resource.key.namespace, resource.spec
    topic = only(topics, Key(namespace, spec["topicRef"]["name"]))
    schema = only(schemas, Key(namespace, spec["schemaRef"]["name"]))
    attempt = memo.daemon_sets.bring_about(resource, topic, schema)
    with memo.metrics.duration.labels(Kind.PRODUCER.title).time():
        await conclude(attempt, resource, body=body, patch=patch, retry=retry, metrics=memo.metrics)


@kopf.on.event("apps", "v1", "daemonsets", labels={PRODUCER_LABEL: kopf.PRESENT})  # type: ignore[arg-type] # kopf's types do not include indices
async def follow_daemon_set(
    type: str | None,  # noqa: A002 - kopf's name
    body: kopf.Body,
    labels: Mapping[str, str],
    memo: Parts,
    producers: kopf.Index[Key, Resource],
    **_: Any,
) -> None:
    """Have the producer checked whose DaemonSet was changed, was deleted, or has made progress."""
    status = body.get("status", {})
    seen = (
        body["metadata"].get("generation"),
        *(
            status.get(name)
            for name in (
                "observedGeneration",
                "desiredNumberScheduled",
                "numberReady",
                "updatedNumberScheduled",
            )
        ),
    )
    changed = type == "DELETED" or seen != memo.seen
    memo.seen = seen
    if changed and type is not None:  # what the first list shows was handled when the operator started
        await recheck(memo.api, only(producers, Key(body["metadata"]["namespace"], labels[PRODUCER_LABEL])))

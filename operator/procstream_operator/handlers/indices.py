"""Cross references between resources. kopf passes each index to all handlers, by its function's name."""

from collections.abc import Mapping
from typing import Any

import kopf

from procstream_operator.producers.manifest import CONNECTION_ANNOTATION, PRODUCER_LABEL
from procstream_operator.resource import GROUP, VERSION, Key, Kind, Resource
from procstream_operator.schemas.schema_readiness import subject_of
from procstream_operator.topics.topic_readiness import topic_name

Reference = tuple[Kind, Key]


@kopf.index(GROUP, VERSION, Kind.TOPIC.value)
async def topics(body: kopf.Body, **_: Any) -> Mapping[Key, Resource]:
    """Topics by namespace and name."""
    resource = Resource.read(Kind.TOPIC, body)
    return {resource.key: resource}


@kopf.index(GROUP, VERSION, Kind.TOPIC.value)
async def topic_claims(body: kopf.Body, **_: Any) -> Mapping[str, Resource]:
    """Topics by the name in Kafka. Several resources may claim one."""
    resource = Resource.read(Kind.TOPIC, body)
    return {topic_name(resource): resource}


@kopf.index(GROUP, VERSION, Kind.SCHEMA.value)
async def schemas(body: kopf.Body, **_: Any) -> Mapping[Key, Resource]:
    """Schemas by namespace and name."""
    resource = Resource.read(Kind.SCHEMA, body)
    return {resource.key: resource}


@kopf.index(GROUP, VERSION, Kind.SCHEMA.value)
async def subject_claims(body: kopf.Body, **_: Any) -> Mapping[str, Resource]:
    """Schemas by the subject in the registry. Several resources may claim one."""
    resource = Resource.read(Kind.SCHEMA, body)
    return {subject_of(resource): resource}


@kopf.index(GROUP, VERSION, Kind.PRODUCER.value)
async def producers(body: kopf.Body, **_: Any) -> Mapping[Key, Resource]:
    """Producers by namespace and name."""
    resource = Resource.read(Kind.PRODUCER, body)
    return {resource.key: resource}


@kopf.index(GROUP, VERSION, Kind.PRODUCER.value)
async def users(body: kopf.Body, **_: Any) -> Mapping[Reference, Resource]:
    """Producers by the Topic and the Schema that they refer to."""
    resource = Resource.read(Kind.PRODUCER, body)
    namespace, spec = resource.key.namespace, resource.spec
    return {
        (Kind.TOPIC, Key(namespace, spec["topicRef"]["name"])): resource,
        (Kind.SCHEMA, Key(namespace, spec["schemaRef"]["name"])): resource,
    }


@kopf.index("apps", "v1", "daemonsets", labels={PRODUCER_LABEL: kopf.PRESENT})
async def connections(body: kopf.Body, **_: Any) -> Mapping[Key, str | None]:
    """By a DaemonSet's namespace and name: the fingerprint of the ConfigMaps and Secrets of its pods."""
    metadata = body["spec"]["template"].get("metadata", {})
    key = Key(body["metadata"]["namespace"], body["metadata"]["name"])
    return {key: metadata.get("annotations", {}).get(CONNECTION_ANNOTATION)}


def only(found: kopf.Index[Any, Any], key: object) -> Any | None:
    """The value of an index whose keys have one value each; None without one.

    For a moment there can be two: a deleted resource and its successor of the same name. The last one counts.
    """
    return list(found[key])[-1] if key in found else None

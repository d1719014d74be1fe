"""The DaemonSets of `ProcstatProducer` resources."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from procstream_common.errors import NotFoundError, ServerError, UnavailableError
from procstream_common.kubernetes import ForbiddenError

from procstream_operator.api import Api
from procstream_operator.outcome import Outcome
from procstream_operator.producers import manifest, producer_readiness
from procstream_operator.resource import Resource
from procstream_operator.topics.topic_readiness import topic_name


class DaemonSets:
    """Brings DaemonSets to their specification, once their Topic and Schema are Ready."""

    def __init__(self, api: Api, default_image: str | None) -> None:
        self._api = api
        self._default_image = default_image

    async def bring_about(
        self, resource: Resource, topic: Resource | None, schema: Resource | None
    ) -> Outcome:
        """Create or change the DaemonSet as specified. Raises `UnavailableError`."""
        namespace, name = resource.key
        image = resource.spec.get("image") or self._default_image
        if image is None:
            return producer_readiness.no_image()
        existing = await self._api.daemon_set(namespace, name)
        if existing is not None and not _owns(resource, existing):
            return producer_readiness.foreign_daemon_set(name)
        missing = _what_is_missing(resource, topic, schema, manifest.topic_of(existing))
        if missing is not None:
            return missing
        assert topic is not None  # else it is missing  # noqa: S101
        versions = await self._versions(resource)
        if isinstance(versions, Outcome):
            return versions
        wanted = manifest.build(
            resource, topic=topic_name(topic), default_image=image, connection=_fingerprint(versions)
        )
        try:
            applied = await self._api.apply_daemon_set(wanted)
        except UnavailableError:
            raise
        except ServerError as error:
            return producer_readiness.refused(error)
        return producer_readiness.rollout(resource, topic_name(topic), applied, existing)

    async def is_outdated(self, resource: Resource, connection: str | None) -> bool:
        """Whether a ConfigMap or Secret has changed since the pods were started.

        `connection` is the fingerprint that the DaemonSet has. Raises `UnavailableError`.
        """
        versions = await self._versions(resource)
        return isinstance(versions, Outcome) or _fingerprint(versions) != connection

    async def _versions(self, resource: Resource) -> list[str] | Outcome:
        """The versions of the ConfigMaps and Secrets that the pods read; an outcome where one is missing."""
        versions = []
        for kind, name in manifest.references(resource.spec):
            try:
                version = await self._api.version_of(kind, resource.key.namespace, name)
            except NotFoundError:
                return producer_readiness.missing_reference(kind, name)
            except ForbiddenError:
                return producer_readiness.forbidden_reference(kind, name)
            versions.append(f"{kind}/{name}:{version}")
        return versions


def _what_is_missing(
    resource: Resource, topic: Resource | None, schema: Resource | None, running_topic: str | None
) -> Outcome | None:
    """Why the DaemonSet cannot be created or changed yet. `running_topic` is that of the running pods.

    Running pods are not affected: that the broker of a Topic is unavailable is no reason to change them.
    """
    topic_ref, schema_ref = resource.spec["topicRef"]["name"], resource.spec["schemaRef"]["name"]
    if topic is None:
        return producer_readiness.waiting_for_topic(topic_ref, None)
    name = topic_name(topic)
    if running_topic != name and not topic.is_ready:
        return producer_readiness.waiting_for_topic(topic_ref, topic)
    if running_topic != name and (schema is None or not schema.is_ready):
        return producer_readiness.waiting_for_schema(schema_ref, schema)
    if schema is not None and schema.spec["subject"] != f"{name}-value":
        return producer_readiness.wrong_subject(schema_ref, str(schema.spec["subject"]), name)
    return None


def _owns(resource: Resource, existing: Mapping[str, Any]) -> bool:
    return any(owner["uid"] == resource.uid for owner in existing["metadata"].get("ownerReferences", ()))


def _fingerprint(versions: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(versions)).encode()).hexdigest()[:16]

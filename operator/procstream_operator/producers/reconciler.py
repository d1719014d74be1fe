"""`ProcstatProducer` resources and their DaemonSets."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from procstream_operator.api import Api
from procstream_operator.api_server import ApiError, ConflictError, GoneError
from procstream_operator.controller import Key, Outcome, Resource
from procstream_operator.producers import daemon_set, outcome
from procstream_operator.topics.outcome import topic_name


class ProducerReconciler:
    """Brings DaemonSets to what their resources say, once their Topic and Schema are Ready."""

    def __init__(
        self,
        api: Api,
        *,
        topics: Mapping[Key, Resource],
        schemas: Mapping[Key, Resource],
        default_image: str | None,
    ) -> None:
        self._api = api
        self._topics = topics
        self._schemas = schemas
        self._default_image = default_image

    def needs_finalizer(self, resource: Resource) -> bool:
        """None: Kubernetes deletes the DaemonSet with its owner."""
        return False

    async def reconcile(
        self, resources: Sequence[Resource], everything: Mapping[Key, Resource]
    ) -> Mapping[Key, Outcome]:
        """See `Reconciler`."""
        return {resource.key: await self._bring_about(resource) for resource in resources}

    async def _bring_about(self, resource: Resource) -> Outcome:
        namespace, name = resource.key
        image = resource.spec.get("image") or self._default_image
        if image is None:
            return outcome.no_image()
        existing = await self._api.daemon_set(namespace, name)
        if existing is not None and not _owns(resource, existing):
            return outcome.foreign_daemon_set(name)
        topic = self._topics.get(Key(namespace, resource.spec["topicRef"]["name"]))
        # Pods that run go on: a Topic whose broker is away is no reason to touch them.
        wait = self._what_is_missing(resource, topic) if existing is None or topic is None else None
        if wait is not None or topic is None:
            return wait or outcome.waiting_for("Topic", resource.spec["topicRef"]["name"], None)
        versions = []
        for kind, referred in daemon_set.references(resource.spec):
            try:
                versions.append(f"{kind}/{referred}:{await self._api.version_of(kind, namespace, referred)}")
            except GoneError:
                return outcome.missing_reference(kind, referred)
        manifest = daemon_set.build(
            resource, topic=topic_name(topic), default_image=image, connection=_fingerprint(versions)
        )
        try:
            applied = await self._api.apply_daemon_set(manifest)
        except (ConflictError, GoneError):
            raise
        except ApiError as error:
            return outcome.refused(error)
        return outcome.rollout(resource, topic_name(topic), applied)

    def _what_is_missing(self, resource: Resource, topic: Resource | None) -> Outcome | None:
        namespace = resource.key.namespace
        topic_ref, schema_ref = resource.spec["topicRef"]["name"], resource.spec["schemaRef"]["name"]
        if topic is None or not topic.is_ready:
            return outcome.waiting_for("Topic", topic_ref, topic)
        schema = self._schemas.get(Key(namespace, schema_ref))
        if schema is None or not schema.is_ready:
            return outcome.waiting_for("Schema", schema_ref, schema)
        subject = str(schema.spec["subject"])
        if subject != f"{topic_name(topic)}-value":
            return outcome.wrong_subject(schema_ref, subject, topic_name(topic))
        return None


def _owns(resource: Resource, existing: Mapping[str, Any]) -> bool:
    return any(owner["uid"] == resource.uid for owner in existing["metadata"].get("ownerReferences", ()))


def _fingerprint(versions: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(versions)).encode()).hexdigest()[:16]

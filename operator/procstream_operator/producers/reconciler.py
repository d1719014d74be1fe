"""`ProcstatProducer` resources and their DaemonSets."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from procstream_common.api_server import ApiError, ApiUnavailableError, ForbiddenError, GoneError

from procstream_operator.api import Api
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
        missing = self._what_is_missing(resource, daemon_set.topic_of(existing))
        if missing is not None:
            return missing
        versions = []
        for kind, referred in daemon_set.references(resource.spec):
            try:
                versions.append(f"{kind}/{referred}:{await self._api.version_of(kind, namespace, referred)}")
            except GoneError:
                return outcome.missing_reference(kind, referred)
            except ForbiddenError:
                return outcome.forbidden_reference(kind, referred)
        topic = topic_name(self._topics[Key(namespace, resource.spec["topicRef"]["name"])])
        manifest = daemon_set.build(
            resource, topic=topic, default_image=image, connection=_fingerprint(versions)
        )
        try:
            applied = await self._api.apply_daemon_set(manifest)
        except ApiUnavailableError:
            raise
        except ApiError as error:
            return outcome.refused(error)
        return outcome.rollout(resource, topic, applied, existing)

    def _what_is_missing(self, resource: Resource, running_topic: str | None) -> Outcome | None:
        """Why no DaemonSet can be made or changed yet; `running_topic` is that of the pods that run.

        Pods that run go on: a Topic whose broker is away is no reason to touch them.
        """
        namespace = resource.key.namespace
        topic_ref, schema_ref = resource.spec["topicRef"]["name"], resource.spec["schemaRef"]["name"]
        topic = self._topics.get(Key(namespace, topic_ref))
        schema = self._schemas.get(Key(namespace, schema_ref))
        if topic is None:
            return outcome.waiting_for("Topic", topic_ref, None)
        name = topic_name(topic)
        if running_topic != name and not topic.is_ready:
            return outcome.waiting_for("Topic", topic_ref, topic)
        if running_topic != name and (schema is None or not schema.is_ready):
            return outcome.waiting_for("Schema", schema_ref, schema)
        if schema is not None and schema.spec["subject"] != f"{name}-value":
            return outcome.wrong_subject(schema_ref, str(schema.spec["subject"]), name)
        return None


def _owns(resource: Resource, existing: Mapping[str, Any]) -> bool:
    return any(owner["uid"] == resource.uid for owner in existing["metadata"].get("ownerReferences", ()))


def _fingerprint(versions: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(versions)).encode()).hexdigest()[:16]

"""What the state of its parts means for a `ProcstatProducer`. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from procstream_operator.outcome import Outcome, Ready, ResourceEvent
from procstream_operator.reasons import Reason
from procstream_operator.resource import Resource

_HINT = "see `kubectl describe pods -l procstream.io/producer={name} -n {namespace}`"


def waiting_for_topic(name: str, found: Resource | None) -> Outcome:
    """Its Topic does not exist, or is not Ready. A change of the Topic triggers the next attempt."""
    return _underway(Reason.WAITING_FOR_TOPIC, _why_not_ready("Topic", name, found))


def waiting_for_schema(name: str, found: Resource | None) -> Outcome:
    """Its Schema does not exist, or is not Ready. A change of the Schema triggers the next attempt."""
    return _underway(Reason.WAITING_FOR_SCHEMA, _why_not_ready("Schema", name, found))


def wrong_subject(schema: str, subject: str, topic: str) -> Outcome:
    """The Schema is that of another topic."""
    message = (
        f"Schema {schema} is registered under {subject}, but the values of topic {topic} are looked up under "
        f"{topic}-value: refer to a Schema with that subject"
    )
    return Outcome(Ready(Reason.SUBJECT_MISMATCH, message))


def missing_reference(kind: str, name: str) -> Outcome:
    """A ConfigMap or Secret does not exist."""
    message = f"there is no {kind} {name} in this namespace, which spec.envFrom or spec.tlsSecretRef names"
    return Outcome(Ready(Reason.MISSING_REFERENCE, message), retry=True)


def forbidden_reference(kind: str, name: str) -> Outcome:
    """The operator may not see whether a ConfigMap or Secret has changed."""
    message = (
        f"the operator may not get {kind} {name}, so it could not restart the pods when it changes: "
        f"add it to the chart's operator.readable{kind}s"
    )
    return Outcome(Ready(Reason.FORBIDDEN_REFERENCE, message), retry=True)


def no_image() -> Outcome:
    """Neither the resource nor the operator names an image."""
    message = "spec.image is not set and the operator has no default (--producer-image)"
    return Outcome(Ready(Reason.NO_IMAGE, message))


def foreign_daemon_set(name: str) -> Outcome:
    """A DaemonSet of the name belongs to another owner."""
    message = f"there is a DaemonSet {name} that this resource does not own; delete or rename one of the two"
    return Outcome(Ready(Reason.CONFLICT, message), retry=True)


def refused(error: Exception) -> Outcome:
    """The API server refuses the DaemonSet."""
    return Outcome(Ready(Reason.DAEMON_SET_REFUSED, str(error)), retry=True)


def rollout(
    resource: Resource, topic: str, daemon_set: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Outcome:
    """The progress of the DaemonSet. `before` is what existed before it was applied."""
    state = _rollout(resource, topic, daemon_set)
    return replace(state, events=tuple(_events(daemon_set["metadata"], before)))


def _events(metadata: Mapping[str, Any], before: Mapping[str, Any] | None) -> Iterator[ResourceEvent]:
    if before is None:
        yield ResourceEvent.of(Reason.DAEMON_SET_CREATED, f"DaemonSet {metadata['name']} was created")
    elif before["metadata"].get("generation") != metadata.get("generation"):
        yield ResourceEvent.of(Reason.DAEMON_SET_UPDATED, f"DaemonSet {metadata['name']} was changed")


def _rollout(resource: Resource, topic: str, daemon_set: Mapping[str, Any]) -> Outcome:
    state = daemon_set.get("status", {})
    observed = state.get("observedGeneration", 0) >= daemon_set["metadata"].get("generation", 1)
    desired = int(state.get("desiredNumberScheduled", 0))
    ready = int(state.get("numberReady", 0))
    updated = int(state.get("updatedNumberScheduled", 0))
    status = {"topicName": topic, "desired": desired, "ready": ready}
    hint = _HINT.format(name=resource.key.name, namespace=resource.key.namespace)
    if not observed:
        return _underway(Reason.ROLLING_OUT, "Kubernetes has not processed the DaemonSet yet", status)
    if desired == 0:
        message = "no node matches nodeSelector, tolerations and affinity"
        return Outcome(Ready(Reason.NO_NODES, message), status)
    if updated < desired:
        message = f"{updated} of {desired} nodes have the newest pod, {ready} are sampled; {hint}"
        return _underway(Reason.ROLLING_OUT, message, status)
    if ready < desired:
        message = f"{ready} of {desired} nodes are sampled; {hint}"
        # Pods that start are not a problem. Pods that were ready and no longer are, are one.
        starting = not resource.is_ready
        return Outcome(Ready(Reason.PODS_NOT_READY, message, underway=starting), status)
    return Outcome(Ready(Reason.ALL_NODES_SAMPLED, f"{ready} of {desired} nodes are sampled"), status)


def _why_not_ready(kind: str, name: str, found: Resource | None) -> str:
    if found is None:
        return f"there is no {kind} {name} in this namespace"
    condition = found.ready_condition
    why = f"{condition['reason']}: {condition['message']}" if condition else "it was not processed yet"
    return f"{kind} {name} is not Ready: {why}"


def _underway(reason: Reason, message: str, status: Mapping[str, Any] | None = None) -> Outcome:
    return Outcome(Ready(reason, message, underway=True), status or {})

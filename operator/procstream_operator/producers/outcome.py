"""What the state of a `ProcstatProducer`'s parts means for it. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from procstream_operator.controller import Outcome, Ready, Resource, ResourceEvent

_LABEL_HINT = "see `kubectl describe pods -l procstream.io/producer={name} -n {namespace}`"


def waiting_for(kind: str, name: str, found: Resource | None) -> Outcome:
    """Its Topic or Schema is not there yet, or not Ready; a change of it brings a call to look again."""
    if found is None:
        return _underway(f"WaitingFor{kind}", f"there is no {kind} {name} in this namespace")
    condition = found.ready_condition
    why = f"{condition['reason']}: {condition['message']}" if condition else "it was not looked at yet"
    return _underway(f"WaitingFor{kind}", f"{kind} {name} is not Ready: {why}")


def wrong_subject(schema: str, subject: str, topic: str) -> Outcome:
    """The Schema is that of another topic."""
    message = (
        f"Schema {schema} is registered under {subject}, but the values of topic {topic} are looked up under "
        f"{topic}-value: refer to a Schema with that subject"
    )
    return Outcome(Ready(False, "SubjectMismatch", message))


def missing_reference(kind: str, name: str) -> Outcome:
    """A ConfigMap or Secret is not there."""
    message = f"there is no {kind} {name} in this namespace, which spec.envFrom or spec.tlsSecretRef names"
    return Outcome(Ready(False, "MissingReference", message), retry=True)


def forbidden_reference(kind: str, name: str) -> Outcome:
    """The operator may not see whether a ConfigMap or Secret has changed."""
    message = (
        f"the operator may not get {kind} {name}, so it could not roll the pods when it changes: "
        f"add it to the chart's operator.readable{kind}s"
    )
    return Outcome(Ready(False, "ForbiddenReference", message), retry=True)


def no_image() -> Outcome:
    """Neither the resource nor the operator names an image."""
    return Outcome(
        Ready(False, "NoImage", "spec.image is not set and the operator has no default (--producer-image)")
    )


def foreign_daemon_set(name: str) -> Outcome:
    """A DaemonSet of the name belongs to somebody else."""
    message = f"there is a DaemonSet {name} that this resource does not own; delete or rename one of the two"
    return Outcome(Ready(False, "Conflict", message), retry=True)


def refused(error: Exception) -> Outcome:
    """The API server does not take the DaemonSet."""
    return Outcome(Ready(False, "DaemonSetRefused", str(error)), retry=True)


def rollout(
    resource: Resource, topic: str, daemon_set: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Outcome:
    """How far the DaemonSet is; `before` is what was there before it was applied."""
    state = _rollout(resource, topic, daemon_set)
    return replace(state, events=tuple(_events(daemon_set["metadata"], before)))


def _events(metadata: Mapping[str, Any], before: Mapping[str, Any] | None) -> Iterator[ResourceEvent]:
    if before is None:
        yield ResourceEvent("Normal", "DaemonSetCreated", f"DaemonSet {metadata['name']} was made")
    elif before["metadata"].get("generation") != metadata.get("generation"):
        yield ResourceEvent("Normal", "DaemonSetUpdated", f"DaemonSet {metadata['name']} was changed")


def _rollout(resource: Resource, topic: str, daemon_set: Mapping[str, Any]) -> Outcome:
    state = daemon_set.get("status", {})
    observed = state.get("observedGeneration", 0) >= daemon_set["metadata"].get("generation", 1)
    desired = int(state.get("desiredNumberScheduled", 0))
    ready = int(state.get("numberReady", 0))
    updated = int(state.get("updatedNumberScheduled", 0))
    status = {"topicName": topic, "desired": desired, "ready": ready}
    hint = _LABEL_HINT.format(name=resource.key.name, namespace=resource.key.namespace)
    if not observed:
        return _underway("RollingOut", "Kubernetes has not looked at the DaemonSet yet", status)
    if desired == 0:
        return Outcome(Ready(False, "NoNodes", "no node fits nodeSelector, tolerations and affinity"), status)
    if updated < desired:
        message = f"{updated} of {desired} nodes have the newest pod, {ready} are sampled; {hint}"
        return _underway("RollingOut", message, status)
    if ready < desired:
        message = f"{ready} of {desired} nodes are sampled; {hint}"
        # Pods that start are no problem; those that were ready and are no more are one.
        starting = not resource.is_ready
        return Outcome(Ready(False, "PodsNotReady", message, underway=starting), status)
    return Outcome(Ready(True, "AllNodesSampled", f"{ready} of {desired} nodes are sampled"), status)


def _underway(reason: str, message: str, status: Mapping[str, Any] | None = None) -> Outcome:
    return Outcome(Ready(False, reason, message, underway=True), status or {})

"""What a topic's state means for its resource. Pure."""

from collections.abc import Iterator

from confluent_kafka import KafkaError
from procstream_common.provisioning import TopicPlan, TopicRefusedError, TopicSpec, TopicState, first_mistake
from pydantic import ValidationError

from procstream_operator.controller import Key, Outcome, Ready, Resource, ResourceEvent

_LEADER_POLL_SECONDS = 1.0

_REASONS = {
    KafkaError.INVALID_CONFIG: "InvalidConfig",
    KafkaError.INVALID_REPLICATION_FACTOR: "InvalidReplicationFactor",
    KafkaError.INVALID_PARTITIONS: "InvalidPartitions",
    KafkaError.TOPIC_EXCEPTION: "InvalidTopicName",
    KafkaError.TOPIC_AUTHORIZATION_FAILED: "NotAuthorized",
    KafkaError.POLICY_VIOLATION: "PolicyViolation",
}
_KAFKAS_OWN = ("__",)


def topic_name(resource: Resource) -> str:
    """The topic's name in Kafka."""
    return str(resource.spec.get("topicName") or resource.key.name)


def specification(resource: Resource) -> TopicSpec | Outcome:
    """What the topic should be; an outcome where the resource does not say so rightly."""
    fields = {name: value for name, value in resource.spec.items() if name != "deletionPolicy"}
    try:
        spec = TopicSpec.model_validate({**fields, "topicName": topic_name(resource)})
    except ValidationError as error:
        return Outcome(Ready(False, "InvalidSpec", f"spec.{first_mistake(error)}"))
    if spec.topic_name.startswith(_KAFKAS_OWN):
        message = f"topic {spec.topic_name}: names that begin with two underscores are Kafka's own"
        return Outcome(Ready(False, "InvalidTopicName", message))
    return spec


def taken(topic: str, owner: Key) -> Outcome:
    """Another resource has the topic."""
    message = f"topic {topic} belongs to Topic {owner}, which is older; delete one of the two"
    return Outcome(Ready(False, "Conflict", message), {"topicName": topic})


def unavailable(error: Exception) -> Outcome:
    """Nothing is known, because Kafka does not answer."""
    return Outcome(Ready(None, "KafkaUnavailable", str(error)), retry=True)


def misconfigured(error: Exception) -> Outcome:
    """The operator's own settings are wrong."""
    return Outcome(Ready(None, "OperatorMisconfigured", str(error)), retry=True)


def refused(error: TopicRefusedError) -> Outcome:
    """Kafka does not do what is asked for."""
    reason = _REASONS.get(error.error.code(), "Refused")
    return Outcome(Ready(False, reason, str(error)), {"topicName": error.topic}, retry=True)


def judged(resource: Resource, spec: TopicSpec, done: TopicPlan, state: TopicState | None) -> Outcome:
    """After the steps `done`, the topic is in `state`."""
    if state is None or state.leaderless:
        partitions = "all" if state is None else ", ".join(str(number) for number in state.leaderless)
        message = f"topic {spec.topic_name}: partitions without a leader: {partitions}"
        waiting = _status(spec, state)
        return Outcome(
            Ready(False, "WaitingForLeaders", message, underway=True),
            waiting,
            tuple(_events(resource, spec, done)),
            again_in=_LEADER_POLL_SECONDS,
        )
    ready = Ready(
        True, "TopicReady", f"topic {spec.topic_name} is as specified; every partition has a leader"
    )
    for refusal, message in done.refusals.items():
        ready = Ready(False, str(refusal), message)
    return Outcome(ready, _status(spec, state), tuple(_events(resource, spec, done)))


def is_drift(resource: Resource, done: TopicPlan) -> bool:
    """Whether the steps undo what somebody else did: the resource was Ready and has not changed."""
    return bool(done) and resource.is_ready


def managed(resource: Resource) -> tuple[str, ...]:
    """The settings that earlier specifications had."""
    return tuple(resource.status.get("managedConfig", ()))


def _status(spec: TopicSpec, state: TopicState | None) -> dict[str, object]:
    status: dict[str, object] = {"topicName": spec.topic_name, "managedConfig": sorted(spec.config) or None}
    if state is not None:
        status |= {
            "topicId": state.topic_id,
            "partitions": state.partitions,
            "replicationFactor": state.replication_factor,
        }
    return status


def _events(resource: Resource, spec: TopicSpec, done: TopicPlan) -> Iterator[ResourceEvent]:
    drift = is_drift(resource, done)
    if done.create and drift:
        yield ResourceEvent(
            "Warning",
            "Recreated",
            f"topic {spec.topic_name} had been deleted in Kafka; it was made anew, empty",
        )
    elif done.create:
        yield ResourceEvent("Normal", "Created", f"topic {spec.topic_name} with {spec.partitions} partitions")
    elif "topicId" not in resource.status:
        yield ResourceEvent("Normal", "Adopted", f"topic {spec.topic_name} was there before this resource")
    if done.grow_to is not None:
        yield ResourceEvent(
            "Normal", "PartitionsAdded", f"topic {spec.topic_name} has {done.grow_to} partitions"
        )
    changes = [f"{key}={value}" for key, value in sorted(done.set_config.items())]
    changes += [f"{key}=default" for key in done.reset_config]
    if changes:
        reason = "DriftRepaired" if drift else "ConfigChanged"
        yield ResourceEvent("Normal", reason, f"topic {spec.topic_name}: set {', '.join(changes)}")

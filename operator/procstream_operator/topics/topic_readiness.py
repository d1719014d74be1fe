"""What the state of a topic means for its resource. Pure."""

from collections.abc import Iterator

from confluent_kafka import KafkaError
from procstream_common.errors import RefusedError, ServerError, SettingsError
from procstream_common.provisioning import (
    Refusal,
    TopicPlan,
    TopicRefusedError,
    TopicSpec,
    TopicState,
    first_mistake,
)
from pydantic import ValidationError

from procstream_operator.outcome import Outcome, Ready, ResourceEvent
from procstream_operator.reasons import Reason
from procstream_operator.resource import Key, Resource

_LEADER_POLL_SECONDS = 1.0

_REASONS = {
    KafkaError.INVALID_CONFIG: Reason.INVALID_CONFIG,
    KafkaError.INVALID_REPLICATION_FACTOR: Reason.INVALID_REPLICATION_FACTOR,
    KafkaError.INVALID_PARTITIONS: Reason.INVALID_PARTITIONS,
    KafkaError.TOPIC_EXCEPTION: Reason.INVALID_TOPIC_NAME,
    KafkaError.TOPIC_AUTHORIZATION_FAILED: Reason.NOT_AUTHORIZED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: Reason.NOT_AUTHORIZED,
    KafkaError.POLICY_VIOLATION: Reason.POLICY_VIOLATION,
}
_REFUSALS = {
    Refusal.PARTITIONS_CANNOT_SHRINK: Reason.PARTITIONS_CANNOT_SHRINK,
    Refusal.REPLICATION_FACTOR_DIFFERS: Reason.REPLICATION_FACTOR_DIFFERS,
}
_RESERVED_PREFIX = "__"


def topic_name(resource: Resource) -> str:
    """The topic's name in Kafka."""
    return str(resource.spec.get("topicName") or resource.key.name)


def specification(resource: Resource) -> TopicSpec | Outcome:
    """The topic that the resource specifies; an outcome where the specification is wrong."""
    fields = {name: value for name, value in resource.spec.items() if name != "deletionPolicy"}
    try:
        spec = TopicSpec.model_validate({**fields, "topicName": topic_name(resource)})
    except ValidationError as error:
        return Outcome(Ready(Reason.INVALID_SPEC, f"spec.{first_mistake(error)}"))
    if spec.topic_name.startswith(_RESERVED_PREFIX):
        message = f"topic {spec.topic_name}: names that begin with two underscores are reserved for Kafka"
        return Outcome(Ready(Reason.INVALID_TOPIC_NAME, message))
    return spec


def taken(topic: str, owner: Key) -> Outcome:
    """Another resource owns the topic."""
    message = f"topic {topic} belongs to Topic {owner}, which is older; delete one of the two"
    return Outcome(Ready(Reason.CONFLICT, message), {"topicName": topic})


def failed(error: ServerError | SettingsError) -> Outcome:
    """No request reached Kafka, or Kafka does not accept the operator's user."""
    if isinstance(error, SettingsError):
        reason = Reason.OPERATOR_MISCONFIGURED
    else:
        reason = Reason.NOT_AUTHORIZED if isinstance(error, RefusedError) else Reason.KAFKA_UNAVAILABLE
    return Outcome(Ready(reason, str(error)), retry=True)


def refused(error: TopicRefusedError) -> Outcome:
    """Kafka refuses a request about the topic."""
    reason = _REASONS.get(error.error.code(), Reason.REFUSED)
    return Outcome(Ready(reason, str(error)), {"topicName": error.topic}, retry=True)


def judged(resource: Resource, spec: TopicSpec, done: TopicPlan, state: TopicState | None) -> Outcome:
    """After the steps `done`, the topic is in `state`."""
    events = tuple(_events(resource, spec, done))
    if state is None or state.leaderless:
        partitions = "all" if state is None else ", ".join(str(number) for number in state.leaderless)
        message = f"topic {spec.topic_name}: partitions without a leader: {partitions}"
        ready = Ready(Reason.WAITING_FOR_LEADERS, message, underway=True)
        return Outcome(ready, _status(spec, state), events, again_in=_LEADER_POLL_SECONDS)
    ready = Ready(
        Reason.TOPIC_READY, f"topic {spec.topic_name} is as specified; every partition has a leader"
    )
    for refusal, message in done.refusals.items():
        ready = Ready(_REFUSALS[refusal], message)
    return Outcome(ready, _status(spec, state), events)


def is_drift(resource: Resource, done: TopicPlan) -> bool:
    """Whether the steps undo changes from outside: the resource was Ready and has not changed."""
    return bool(done) and resource.is_ready


def managed(resource: Resource) -> tuple[str, ...]:
    """The settings that earlier specifications contained."""
    return tuple(resource.status.get("managedConfig", ()))


def had_topic(resource: Resource) -> bool:
    """Whether the topic was this resource's own at some time."""
    return "topicId" in resource.status


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
    topic = f"topic {spec.topic_name}"
    drift = is_drift(resource, done)
    if done.create and drift:
        yield ResourceEvent.of(
            Reason.RECREATED, f"{topic} had been deleted in Kafka; it was created again, empty"
        )
    elif done.create:
        yield ResourceEvent.of(Reason.CREATED, f"{topic} with {spec.partitions} partitions")
    elif not had_topic(resource):
        yield ResourceEvent.of(Reason.ADOPTED, f"{topic} existed before this resource")
    if done.grow_to is not None:
        yield ResourceEvent.of(Reason.PARTITIONS_ADDED, f"{topic} has {done.grow_to} partitions")
    changes = [f"{key}={value}" for key, value in sorted(done.set_config.items())]
    changes += [f"{key}=default" for key in done.reset_config]
    if changes:
        reason = Reason.DRIFT_REPAIRED if drift else Reason.CONFIG_CHANGED
        yield ResourceEvent.of(reason, f"{topic}: set {', '.join(changes)}")

"""The reasons of conditions and events, and what they mean for you.

`python -m procstream_operator.reasons docs/operator/reasons.md` writes the page about them; with `--check` it
fails where the page differs.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer
from procstream_common.cli import run
from procstream_common.errors import ProcstreamError

Shown = Literal["True", "False", "Unknown", "Normal", "Warning"]
"""What a reason comes with: a status of the condition `Ready`, or a type of event."""

_TOPIC = ("Topic",)
_SCHEMA = ("Schema",)
_PRODUCER = ("ProcstatProducer",)
_DATA = ("Topic", "Schema")
_ALL = ("Topic", "Schema", "ProcstatProducer")


class Reason(StrEnum):
    """Why a resource is Ready or not, or what was done to it."""

    shown: Shown
    kinds: tuple[str, ...]
    meaning: str
    action: str
    """What to do about it; empty where there is nothing to do."""

    def __new__(
        cls, value: str, shown: Shown, kinds: tuple[str, ...], meaning: str, action: str = ""
    ) -> "Reason":
        """A member from its row."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.shown, member.kinds, member.meaning, member.action = shown, kinds, meaning, action
        return member

    TOPIC_READY = "TopicReady", "True", _TOPIC, "The topic is as specified, and every partition has a leader."
    WAITING_FOR_LEADERS = (
        "WaitingForLeaders",
        "False",
        _TOPIC,
        "Partitions have no leader. This is normal for a moment after the topic was created; the operator "
        "checks again every second.",
        "If it stays: check whether a broker is unavailable.",
    )
    KAFKA_UNAVAILABLE = (
        "KafkaUnavailable",
        "Unknown",
        _TOPIC,
        "Kafka does not answer. The operator retries after 1, 2, 4 and up to 60 seconds.",
        "Check that the brokers run, and that a pod can connect to `KAFKA_BOOTSTRAP_SERVERS` and to the "
        "addresses that the brokers advertise.",
    )
    INVALID_TOPIC_NAME = (
        "InvalidTopicName",
        "False",
        _TOPIC,
        "Kafka refuses the name, or the name begins with `__`. Such names are reserved for Kafka.",
        "Create another `Topic` with another name.",
    )
    INVALID_CONFIG = (
        "InvalidConfig",
        "False",
        _TOPIC,
        "Kafka does not know a setting, or refuses its value.",
        "Correct `config`.",
    )
    INVALID_REPLICATION_FACTOR = (
        "InvalidReplicationFactor",
        "False",
        _TOPIC,
        "There are fewer brokers than replicas.",
        "Lower `replicationFactor`, or add brokers.",
    )
    INVALID_PARTITIONS = (
        "InvalidPartitions",
        "False",
        _TOPIC,
        "Kafka refuses the number of partitions.",
        "Correct `partitions`.",
    )
    POLICY_VIOLATION = (
        "PolicyViolation",
        "False",
        _TOPIC,
        "A policy of the Kafka cluster (`create.topic.policy.class.name`, `alter.config.policy.class.name`) "
        "refuses the topic.",
        "Ask the administrators of the Kafka cluster.",
    )
    REFUSED = (
        "Refused",
        "False",
        _TOPIC,
        "Kafka refuses the topic for another reason, which the message contains.",
        "Correct what the message names.",
    )
    PARTITIONS_CANNOT_SHRINK = (
        "PartitionsCannotShrink",
        "False",
        _TOPIC,
        "The topic has more partitions than specified. Kafka cannot remove partitions.",
        "Specify as many partitions as the topic has, or copy the records into a new topic.",
    )
    REPLICATION_FACTOR_DIFFERS = (
        "ReplicationFactorDiffers",
        "False",
        _TOPIC,
        "The topic has another replication factor than specified.",
        "Specify the factor that it has, or reassign its partitions with `kafka-reassign-partitions.sh`.",
    )
    SCHEMA_REGISTERED = (
        "SchemaRegistered",
        "True",
        _SCHEMA,
        "The schema is registered, and the subject has the specified compatibility level.",
    )
    REGISTRY_UNAVAILABLE = (
        "RegistryUnavailable",
        "Unknown",
        _SCHEMA,
        "The schema registry does not answer, or answers with a server error. The operator retries after 1, "
        "2, 4 and up to 60 seconds.",
        "Check that the registry runs, and that a pod can connect to `SCHEMA_REGISTRY_URL`.",
    )
    INCOMPATIBLE_SCHEMA = (
        "IncompatibleSchema",
        "False",
        _SCHEMA,
        "The change breaks the compatibility level of the subject. The registered version stays.",
        "Make the change compatible, or use a new subject.",
    )
    INVALID_SCHEMA = (
        "InvalidSchema",
        "False",
        _SCHEMA,
        "The definition is not a schema of its `type`, or refers to a schema that is not registered. The "
        "message is that of the registry.",
        "Correct `definition` or `references`.",
    )
    ALL_NODES_SAMPLED = (
        "AllNodesSampled",
        "True",
        _PRODUCER,
        "Every selected node is sampled by a pod of the newest specification.",
    )
    WAITING_FOR_TOPIC = (
        "WaitingForTopic",
        "False",
        _PRODUCER,
        "The `Topic` does not exist, or is not Ready.",
        "Create the `Topic`, or see its own condition `Ready`.",
    )
    WAITING_FOR_SCHEMA = (
        "WaitingForSchema",
        "False",
        _PRODUCER,
        "The `Schema` does not exist, or is not Ready.",
        "Create the `Schema`, or see its own condition `Ready`.",
    )
    SUBJECT_MISMATCH = (
        "SubjectMismatch",
        "False",
        _PRODUCER,
        "The subject of the `Schema` is not `TOPIC-value`.",
        "Refer to a `Schema` with that subject.",
    )
    MISSING_REFERENCE = (
        "MissingReference",
        "False",
        _PRODUCER,
        "A ConfigMap or Secret of `envFrom` or `tlsSecretRef` does not exist.",
        "Create it. The operator retries after up to 60 seconds.",
    )
    FORBIDDEN_REFERENCE = (
        "ForbiddenReference",
        "False",
        _PRODUCER,
        "The operator may not read one of the ConfigMaps or Secrets, so that it could not restart the pods "
        "when it changes.",
        "Add its name to the value `operator.readableSecrets` or `operator.readableConfigMaps`.",
    )
    NO_IMAGE = (
        "NoImage",
        "False",
        _PRODUCER,
        "`spec.image` is not set, and the operator runs without `--producer-image`.",
        "Set one of the two.",
    )
    DAEMON_SET_REFUSED = (
        "DaemonSetRefused",
        "False",
        _PRODUCER,
        "The API server, a quota or an admission webhook refuses the DaemonSet.",
        "Correct what the message names.",
    )
    ROLLING_OUT = (
        "RollingOut",
        "False",
        _PRODUCER,
        "Some nodes do not have the newest pod yet.",
        "If it stays: `kubectl describe pods -l procstream.io/producer=NAME`.",
    )
    PODS_NOT_READY = (
        "PodsNotReady",
        "False",
        _PRODUCER,
        "Every node has the newest pod, but some pods are not ready. This is normal for seconds after the "
        "first start.",
        "If it stays: `kubectl describe pods -l procstream.io/producer=NAME`, and the logs of these pods.",
    )
    NO_NODES = (
        "NoNodes",
        "False",
        _PRODUCER,
        "No node matches `nodeSelector`, `tolerations` and the node affinity.",
        "Correct them.",
    )
    CONFLICT = (
        "Conflict",
        "False",
        _ALL,
        "An older `Topic` has the same topic, an older `Schema` has the same subject, or a DaemonSet of "
        "this name belongs to another owner. The operator does not touch it.",
        "Delete or rename one of the two.",
    )
    INVALID_SPEC = (
        "InvalidSpec",
        "False",
        _DATA,
        "The specification is wrong in a way that the CustomResourceDefinition does not check.",
        "Correct the field that the message names.",
    )
    NOT_AUTHORIZED = (
        "NotAuthorized",
        "False",
        _DATA,
        "Kafka or the schema registry refuses the credentials of the operator, or its user lacks a "
        "permission.",
        "Correct the credentials, or grant the user the permission that the message names.",
    )
    OPERATOR_MISCONFIGURED = (
        "OperatorMisconfigured",
        "Unknown",
        _DATA,
        "The settings of the operator are wrong or cannot be read.",
        "Correct the values or Secrets that the message names.",
    )
    DELETION_PENDING = (
        "DeletionPending",
        "Unknown",
        _DATA,
        "The topic or subject could not be deleted yet. The message contains the cause, and how long the "
        "operator retries.",
        "Wait, remove the cause, or set `deletionPolicy: Retain`.",
    )
    INTERNAL_ERROR = (
        "InternalError",
        "Unknown",
        _ALL,
        "Internal error of the operator, which retries.",
        "Report it with the stack trace from the log.",
    )

    CREATED = "Created", "Normal", _TOPIC, "The topic was created."
    ADOPTED = "Adopted", "Normal", _TOPIC, "The topic existed before the resource."
    RECREATED = (
        "Recreated",
        "Warning",
        _TOPIC,
        "The topic had been deleted in Kafka. The operator created it again, **empty**.",
        "Find out who deletes it.",
    )
    PARTITIONS_ADDED = "PartitionsAdded", "Normal", _TOPIC, "The topic has more partitions now."
    CONFIG_CHANGED = (
        "ConfigChanged",
        "Normal",
        _TOPIC,
        "Settings were set or reset as the resource specifies.",
    )
    REGISTERED = (
        "Registered",
        "Normal",
        _SCHEMA,
        "The schema was registered: the first, a new version, or one that had been deleted in the registry.",
    )
    COMPATIBILITY_SET = (
        "CompatibilitySet",
        "Normal",
        _SCHEMA,
        "The compatibility level of the subject was set as the resource specifies.",
    )
    DRIFT_REPAIRED = (
        "DriftRepaired",
        "Normal",
        _DATA,
        "Settings of the topic, or the compatibility level of the subject, had been changed outside the "
        "resource. They were set back.",
    )
    DAEMON_SET_CREATED = "DaemonSetCreated", "Normal", _PRODUCER, "The DaemonSet was created."
    DAEMON_SET_UPDATED = (
        "DaemonSetUpdated",
        "Normal",
        _PRODUCER,
        "The DaemonSet was changed: to a new specification, for a new version of a ConfigMap or Secret, or "
        "back after a change from outside.",
    )
    DELETED = "Deleted", "Normal", _DATA, "The topic or subject was deleted together with its resource."
    RETAINED = (
        "Retained",
        "Normal",
        _DATA,
        "The topic or subject was retained. The message contains the cause.",
    )
    DELETION_ABANDONED = (
        "DeletionAbandoned",
        "Warning",
        _DATA,
        "The topic or subject could not be deleted in time, and was retained.",
        "Delete it yourself.",
    )

    @property
    def is_event(self) -> bool:
        """Whether only an event has it, never a condition."""
        return self.shown in ("Normal", "Warning")


_PAGE = """# Reasons

<!-- Generated from operator/procstream_operator/reasons.py by `python -m procstream_operator.reasons`. -->

Every resource has one condition, `Ready`. Its `reason` is one word for programs, its `message` one sentence
with the details. `kubectl get procstream --output=wide` shows both.

## Conditions

{conditions}

## Events

Every change of the status or reason of `Ready` is posted as an event of that reason: `Warning`, unless
`Ready` is `True` or the resource is on its way there. There is one exception: when another event describes
what made the resource Ready, no event repeats that it is Ready. The following reasons have events only.

{events}
"""


def page() -> str:
    """The page about all reasons, in Markdown."""
    conditions = [reason for reason in Reason if not reason.is_event]
    events = [reason for reason in Reason if reason.is_event]
    return _PAGE.format(conditions=_table("`Ready`", conditions), events=_table("type", events))


def _table(shown: str, reasons: list[Reason]) -> str:
    header = [f"| reason | {shown} | kinds | meaning | what to do |", "| --- | --- | --- | --- | --- |"]
    rows = [
        [f"`{one}`", f"`{one.shown}`", ", ".join(f"`{kind}`" for kind in one.kinds), one.meaning, one.action]
        for one in reasons
    ]
    return "\n".join([*header, *(f"| {' | '.join(row)} |" for row in rows)])


def write(
    path: Annotated[Path, typer.Argument(help="The page.", dir_okay=False)],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail where the page differs.")
    ] = False,
) -> None:
    """Write the page that lists the reasons of all conditions and events."""
    if not check:
        path.write_text(page())
    elif not path.exists() or path.read_text() != page():
        raise ProcstreamError(
            f"{path} differs from the code: run python -m procstream_operator.reasons {path}"
        )


if __name__ == "__main__":
    run(lambda: typer.run(write))

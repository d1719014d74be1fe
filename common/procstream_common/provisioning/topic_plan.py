"""The changes that bring a topic to its specification. Pure.

Kafka cannot remove partitions, and changes a replication factor only by a reassignment, which you have to
plan. Both are refusals here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from procstream_common.provisioning.specs import TopicSpec


@dataclass(frozen=True)
class TopicState:
    """A topic as Kafka describes it."""

    topic_id: str
    partitions: int
    replication_factor: int
    leaderless: tuple[int, ...]
    """Partitions without a leader: they can be neither written nor read."""
    config: Mapping[str, str]
    """Effective values of all settings, including the cluster's defaults."""
    overrides: frozenset[str] = frozenset()
    """The settings that are set on the topic itself."""


class Refusal(StrEnum):
    """What Kafka cannot do."""

    PARTITIONS_CANNOT_SHRINK = "PartitionsCannotShrink"
    REPLICATION_FACTOR_DIFFERS = "ReplicationFactorDiffers"


@dataclass(frozen=True)
class TopicPlan:
    """The steps from a topic's state to its specification; falsy when there are none."""

    create: bool = False
    grow_to: int | None = None
    """Number of partitions."""
    set_config: Mapping[str, str] = field(default_factory=dict)
    reset_config: tuple[str, ...] = ()
    """Settings that are reset to the cluster's default."""
    refusals: Mapping[Refusal, str] = field(default_factory=dict)
    """What Kafka cannot change, with a sentence on what to do."""

    def __bool__(self) -> bool:
        return self.create or self.grow_to is not None or bool(self.set_config) or bool(self.reset_config)


def plan(spec: TopicSpec, state: TopicState | None, managed: Iterable[str] = ()) -> TopicPlan:
    """The steps that bring a topic (None: it does not exist) to its specification.

    `managed` are the settings of earlier specifications: those that the new one omits are reset. Settings
    that no specification had belong to somebody else and are kept.
    """
    if state is None:
        return TopicPlan(create=True)
    return TopicPlan(
        grow_to=spec.partitions if spec.partitions > state.partitions else None,
        set_config={
            key: value
            for key, value in spec.config.items()
            if key not in state.config or not _same(value, state.config[key])
        },
        reset_config=tuple(sorted(state.overrides.intersection(managed).difference(spec.config))),
        refusals=dict(_refusals(spec, state)),
    )


def _refusals(spec: TopicSpec, state: TopicState) -> Iterable[tuple[Refusal, str]]:
    if spec.partitions < state.partitions:
        yield (
            Refusal.PARTITIONS_CANNOT_SHRINK,
            f"the topic has {state.partitions} partitions, expected {spec.partitions}; Kafka cannot remove "
            f"partitions: specify {state.partitions}, or copy the records to a new topic",
        )
    if spec.replication_factor != state.replication_factor:
        yield (
            Refusal.REPLICATION_FACTOR_DIFFERS,
            f"the topic has replication factor {state.replication_factor}, "
            f"expected {spec.replication_factor}: specify {state.replication_factor}, "
            "or reassign the partitions (kafka-reassign-partitions.sh)",
        )


def _same(wanted: str, found: str) -> bool:
    """Whether two values are equal for Kafka, which removes blanks in lists and rewrites numbers."""
    if [part.strip() for part in wanted.split(",")] == found.split(","):
        return True
    try:
        return float(wanted) == float(found)
    except ValueError:
        return wanted.strip().lower() == found.lower() and found in ("true", "false")

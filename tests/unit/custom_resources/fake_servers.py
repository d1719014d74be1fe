"""Kafka and a schema registry in memory, in place of the operator's clients of them."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from confluent_kafka import KafkaError
from procstream_common.errors import NotFoundError, Server, ServerError, UnavailableError
from procstream_common.provisioning import TopicPlan, TopicRefusedError, TopicSpec, TopicState
from procstream_common.registry import RegisteredSchema, SchemaRefusedError


def kafka_away() -> ServerError:
    return UnavailableError(Server.KAFKA, "no broker answered")


def registry_away() -> ServerError:
    return UnavailableError(Server.REGISTRY, "no answer")


def _open() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass
class FakeKafka:
    """Topics, and the requests about them."""

    topics: dict[str, TopicState] = field(default_factory=dict)
    failure: Exception | None = None
    """Raised by every request."""
    refusals: dict[str, int] = field(default_factory=dict)
    """Codes with which Kafka refuses to create or change a topic."""
    hidden: dict[str, int] = field(default_factory=dict)
    """Codes with which Kafka refuses to describe a topic."""
    broken: set[str] = field(default_factory=set)
    """Topics at which a client has a defect."""
    gate: threading.Event = field(default_factory=_open)
    """Requests wait for it."""
    requests: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    created: int = 0

    def describe(self, topics: Iterable[str]) -> dict[str, TopicState | TopicRefusedError | None]:
        names = sorted(set(topics))
        self._request("describe", names)
        return {
            name: TopicRefusedError(name, "described", KafkaError(self.hidden[name], "refused"))
            if name in self.hidden
            else self.topics.get(name)
            for name in names
        }

    def carry_out(
        self, plans: Mapping[str, TopicPlan], specs: Mapping[str, TopicSpec]
    ) -> dict[str, TopicRefusedError]:
        changed = sorted(name for name, steps in plans.items() if steps)
        if changed:
            self._request("change", changed)
        refused = {
            name: TopicRefusedError(name, "created", KafkaError(self.refusals[name], "refused"))
            for name in changed
            if name in self.refusals
        }
        for name in changed:
            if name not in refused:
                self._change(name, plans[name], specs[name])
        return refused

    def delete(self, topic: str) -> None:
        self._request("delete", [topic])
        if topic in self.refusals:
            raise TopicRefusedError(topic, "deleted", KafkaError(self.refusals[topic], "refused"))
        self.topics.pop(topic, None)

    def add(self, topic: str, partitions: int = 1, **config: str) -> None:
        """A topic that somebody else created."""
        self.created += 1
        self.topics[topic] = TopicState(f"id-{self.created}", partitions, 1, (), config, frozenset(config))

    def _change(self, name: str, steps: TopicPlan, spec: TopicSpec) -> None:
        if steps.create:
            self.add(name, spec.partitions, **spec.config)
            return
        state = self.topics[name]
        config = {**state.config, **steps.set_config}
        for key in steps.reset_config:
            config.pop(key)
        partitions = steps.grow_to or state.partitions
        self.topics[name] = replace(state, partitions=partitions, config=config, overrides=frozenset(config))

    def _request(self, what: str, names: Sequence[str]) -> None:
        self.requests.append((what, tuple(names)))
        assert self.gate.wait(10)
        if self.failure is not None:
            raise self.failure
        if broken := self.broken.intersection(names):
            raise RuntimeError(f"a defect at {broken}")


@dataclass
class FakeRegistry:
    """Subjects with their versions and levels."""

    subjects: dict[str, list[str]] = field(default_factory=dict)
    levels: dict[str, str] = field(default_factory=dict)
    failure: Exception | None = None
    incompatible: set[str] = field(default_factory=set)
    """Definitions that break every level."""
    referenced: set[str] = field(default_factory=set)
    """Subjects that other schemas refer to."""
    requests: list[tuple[str, str]] = field(default_factory=list)

    def find(self, subject: str, text: str, kind: str = "AVRO", references: Any = ()) -> RegisteredSchema:
        self._request("find", subject)
        versions = self.subjects.get(subject, [])
        if text not in versions:
            raise NotFoundError(Server.REGISTRY, f"subject {subject!r} is not registered")
        version = versions.index(text) + 1
        return RegisteredSchema(version * 10, version, text)

    def register(self, subject: str, text: str, kind: str = "AVRO", references: Any = ()) -> int:
        self._request("register", subject)
        if text in self.incompatible:
            raise SchemaRefusedError(f"subject {subject}: incompatible", incompatible=True)
        self.subjects.setdefault(subject, []).append(text)
        return len(self.subjects[subject]) * 10

    def compatibility(self, subject: str) -> str:
        self._request("compatibility", subject)
        if subject not in self.levels:
            raise NotFoundError(Server.REGISTRY, f"subject {subject!r} has no level")
        return self.levels[subject]

    def set_compatibility(self, subject: str, level: str) -> None:
        self._request("set_compatibility", subject)
        self.levels[subject] = level

    def delete(self, subject: str, *, permanent: bool) -> None:
        self._request("delete", subject)
        if subject in self.referenced:
            raise SchemaRefusedError(f"subject {subject}: other schemas refer to it", incompatible=False)
        if permanent and self.subjects.pop(subject, None) is None:
            raise NotFoundError(Server.REGISTRY, f"subject {subject!r} is not registered")

    def _request(self, what: str, subject: str) -> None:
        self.requests.append((what, subject))
        if self.failure is not None:
            raise self.failure


@dataclass
class FakeConnection:
    """In place of `Connection`."""

    kafka: FakeKafka = field(default_factory=FakeKafka)
    schemas: FakeRegistry = field(default_factory=FakeRegistry)
    settings_failure: Exception | None = None
    polls: int = 0

    def topic_admin(self) -> Any:
        if self.settings_failure is not None:
            raise self.settings_failure
        return self.kafka

    def registry(self) -> Any:
        if self.settings_failure is not None:
            raise self.settings_failure
        return self.schemas

    def poll(self) -> None:
        self.polls += 1

"""The topics of `Topic` resources in Kafka: those of many resources in a few requests."""

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from procstream_common.errors import ServerError, SettingsError
from procstream_common.provisioning import (
    TopicAdmin,
    TopicPlan,
    TopicRefusedError,
    TopicSpec,
    TopicState,
    plan,
)

from procstream_operator import deletion
from procstream_operator.coalescer import Coalescer
from procstream_operator.connection import Connection
from procstream_operator.metrics import Metrics
from procstream_operator.outcome import Outcome
from procstream_operator.resource import Key, Kind, Resource
from procstream_operator.topics import topic_readiness

_LEADERS_WITHIN = 10.0
"""Seconds in which new partitions usually have their leaders: one status is written, not two."""
_POLL = 0.1


@dataclass(frozen=True)
class _Desired:
    """A resource, and the topic that it specifies."""

    resource: Resource
    spec: TopicSpec


class KafkaTopics:
    """Brings topics to their specification, and deletes them."""

    def __init__(self, connection: Connection, metrics: Metrics, *, patience: timedelta) -> None:
        self._connection = connection
        self._metrics = metrics
        self._patience = patience
        self._changes = Coalescer(self._bring_about)
        self._deletions = Coalescer(self._delete)
        metrics.watch_queue(Kind.TOPIC.title, lambda: len(self._changes) + len(self._deletions))

    async def bring_about(self, resource: Resource, owner: Key | None) -> Outcome:
        """Create or change the topic as specified, if the resource owns it."""
        spec = topic_readiness.specification(resource)
        if isinstance(spec, Outcome):
            return spec
        if owner is not None and owner != resource.key:
            return topic_readiness.taken(spec.topic_name, owner)
        try:
            return await self._changes.ask(_Desired(resource, spec))
        except (ServerError, SettingsError) as error:
            return topic_readiness.failed(error)

    async def delete(self, resource: Resource, owner: Key | None) -> Outcome:
        """Delete the topic, unless it is retained. `owner` is a resource that has it, too, and stays."""
        name = topic_readiness.topic_name(resource)
        what = f"topic {name}"
        had_it = topic_readiness.had_topic(resource)
        reason = deletion.reason_to_retain(resource, owner=owner, had_it=had_it)
        if reason is not None:
            return deletion.retained(what, reason)
        try:
            refusal = await self._deletions.ask(name)
            if refusal is not None:
                raise refusal
        except (ServerError, SettingsError) as error:
            return deletion.not_yet(resource, what, str(error), datetime.now(UTC), self._patience)
        return deletion.gone(what)

    async def drifted(self, resources: Iterable[Resource]) -> set[Key]:
        """Those whose topics differ from their specification. Changes nothing.

        When Kafka does not answer, these are all of them.
        """
        desired = [
            _Desired(resource, spec)
            for resource in resources
            if not isinstance(spec := topic_readiness.specification(resource), Outcome)
        ]
        if not desired:
            return set()
        try:
            return await asyncio.to_thread(self._drifted, desired)
        except (ServerError, SettingsError):
            return {one.resource.key for one in desired}

    def _drifted(self, desired: Sequence[_Desired]) -> set[Key]:
        states = self._connection.topic_admin().describe(one.spec.topic_name for one in desired)
        found = set()
        for one in desired:
            state = states[one.spec.topic_name]
            if state is None or isinstance(state, TopicRefusedError) or state.leaderless:
                found.add(one.resource.key)
                continue
            steps = plan(one.spec, state, topic_readiness.managed(one.resource))
            if steps or steps.refusals:
                found.add(one.resource.key)
        return found

    async def _bring_about(self, batch: Sequence[_Desired]) -> list[Outcome]:
        with self._metrics.duration.labels(Kind.TOPIC.title).time():
            return await asyncio.to_thread(self._bring_about_now, batch)

    def _bring_about_now(self, batch: Sequence[_Desired]) -> list[Outcome]:
        admin = self._connection.topic_admin()
        specs = {one.spec.topic_name: one.spec for one in batch}
        states = admin.describe(specs)
        plans: dict[str, TopicPlan] = {}
        for one in batch:
            name = one.spec.topic_name
            state = states[name]
            if not isinstance(state, TopicRefusedError):
                plans[name] = plan(one.spec, state, topic_readiness.managed(one.resource))
        refused = admin.carry_out(plans, specs)
        changed = [name for name, steps in plans.items() if steps and name not in refused]
        states |= _with_leaders(admin, changed)
        return [self._judge(one, plans, refused, states) for one in batch]

    def _judge(
        self,
        one: _Desired,
        plans: dict[str, TopicPlan],
        refused: dict[str, TopicRefusedError],
        states: dict[str, TopicState | TopicRefusedError | None],
    ) -> Outcome:
        name = one.spec.topic_name
        state = refused.get(name) or states[name]
        if isinstance(state, TopicRefusedError):
            return topic_readiness.refused(state)
        if topic_readiness.is_drift(one.resource, plans[name]):
            self._metrics.repaired.labels(Kind.TOPIC.title).inc()
        return topic_readiness.judged(one.resource, one.spec, plans[name], state)

    async def _delete(self, topics: Sequence[str]) -> list[TopicRefusedError | None]:
        return await asyncio.to_thread(self._delete_now, topics)

    def _delete_now(self, topics: Sequence[str]) -> list[TopicRefusedError | None]:
        admin = self._connection.topic_admin()
        refusals: list[TopicRefusedError | None] = []
        for topic in topics:
            try:
                admin.delete(topic)
                refusals.append(None)
            except TopicRefusedError as error:
                refusals.append(error)
        return refusals


def _with_leaders(
    admin: TopicAdmin, topics: Sequence[str]
) -> dict[str, TopicState | TopicRefusedError | None]:
    """The topics' states, once every partition has a leader or the time for that is over."""
    deadline = time.monotonic() + _LEADERS_WITHIN
    while True:
        states = admin.describe(topics)
        waiting = [
            one for one in states.values() if one is None or (isinstance(one, TopicState) and one.leaderless)
        ]
        if not waiting or time.monotonic() > deadline:
            return states
        time.sleep(_POLL)

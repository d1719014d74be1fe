"""`Topic` resources and the topics of Kafka: all of a batch in a few requests."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from procstream_common.errors import SettingsError
from procstream_common.provisioning import (
    KafkaUnavailableError,
    TopicAdmin,
    TopicPlan,
    TopicRefusedError,
    TopicSpec,
    TopicState,
    plan,
)

from procstream_operator import deletion
from procstream_operator.connection import Connection
from procstream_operator.controller import Key, Outcome, Resource
from procstream_operator.metrics import Metrics
from procstream_operator.owners import owners
from procstream_operator.topics import outcome

_LEADERS_WITHIN = 10.0
"""Seconds in which new partitions usually have their leaders: one status is written, not two."""
_POLL = 0.1


class TopicReconciler:
    """Brings topics to what their resources say."""

    def __init__(self, connection: Connection, metrics: Metrics, *, patience: timedelta) -> None:
        self._connection = connection
        self._metrics = metrics
        self._patience = patience

    def needs_finalizer(self, resource: Resource) -> bool:
        """Those whose topic is to be deleted with them."""
        return deletion.is_asked_for(resource)

    async def reconcile(
        self, resources: Sequence[Resource], everything: Mapping[Key, Resource]
    ) -> Mapping[Key, Outcome]:
        """See `Reconciler`. The requests block, so that they run in a thread."""
        owned = owners(everything.values(), outcome.topic_name)
        return await asyncio.to_thread(self._reconcile, resources, owned)

    def _reconcile(self, resources: Sequence[Resource], owned: Mapping[str, Key]) -> Mapping[Key, Outcome]:
        living = [one for one in resources if one.deleted is None]
        deleted = [one for one in resources if one.deleted is not None]
        outcomes: dict[Key, Outcome] = {}
        specs: dict[Key, TopicSpec] = {}
        for resource in living:
            spec, owner = outcome.specification(resource), owned[outcome.topic_name(resource)]
            if isinstance(spec, Outcome):
                outcomes[resource.key] = spec
            elif owner != resource.key:
                outcomes[resource.key] = outcome.taken(spec.topic_name, owner)
            else:
                specs[resource.key] = spec
        try:
            admin = self._connection.topic_admin()
            outcomes |= self._bring_about([one for one in living if one.key in specs], specs, admin)
        except SettingsError as error:
            outcomes |= {key: outcome.misconfigured(error) for key in specs}
        except KafkaUnavailableError as error:
            outcomes |= {key: outcome.unavailable(error) for key in specs}
        return outcomes | self._delete(deleted, owned)

    def _bring_about(
        self, resources: Sequence[Resource], specs: Mapping[Key, TopicSpec], admin: TopicAdmin
    ) -> dict[Key, Outcome]:
        states = admin.describe(spec.topic_name for spec in specs.values())
        plans: dict[str, TopicPlan] = {}
        for resource in resources:
            spec = specs[resource.key]
            state = states[spec.topic_name]
            if not isinstance(state, TopicRefusedError):
                plans[spec.topic_name] = plan(spec, state, outcome.managed(resource))
        refused = admin.carry_out(plans, {spec.topic_name: spec for spec in specs.values()})
        changed = [name for name, steps in plans.items() if steps and name not in refused]
        states |= _with_leaders(admin, changed)
        outcomes: dict[Key, Outcome] = {}
        for resource in resources:
            spec = specs[resource.key]
            state = refused.get(spec.topic_name) or states[spec.topic_name]
            if isinstance(state, TopicRefusedError):
                outcomes[resource.key] = outcome.refused(state)
                continue
            done = plans[spec.topic_name]
            outcomes[resource.key] = outcome.judged(resource, spec, done, state)
            if outcome.is_drift(resource, done):
                self._metrics.repaired.labels(resource.kind.title).inc()
        return outcomes

    def _delete(self, resources: Sequence[Resource], owned: Mapping[str, Key]) -> dict[Key, Outcome]:
        outcomes: dict[Key, Outcome] = {}
        away: KafkaUnavailableError | None = None  # one wait for a Kafka that does not answer is enough
        for resource in resources:
            name = outcome.topic_name(resource)
            what = f"topic {name}"
            had_it = "topicId" in resource.status
            reason = deletion.reason_to_retain(resource, owner=owned.get(name), had_it=had_it)
            if reason is not None:
                outcomes[resource.key] = deletion.retained(what, reason)
                continue
            try:
                if away is not None:
                    raise away
                self._connection.topic_admin().delete(name)
                outcomes[resource.key] = deletion.gone(what)
            except (SettingsError, KafkaUnavailableError, TopicRefusedError) as error:
                away = error if isinstance(error, KafkaUnavailableError) else away
                now = datetime.now(UTC)
                outcomes[resource.key] = deletion.not_yet(resource, what, str(error), now, self._patience)
        return outcomes


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

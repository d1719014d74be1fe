"""Describes, changes and deletes topics in Kafka, many in one request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource
from confluent_kafka.cimpl import NewPartitions, NewTopic
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from procstream_common.errors import ProcstreamError, RefusedError, Server, UnavailableError
from procstream_common.kafka import WITHOUT_ANSWER, KafkaCluster
from procstream_common.provisioning.specs import TopicSpec
from procstream_common.provisioning.topic_plan import TopicPlan, TopicState, plan

_PARTITIONS_A_REQUEST = 1000
"""A controller refuses a request that would create more than 10,000 partitions (KIP-599)."""


class TopicRefusedError(RefusedError):
    """Kafka refused a request about one topic."""

    def __init__(self, topic: str, action: str, error: KafkaError) -> None:
        super().__init__(Server.KAFKA, f"topic {topic} could not be {action}: {error.str()}")
        self.topic = topic
        self.error = error


class TopicAdmin:
    """Requests about topics. Each blocks for at most about the cluster's `timeout`.

    Every method raises `UnavailableError` when Kafka does not answer, and `RefusedError` when it refuses all
    access. Nothing is known of any topic then.
    """

    def __init__(self, cluster: KafkaCluster) -> None:
        self._cluster = cluster
        self._admin = cluster.admin
        self._timeout = cluster.timeout

    def describe(self, topics: Iterable[str]) -> dict[str, TopicState | TopicRefusedError | None]:
        """The state of each topic; None for one that does not exist."""
        names = sorted(set(topics))
        if not names:
            return {}
        described = self._admin.describe_topics(TopicCollection(names), request_timeout=self._timeout)
        found = {name: self._result(name, "described", future) for name, future in described.items()}
        existing = [name for name, state in found.items() if _known(state)]
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in existing]
        configs = self._admin.describe_configs(resources, request_timeout=self._timeout) if resources else {}
        entries = {
            resource.name: self._result(resource.name, "described", future)
            for resource, future in configs.items()
        }
        return {name: _state(found[name], entries.get(name)) for name in names}

    def carry_out(
        self, plans: Mapping[str, TopicPlan], specs: Mapping[str, TopicSpec]
    ) -> dict[str, TopicRefusedError]:
        """Carry out each topic's plan. Returns the errors of the topics that Kafka refused."""
        refused: dict[str, TopicRefusedError] = {}
        for chunk in _chunks([specs[name] for name, steps in plans.items() if steps.create]):
            new = [
                NewTopic(spec.topic_name, spec.partitions, spec.replication_factor, config=spec.config)
                for spec in chunk
            ]
            self._each(self._admin.create_topics, new, "created", refused)
        more = [NewPartitions(name, steps.grow_to) for name, steps in plans.items() if steps.grow_to]
        self._each(self._admin.create_partitions, more, "given more partitions", refused)
        changes = [
            ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=list(_entries(steps)))
            for name, steps in plans.items()
            if steps.set_config or steps.reset_config
        ]
        self._each(self._admin.incremental_alter_configs, changes, "configured", refused)
        return refused

    def delete(self, topic: str) -> None:
        """Delete a topic and its records, if it exists. Raises `TopicRefusedError`."""
        [future] = self._admin.delete_topics([topic], request_timeout=self._timeout).values()
        result = self._result(topic, "deleted", future)
        absent = KafkaError.UNKNOWN_TOPIC_OR_PART
        if isinstance(result, TopicRefusedError) and result.error.code() != absent:
            raise result

    def _each(
        self,
        request: Callable[..., Mapping[Any, Future[Any]]],
        items: list[Any],
        action: str,
        refused: dict[str, TopicRefusedError],
    ) -> None:
        if not items:
            return
        for key, future in request(items, request_timeout=self._timeout).items():
            topic = key.name if isinstance(key, ConfigResource) else str(key)
            result = self._result(topic, action, future)
            # Another client created it first; the next description shows the result.
            if (
                isinstance(result, TopicRefusedError)
                and result.error.code() != KafkaError.TOPIC_ALREADY_EXISTS
            ):
                refused.setdefault(topic, result)

    def _result(self, topic: str, action: str, future: Future[Any]) -> Any:
        try:
            result = future.result(timeout=2 * self._timeout)
        except KafkaException as error:
            code = error.args[0].code()
            # Some requests need a permission on the cluster that others do not need.
            if code in WITHOUT_ANSWER and code != KafkaError.CLUSTER_AUTHORIZATION_FAILED:
                raise self._cluster.error(error, f"topic {topic}") from error
            return TopicRefusedError(topic, action, error.args[0])
        except TimeoutError:
            raise UnavailableError(
                Server.KAFKA, f"topic {topic}: Kafka did not answer within {2 * self._timeout:g} s"
            ) from None
        self._cluster.errors.forget()
        return result


class _NotReadyError(ProcstreamError):
    """A topic has partitions without a leader."""


def ensure_topics(cluster: KafkaCluster, topics: Iterable[TopicSpec], *, timeout: float = 30) -> list[str]:
    """Bring topics to their specification, and wait until every partition has a leader.

    `timeout` is in seconds. Returns the names of the created topics. What Kafka cannot change in an existing
    topic (fewer partitions, another replication factor) is not changed.

    Raises:
        TopicRefusedError: the broker refuses one of the topics.
        ServerError: it does not answer, or refuses access.
    """
    wanted = {topic.topic_name: topic for topic in topics}
    topic_admin = TopicAdmin(cluster)
    states = topic_admin.describe(wanted)
    plans = {name: plan(wanted[name], _state_or_raise(state)) for name, state in states.items()}
    for error in topic_admin.carry_out(plans, wanted).values():
        raise error

    # A broker confirms the creation before leaders are elected. Until then nobody can produce.
    @retry(
        retry=retry_if_exception_type(_NotReadyError),
        stop=stop_after_delay(timeout),
        wait=wait_fixed(0.1),
        reraise=True,
    )
    def wait_for_leaders() -> None:
        for name, state in topic_admin.describe(wanted).items():
            found = _state_or_raise(state)
            if found is None:
                raise _NotReadyError(f"topic {name} is not known to the broker after {timeout:.0f} s")
            if found.leaderless:
                raise _NotReadyError(
                    f"topic {name}: partitions {list(found.leaderless)} have no leader after {timeout:.0f} s"
                )

    wait_for_leaders()
    return [name for name, steps in plans.items() if steps.create]


def _state_or_raise(state: TopicState | TopicRefusedError | None) -> TopicState | None:
    if isinstance(state, TopicRefusedError):
        raise state
    return state


def _known(description: Any) -> bool:
    return not isinstance(description, TopicRefusedError)


def _state(description: Any, configs: Any) -> TopicState | TopicRefusedError | None:
    for answer in (description, configs):
        if isinstance(answer, TopicRefusedError):
            return None if answer.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART else answer
    partitions = description.partitions
    return TopicState(
        topic_id=str(description.topic_id).partition(" ")[0],
        partitions=len(partitions),
        replication_factor=len(partitions[0].replicas) if partitions else 0,
        leaderless=tuple(one.id for one in partitions if one.leader is None or one.leader.id < 0),
        config={name: entry.value for name, entry in configs.items() if entry.value is not None},
        overrides=frozenset(
            name for name, entry in configs.items() if entry.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
        ),
    )


def _chunks(specs: Iterable[TopicSpec]) -> Iterator[list[TopicSpec]]:
    chunk: list[TopicSpec] = []
    for spec in specs:
        if chunk and sum(one.partitions for one in chunk) + spec.partitions > _PARTITIONS_A_REQUEST:
            yield chunk
            chunk = []
        chunk.append(spec)
    if chunk:
        yield chunk


def _entries(steps: TopicPlan) -> Iterator[ConfigEntry]:
    for key, value in steps.set_config.items():
        yield ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    for key in steps.reset_config:
        yield ConfigEntry(key, None, incremental_operation=AlterConfigOpType.DELETE)

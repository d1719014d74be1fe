"""A cluster in memory: the fake at the edge of confluent-kafka."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from confluent_kafka import (
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from procstream_common.kafka import KafkaCluster
from procstream_common.settings import KafkaSettings, load

SETTINGS = load(KafkaSettings, {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"})
DEFAULT_CONFIG = {"retention.ms": "604800000", "cleanup.policy": "delete"}


def failure(code: int, text: str = "as asked for") -> KafkaException:
    return KafkaException(KafkaError(code, text))


@dataclass
class Topic:
    """A topic of the cluster; `leaderless` partitions have no leader yet."""

    partitions: int = 1
    replication_factor: int = 1
    config: dict[str, str] = field(default_factory=dict)
    leaderless: tuple[int, ...] = ()
    first: int = 0
    last_stable: int = 0
    high_watermark: int = 0


class FakeKafka:
    """Topics, what is refused, and the requests that came (name of the call, topics)."""

    def __init__(self, topics: Mapping[str, Topic] | None = None) -> None:
        self.topics = dict(topics or {})
        self.refusals: dict[tuple[str, str], int] = {}
        """Error codes by call and topic."""
        self.calls: list[tuple[str, list[str]]] = []
        self.listing: Callable[[], object] | None = None
        """Runs in place of an answer to `list_topics`."""
        self.brokers: dict[int, object] = {1: object()}
        self.committed: dict[tuple[str, str, int], int] = {}
        self.properties: list[dict[str, Any]] = []
        self.consumers: list[FakeConsumer] = []
        self.after_offsets: Callable[[], object] = lambda: None
        """Runs after each answer to `list_offsets`."""
        self.logs: Any = None
        """The consumer that is created, in place of one that only knows offsets of groups."""
        self.silent: set[tuple[str, str]] = set()
        """Requests about topics that are never answered."""
        self.leaders_after = 0
        """So many descriptions show new topics without leaders."""

    def cluster(self, **options: Any) -> KafkaCluster:
        return KafkaCluster(SETTINGS, create=self.create, **{"timeout": 1.0, **options})

    def create(self, kind: type[Any], properties: dict[str, Any]) -> Any:
        self.properties.append(properties)
        if kind is AdminClient:
            return FakeAdmin(self, properties)
        if kind is Consumer and self.logs is not None:
            return self.logs
        if kind is Consumer:
            self.consumers.append(FakeConsumer(self, properties))
            return self.consumers[-1]
        raise AssertionError(kind)

    def answer(self, call: str, topic: str, value: Callable[[], object]) -> Future[Any]:
        future: Future[Any] = Future()
        if (call, topic) in self.silent:
            return future
        if (code := self.refusals.get((call, topic))) is not None:
            future.set_exception(failure(code))
        else:
            try:
                future.set_result(value())
            except KafkaException as error:
                future.set_exception(error)
        return future

    def topic(self, name: str) -> Topic:
        if name not in self.topics:
            raise failure(KafkaError.UNKNOWN_TOPIC_OR_PART, "unknown topic")
        return self.topics[name]


class FakeAdmin:
    """Stands for an `AdminClient`."""

    def __init__(self, kafka: FakeKafka, properties: Mapping[str, Any]) -> None:
        self._kafka = kafka
        self.on_error = properties["error_cb"]
        self.polled = 0

    def poll(self, _seconds: float) -> int:
        self.polled += 1
        return 0

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> Any:
        assert topic is None, "to name a topic could create it"
        assert timeout > 0
        self._kafka.calls.append(("list", []))
        if self._kafka.listing is not None:
            self._kafka.listing()
        topics = {
            name: SimpleNamespace(partitions=dict.fromkeys(range(topic.partitions)), error=None)
            for name, topic in self._kafka.topics.items()
        }
        return SimpleNamespace(topics=topics, brokers=self._kafka.brokers)

    def list_offsets(
        self, asked: Mapping[TopicPartition, Any], isolation_level: IsolationLevel, request_timeout: float
    ) -> dict[TopicPartition, Future[Any]]:
        def offset(place: TopicPartition, spec: Any) -> object:
            topic = self._kafka.topic(place.topic)
            if spec == OffsetSpec.earliest():  # type: ignore[no-untyped-call]
                return SimpleNamespace(offset=topic.first)
            committed = isolation_level is IsolationLevel.READ_COMMITTED
            return SimpleNamespace(offset=topic.last_stable if committed else topic.high_watermark)

        self._kafka.calls.append(("offsets", sorted({place.topic for place in asked})))
        found = {
            place: self._kafka.answer(
                "offsets", place.topic, lambda place=place, spec=spec: offset(place, spec)
            )  # type: ignore[misc]
            for place, spec in asked.items()
        }
        self._kafka.after_offsets()
        return found

    def describe_topics(self, topics: TopicCollection, request_timeout: float) -> dict[str, Future[Any]]:
        names = list(topics.topic_names)
        self._kafka.calls.append(("describe", names))
        hidden = self._kafka.leaders_after > 0
        self._kafka.leaders_after -= hidden
        return {
            name: self._kafka.answer("describe", name, lambda name=name: self._described(name, hidden))
            for name in names
        }  # type: ignore[misc]

    def _described(self, name: str, hidden: bool) -> object:
        topic = self._kafka.topic(name)
        without = range(topic.partitions) if hidden else topic.leaderless
        return SimpleNamespace(
            topic_id=f"id-of-{name} (x)",
            partitions=[
                SimpleNamespace(
                    id=number,
                    leader=None if number in without else SimpleNamespace(id=1),
                    replicas=[object()] * topic.replication_factor,
                )
                for number in range(topic.partitions)
            ],
        )

    def describe_configs(self, resources: Iterable[Any], request_timeout: float) -> dict[Any, Future[Any]]:
        resources = list(resources)
        self._kafka.calls.append(("configs", [resource.name for resource in resources]))

        def entries(name: str) -> object:
            own = self._kafka.topic(name).config
            return {
                key: SimpleNamespace(value=value, source=1 if key in own else 5)
                for key, value in {**DEFAULT_CONFIG, **own}.items()
            }

        return {
            resource: self._kafka.answer("configs", resource.name, lambda name=resource.name: entries(name))  # type: ignore[misc]
            for resource in resources
        }

    def create_topics(self, new: Iterable[Any], request_timeout: float) -> dict[str, Future[Any]]:
        new = list(new)
        self._kafka.calls.append(("create", [topic.topic for topic in new]))

        def create(topic: Any) -> None:
            if topic.topic in self._kafka.topics:
                raise failure(KafkaError.TOPIC_ALREADY_EXISTS)
            self._kafka.topics[topic.topic] = Topic(
                topic.num_partitions, topic.replication_factor, dict(topic.config)
            )

        return {
            topic.topic: self._kafka.answer("create", topic.topic, lambda topic=topic: create(topic))  # type: ignore[misc]
            for topic in new
        }

    def create_partitions(self, more: Iterable[Any], request_timeout: float) -> dict[str, Future[Any]]:
        more = list(more)
        self._kafka.calls.append(("grow", [topic.topic for topic in more]))

        def grow(topic: Any) -> None:
            self._kafka.topic(topic.topic).partitions = topic.new_total_count

        return {
            topic.topic: self._kafka.answer("grow", topic.topic, lambda topic=topic: grow(topic))  # type: ignore[misc]
            for topic in more
        }

    def incremental_alter_configs(
        self, resources: Iterable[Any], request_timeout: float
    ) -> dict[Any, Future[Any]]:
        resources = list(resources)
        self._kafka.calls.append(("configure", [resource.name for resource in resources]))

        def alter(resource: Any) -> None:
            config = self._kafka.topic(resource.name).config
            for entry in resource.incremental_configs:
                if entry.incremental_operation.name == "DELETE":
                    config.pop(entry.name)
                else:
                    config[entry.name] = entry.value

        return {
            resource: self._kafka.answer("configure", resource.name, lambda it=resource: alter(it))  # type: ignore[misc]
            for resource in resources
        }

    def delete_topics(self, topics: Iterable[str], request_timeout: float) -> dict[str, Future[Any]]:
        topics = list(topics)
        self._kafka.calls.append(("delete", topics))

        def delete(name: str) -> None:
            self._kafka.topic(name)
            del self._kafka.topics[name]

        return {name: self._kafka.answer("delete", name, lambda name=name: delete(name)) for name in topics}  # type: ignore[misc]


class FakeConsumer:
    """Stands for a `Consumer`, as far as it asks for offsets of a group."""

    def __init__(self, kafka: FakeKafka, properties: Mapping[str, Any]) -> None:
        self._kafka = kafka
        self.group = properties["group.id"]
        self.closed = False

    def poll(self, _seconds: float) -> None:
        return None

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        assert timeout > 0
        found = []
        for place in places:
            if (code := self._kafka.refusals.get(("committed", place.topic))) is not None:
                raise failure(code)
            offset = self._kafka.committed.get((self.group, place.topic, place.partition), -1001)
            found.append(TopicPartition(place.topic, place.partition, offset))
        return found

    def close(self) -> None:
        self.closed = True

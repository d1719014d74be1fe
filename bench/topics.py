"""Creates, counts and reads the topics of a benchmark."""

from collections.abc import Iterable, Iterator, Mapping

from confluent_kafka import KafkaError, Message, TopicPartition
from procstream_common.errors import NotFoundError, ProcstreamError, ServerError, UnavailableError
from procstream_common.kafka import KafkaCluster, server_error
from procstream_common.provisioning import TopicSpec, ensure_topics
from procstream_common.settings import KafkaSettings
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

_ANSWER_SECONDS = 10
_READ_SECONDS = 30
_READ_AT_ONCE = 10_000


def make(
    kafka: KafkaSettings, names: Iterable[str], partitions: int, config: Mapping[str, str] | None = None
) -> None:
    """Create topics with the same settings; `config` has topic settings such as `retention.ms`."""
    specs = [TopicSpec(topic_name=name, partitions=partitions, config=dict(config or {})) for name in names]
    ensure_topics(KafkaCluster(kafka), specs)


def count(kafka: KafkaSettings, topic: str, partitions: int) -> int:
    """The number of offsets in the topic now, including those of transaction markers."""
    return sum(high - low for low, high in _bounds(KafkaCluster(kafka), topic, partitions).values())


def read(kafka: KafkaSettings, topic: str, partitions: int) -> Iterator[Message]:
    """The records in a topic now, if none was written in a transaction.

    Raises `ProcstreamError` when they do not come.
    """
    cluster = KafkaCluster(kafka)
    bounds = _bounds(cluster, topic, partitions)
    consumer = cluster.consumer()
    try:
        left = sum(high - low for low, high in bounds.values())
        consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in bounds.items()])
        while left > 0:
            messages = consumer.consume(min(left, _READ_AT_ONCE), _READ_SECONDS)
            if not messages:
                raise ProcstreamError(f"topic {topic}: {left} records were not read within {_READ_SECONDS} s")
            for message in messages:
                raise_if_error(topic, message.error())
                yield message
            left -= len(messages)
    finally:
        consumer.close()


def last_written(kafka: KafkaSettings, topic: str, partitions: int, expected: int) -> float:
    """When the last record came into a topic, in seconds since 1970, if none was written in a transaction.

    Raises `ProcstreamError` when it has another number of records than `expected`.
    """
    cluster = KafkaCluster(kafka)
    bounds = _bounds(cluster, topic, partitions)
    if (found := sum(high - low for low, high in bounds.values())) != expected:
        raise ProcstreamError(f"topic {topic}: found {found} records; expected {expected}")
    consumer = cluster.consumer()
    try:
        ends = [
            TopicPartition(topic, number, high - 1) for number, (low, high) in bounds.items() if low < high
        ]
        consumer.assign(ends)
        messages: list[Message] = []
        while len({message.partition() for message in messages}) < len(ends):
            more = consumer.consume(len(ends), _READ_SECONDS)
            if not more:
                raise ProcstreamError(f"topic {topic}: no record was read within {_READ_SECONDS} s")
            for message in more:
                raise_if_error(topic, message.error())
            messages += more
        return max(message.timestamp()[1] for message in messages) / 1000
    finally:
        consumer.close()


def raise_if_error(topic: str, error: KafkaError | None) -> None:
    """Raise the error that a client received instead of a record."""
    if error is not None:
        raise server_error(error, f"topic {topic}: {error.str()}")


@retry(
    # The partitions of a new topic are listed before they answer.
    retry=retry_if_exception_type((UnavailableError, NotFoundError)),
    stop=stop_after_delay(_ANSWER_SECONDS),
    wait=wait_fixed(0.1),
    reraise=True,
)
def _bounds(cluster: KafkaCluster, topic: str, partitions: int) -> dict[int, tuple[int, int]]:
    places = [(topic, number) for number in range(partitions)]
    first = cluster.offsets(places, "earliest", isolation="read_uncommitted")
    after_last = cluster.offsets(places, "latest", isolation="read_uncommitted")
    bounds = {}
    for place in places:
        low, high = first[place], after_last[place]
        if isinstance(low, ServerError):
            raise low
        if isinstance(high, ServerError):
            raise high
        bounds[place[1]] = low, high
    return bounds

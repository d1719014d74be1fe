"""Some of the newest records of topics, read without a consumer group."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Literal

from confluent_kafka import Consumer, KafkaError, TopicPartition
from procstream_common.errors import ProcstreamError, ServerError, UnavailableError
from procstream_common.kafka import KafkaCluster, Partition

from procstream_job.language.mistakes import did_you_mean

_READ_SECONDS = 30.0
_BATCH = 500
_BATCH_SECONDS = 0.2
_PROPERTIES: dict[str, Any] = {
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,  # the end of a partition is reported only then
    "auto.offset.reset": "earliest",  # when retention removes what it was about to read
}


class NothingToReadError(ProcstreamError):
    """A topic does not exist, may not be read, or is empty."""


@dataclass
class Sample:
    """Some records of a topic."""

    values: list[bytes] = field(default_factory=list)
    refusal: ServerError | None = None
    """Why we may not read it, if we may not."""


def sample_records(cluster: KafkaCluster, topic: str, count: int) -> list[bytes]:
    """Values of about the newest `count` committed records of a topic that exists: see `check_topic`.

    Raises:
        NothingToReadError: we may not read it, or it has no record with a value.
        UnavailableError: no broker answers.
    """
    sample = sample_topics(cluster, [topic], count, _READ_SECONDS)[topic]
    if sample.refusal is not None:
        raise NothingToReadError(f"topic {topic}: {sample.refusal}; expected one that we may read")
    if not sample.values:
        raise NothingToReadError(
            f"topic {topic}: found no record to infer its columns from; expected JSON records, or a schema"
            f" registered as {topic}-value"
        )
    return sample.values


def sample_topics(
    cluster: KafkaCluster, topics: Collection[str], count: int, timeout: float
) -> dict[str, Sample]:
    """About the newest `count` committed records of each topic, from all its partitions, without tombstones.

    After `timeout` seconds, what has been read. Raises `ServerError` when no broker answers, or refuses us.
    """
    samples = {topic: Sample() for topic in topics}
    if not samples:
        return samples
    deadline = time.monotonic() + timeout
    bounds = _bounds(cluster, samples)
    partitions = Counter(topic for topic, _ in bounds)
    newest = {
        place: range(max(offsets.start, offsets.stop - -(-count // partitions[place[0]])), offsets.stop)
        for place, offsets in bounds.items()
    }
    with closing(cluster.consumer(_PROPERTIES)) as consumer:
        reader = _Reader(cluster, consumer, samples, count, deadline)
        reader.read(newest)
        # The newest offsets may be markers of transactions and tombstones alone: then from the beginning.
        empty = {topic for topic, sample in samples.items() if not sample.values and not sample.refusal}
        reader.read({place: offsets for place, offsets in bounds.items() if place[0] in empty})
    return samples


def check_topic(cluster: KafkaCluster, topic: str) -> None:
    """Look for a topic.

    Raises:
        NothingToReadError: it does not exist; the message suggests a similar name.
        ServerError: no broker answers, or refuses us.
    """
    existing = cluster.topics()
    if topic not in existing:
        hint = did_you_mean(topic, existing).removesuffix(";")
        raise NothingToReadError(f"--topic: topic {topic!r} does not exist{hint}")


def _bounds(cluster: KafkaCluster, samples: Mapping[str, Sample]) -> dict[Partition, range]:
    """The offsets of each partition that has had a committed record which may still exist."""
    known = cluster.topics()
    partitions = [
        (topic, partition) for topic in samples if topic in known for partition in known[topic].partitions
    ]
    first = dict(_offsets(cluster, partitions, "earliest", samples))
    after_last = dict(_offsets(cluster, partitions, "latest", samples))
    bounds = {place: range(first[place], after_last[place]) for place in first.keys() & after_last.keys()}
    return {place: offsets for place, offsets in bounds.items() if offsets}


def _offsets(
    cluster: KafkaCluster,
    partitions: Collection[Partition],
    at: Literal["earliest", "latest"],
    samples: Mapping[str, Sample],
) -> Iterator[tuple[Partition, int]]:
    for place, found in cluster.offsets(partitions, at, isolation="read_committed").items():
        match found:
            case int():
                yield place, found
            case UnavailableError():
                raise found
            case _:
                samples[place[0]].refusal = found


@dataclass
class _Reader:
    """Reads ranges of offsets, up to `count` values of a topic, until `deadline` (of `time.monotonic`)."""

    cluster: KafkaCluster
    consumer: Consumer
    samples: Mapping[str, Sample]
    count: int
    deadline: float

    def read(self, wanted: Mapping[Partition, range]) -> None:
        """Add the values at the `wanted` offsets. Raises `UnavailableError` when no broker answers."""
        if not wanted:
            return
        self.consumer.assign([TopicPartition(*place, offsets.start) for place, offsets in wanted.items()])
        unread = set(wanted)
        failure: ServerError | None = None
        while unread and time.monotonic() < self.deadline:
            for message in self.consumer.consume(_BATCH, timeout=_BATCH_SECONDS):
                topic = message.topic() or ""
                place, error = (topic, message.partition() or 0), message.error()
                if error is None or error.code() == KafkaError._PARTITION_EOF:
                    if place in unread and self._is_read(message, wanted[place]):
                        unread.discard(place)
                    continue
                explained = self.cluster.error(error, f"reading topic {topic}")
                if isinstance(explained, UnavailableError) or topic not in self.samples:
                    failure = explained
                else:
                    self.samples[topic].refusal = explained
                    unread = {other for other in unread if other[0] != topic}
        if unread and failure is not None:
            raise failure

    def _is_read(self, message: Any, wanted: range) -> bool:
        """Keep the message's value; whether nothing more of its partition is wanted."""
        if message.error() is not None:
            return True
        values = self.samples[message.topic()].values
        if message.value() is not None and len(values) < self.count:
            values.append(message.value())
        return message.offset() + 1 >= wanted.stop or len(values) >= self.count

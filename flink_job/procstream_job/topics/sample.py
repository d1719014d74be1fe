"""The edge to Kafka for a look into topics: some of their newest records, without a consumer group."""

import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings

from procstream_job.language.mistakes import did_you_mean
from procstream_job.topics.names import KafkaUnavailable, topic_names

_ANSWER_SECONDS = 10.0
_READ_SECONDS = 30.0
_BATCH = 500
_BATCH_SECONDS = 0.2
_PROPERTIES: dict[str, Any] = {
    "group.id": "procstream-topic-sample",  # librdkafka wants one; no group is joined
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 50,  # the end of a partition is told only then
    "isolation.level": "read_committed",
    "allow.auto.create.topics": False,
    "auto.offset.reset": "earliest",  # when retention removes what it was about to read
    "log_level": 0,
}
_EARLIEST: OffsetSpec = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: OffsetSpec = OffsetSpec.latest()  # type: ignore[no-untyped-call]

_Place = tuple[str, int]
"""Topic and partition."""


class NothingToReadError(ProcstreamError):
    """A topic is absent, closed to us or empty."""


@dataclass
class Sample:
    """Some records of a topic."""

    values: list[bytes] = field(default_factory=list)
    refusal: str | None = None
    """Why we may not read it, if we may not."""


def sample_records(kafka: KafkaSettings, topic: str, count: int) -> list[bytes]:
    """Values of about the newest `count` committed records of a topic that is there: see `check_topic`.

    Raises:
        NothingToReadError: we may not read it, or it has no record with a value.
        KafkaUnavailable: no broker answers.
    """
    sample = sample_topics(kafka, [topic], count, _READ_SECONDS)[topic]
    if sample.refusal is not None:
        raise NothingToReadError(f"topic {topic}: {sample.refusal}; expected one that we may read")
    if not sample.values:
        raise NothingToReadError(
            f"topic {topic}: found no record to tell its columns from; expected JSON records, or a schema"
            f" registered as {topic}-value"
        )
    return sample.values


def sample_topics(
    kafka: KafkaSettings, topics: Collection[str], count: int, timeout: float
) -> dict[str, Sample]:
    """About the newest `count` committed records of each topic, from all its partitions, without tombstones.

    After `timeout` seconds it is what has come. Raises `KafkaUnavailable` when no broker answers.
    """
    samples = {topic: Sample() for topic in topics}
    if not samples:
        return samples
    deadline = time.monotonic() + timeout
    try:
        bounds = _bounds(kafka, samples)
        partitions = Counter(topic for topic, _ in bounds)
        newest = {
            place: range(max(offsets.start, offsets.stop - -(-count // partitions[place[0]])), offsets.stop)
            for place, offsets in bounds.items()
        }
        with closing(Consumer({**kafka.librdkafka(), **_PROPERTIES})) as consumer:
            consumer.poll(0)  # asks for a token, where the broker wants one
            _read(consumer, newest, samples, count, deadline)
            # The newest offsets may be markers of transactions and tombstones alone: then from the beginning.
            empty = {topic for topic, sample in samples.items() if not sample.values and not sample.refusal}
            older = {place: offsets for place, offsets in bounds.items() if place[0] in empty}
            _read(consumer, older, samples, count, deadline)
    except KafkaException as error:
        raise KafkaUnavailable(
            f"KAFKA_BOOTSTRAP_SERVERS {kafka.bootstrap_servers}: looking into topics: {error.args[0].str()}"
        ) from None
    return samples


def check_topic(kafka: KafkaSettings, topic: str) -> None:
    """Look for a topic.

    Raises:
        NothingToReadError: it does not exist; the message names one that is spelled alike.
        KafkaUnavailable: no broker answers.
        KafkaRefused: one answers and does not let us in.
    """
    existing = topic_names(kafka)
    if topic not in existing:
        hint = did_you_mean(topic, existing).removesuffix(";")
        raise NothingToReadError(f"--topic: topic {topic!r} does not exist{hint}")


def _bounds(kafka: KafkaSettings, samples: Mapping[str, Sample]) -> dict[_Place, range]:
    """The offsets of each partition that has had a committed record which may still be there."""
    admin = AdminClient({**kafka.librdkafka(), "log_level": 0})
    admin.poll(0)  # asks for a token, where the broker wants one
    # All topics are asked for: naming one could create it, where the brokers allow that.
    known = admin.list_topics(timeout=_ANSWER_SECONDS).topics
    places = [
        TopicPartition(topic, partition)
        for topic in samples
        if topic in known
        for partition in known[topic].partitions
    ]
    first = dict(_offsets(admin, places, _EARLIEST, samples))
    after_last = dict(_offsets(admin, places, _LATEST, samples))
    bounds = {place: range(first[place], after_last[place]) for place in first.keys() & after_last.keys()}
    return {place: offsets for place, offsets in bounds.items() if offsets}


def _offsets(
    admin: AdminClient, places: list[TopicPartition], spec: OffsetSpec, samples: Mapping[str, Sample]
) -> Iterator[tuple[_Place, int]]:
    if not places:
        return
    asked = dict.fromkeys(places, spec)
    isolation = IsolationLevel.READ_COMMITTED
    answers = admin.list_offsets(asked, isolation_level=isolation, request_timeout=_ANSWER_SECONDS)
    for place, answer in answers.items():
        try:
            yield (place.topic, place.partition), int(answer.result().offset)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise
            samples[place.topic].refusal = error.args[0].str()


def _read(
    consumer: Consumer,
    wanted: Mapping[_Place, range],
    samples: Mapping[str, Sample],
    count: int,
    deadline: float,
) -> None:
    """Add the values that are at the `wanted` offsets, up to `count` of a topic."""
    if not wanted:
        return
    consumer.assign([TopicPartition(*place, offsets.start) for place, offsets in wanted.items()])
    unread = set(wanted)
    failure: KafkaError | None = None
    while unread and time.monotonic() < deadline:
        for message in consumer.consume(_BATCH, timeout=_BATCH_SECONDS):
            topic, error = message.topic() or "", message.error()
            place = (topic, message.partition() or 0)
            if error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
                samples[topic].refusal = error.str()
                unread = {one for one in unread if one[0] != topic}
            elif error is not None and error.code() != KafkaError._PARTITION_EOF:
                failure = error
            elif place in unread:
                value, offset = message.value(), message.offset() or 0
                if error is None and value is not None and len(samples[topic].values) < count:
                    samples[topic].values.append(value)
                if (
                    error is not None
                    or offset + 1 >= wanted[place].stop
                    or len(samples[topic].values) >= count
                ):
                    unread.discard(place)
    if unread and failure is not None:
        raise KafkaException(failure)

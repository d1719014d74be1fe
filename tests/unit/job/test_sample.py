"""A look into topics: which records are read, and what stands in the way."""

from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError
from procstream_common.errors import RefusedError, UnavailableError
from procstream_job.topics import sample
from procstream_job.topics.sample import NothingToReadError, check_topic, sample_records, sample_topics

from tests.unit.job.reading_kafka import ReadingKafka
from tests.unit.kafka_cluster import Topic


def of(count: int, start: int = 0) -> dict[int, bytes | None]:
    return {offset: f"r{offset}".encode() for offset in range(start, count)}


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[ReadingKafka]:
    """The time of the clusters in this list is the time."""
    clusters: list[ReadingKafka] = []
    now = SimpleNamespace(monotonic=lambda: clusters[0].time if clusters else 0.0)
    monkeypatch.setattr(sample, "time", now)
    return clusters


def test_the_newest_records_are_read() -> None:
    kafka = ReadingKafka({("t", 0): of(100)}).ends(t=(0, 100))
    assert sample_records(kafka.cluster(), "t", 3) == [b"r97", b"r98", b"r99"]
    assert kafka.assigned == [{("t", 0): 97}]


def test_all_partitions_have_their_share() -> None:
    kafka = ReadingKafka({("t", 0): of(10), ("t", 1): of(10)}).ends(t=(0, 10))
    assert sorted(sample_records(kafka.cluster(), "t", 4)) == [b"r8", b"r8", b"r9", b"r9"]
    assert kafka.assigned == [{("t", 0): 8, ("t", 1): 8}]


def test_partitions_do_not_add_up_to_more_than_was_asked_for() -> None:
    kafka = ReadingKafka({("t", number): of(10) for number in range(3)}).ends(t=(0, 10))
    assert len(sample_records(kafka.cluster(), "t", 2)) == 2


def test_records_that_come_while_it_reads_are_not_waited_for() -> None:
    kafka = ReadingKafka({("t", 0): of(10)}).ends(t=(0, 4))
    assert sample_records(kafka.cluster(), "t", 50) == [b"r0", b"r1", b"r2", b"r3"]


def test_what_retention_removed_is_not_asked_for() -> None:
    kafka = ReadingKafka({("t", 0): of(10, start=8)}).ends(t=(8, 10))
    assert sample_records(kafka.cluster(), "t", 50) == [b"r8", b"r9"]
    assert kafka.assigned == [{("t", 0): 8}]


def test_where_the_newest_have_no_value_older_ones_are_read() -> None:
    kafka = ReadingKafka({("t", 0): {0: b"old", 1: b"older", 8: None}}).ends(t=(0, 10))
    assert sample_records(kafka.cluster(), "t", 2) == [b"old", b"older"]
    assert [places[("t", 0)] for places in kafka.assigned] == [8, 0]


def test_only_committed_records_are_read_and_no_group_is_joined() -> None:
    kafka = ReadingKafka({("t", 0): of(10)}).ends(t=(0, 10))
    kafka.topics["t"].last_stable = 4  # the rest is of an open transaction
    assert sample_records(kafka.cluster(), "t", 2) == [b"r2", b"r3"]
    [properties] = [found for found in kafka.properties if "group.id" in found]
    assert properties["isolation.level"] == "read_committed"
    assert properties["enable.auto.commit"] is False
    assert properties["allow.auto.create.topics"] is False
    assert properties["enable.partition.eof"] is True
    assert all(consumer.closed for consumer in kafka.consumers)


def test_a_topic_without_records_is_named() -> None:
    kafka = ReadingKafka({("t", 0): {}}).ends(t=(5, 5))
    with pytest.raises(NothingToReadError, match=r"^topic t: found no record to infer its columns from"):
        sample_records(kafka.cluster(), "t", 2)
    assert kafka.assigned == []


@pytest.mark.parametrize("by", ["offsets", "reading"])
def test_a_topic_that_may_not_be_read_does_not_stop_the_others(by: str) -> None:
    kafka = ReadingKafka({("open", 0): of(2), ("closed", 0): of(2)}).ends(open=(0, 2), closed=(0, 2))
    if by == "offsets":
        kafka.refusals["offsets", "closed"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
    else:
        kafka.unreadable["closed"] = KafkaError.TOPIC_AUTHORIZATION_FAILED
    found = sample_topics(kafka.cluster(), ["closed", "open"], 5, 10)
    assert found["open"].values == [b"r0", b"r1"]
    assert found["open"].refusal is None
    assert isinstance(found["closed"].refusal, RefusedError)
    with pytest.raises(NothingToReadError, match=r"^topic closed: .* expected one that we may read"):
        sample_records(kafka.cluster(), "closed", 5)


def test_a_topic_that_was_deleted_meanwhile_is_an_empty_sample() -> None:
    kafka = ReadingKafka({("open", 0): of(2)}).ends(open=(0, 2))
    found = sample_topics(kafka.cluster(), ["gone", "open"], 5, 10)
    assert found["gone"].values == []
    assert len(found["open"].values) == 2


def test_when_time_is_over_the_reason_is_raised(clock: list[ReadingKafka]) -> None:
    kafka = ReadingKafka({("t", 0): of(2)}).ends(t=(0, 2))
    clock.append(kafka)
    kafka.unreadable["t"] = KafkaError._TRANSPORT
    with pytest.raises(UnavailableError, match="reading topic t"):
        sample_topics(kafka.cluster(), ["t"], 5, 10)
    assert 10 <= kafka.time <= 12


def test_offsets_that_no_broker_knows_now_are_no_reason_to_call_a_topic_empty() -> None:
    kafka = ReadingKafka({("t", 0): of(2)}).ends(t=(0, 2))
    kafka.refusals["offsets", "t"] = KafkaError.LEADER_NOT_AVAILABLE
    with pytest.raises(UnavailableError, match="offsets of topic t"):
        sample_topics(kafka.cluster(), ["t"], 5, 10)


def test_without_topics_no_broker_is_asked() -> None:
    kafka = ReadingKafka({})
    assert sample_topics(kafka.cluster(), [], 5, 10) == {}
    assert kafka.calls == []


def test_a_topic_that_does_not_exist_is_answered_with_a_similar_one() -> None:
    kafka = ReadingKafka({})
    kafka.topics["orders"] = Topic()
    check_topic(kafka.cluster(), "orders")
    with pytest.raises(NothingToReadError, match=r"^--topic: topic 'order' .* did you mean 'orders'\?$"):
        check_topic(kafka.cluster(), "order")

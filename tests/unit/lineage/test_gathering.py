"""The loop around the proof: waiting for commits, looking again, and asking the topic about gaps."""

from collections.abc import Callable, Collection, Mapping
from types import SimpleNamespace

import pytest
from procstream_common.settings import KafkaSettings
from procstream_lineage import gathering
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.report import Report, Verdict
from procstream_lineage.topic import Bounds, GapReading

from tests.unit.lineage.synthetic_lake import SyntheticLake, topic

ORDERS_0 = TopicPartition("orders", 0)
KAFKA = KafkaSettings.model_validate({"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})


class KnownCluster:
    """A topic whose offsets and record-free offsets are given."""

    def __init__(self, bounds: Mapping[TopicPartition, Bounds], empty: Runs | None = None) -> None:
        self.asked: list[Mapping[TopicPartition, Runs]] = []
        self._bounds = bounds
        self._empty = empty or Runs.between(0, 0)

    def __call__(self, cluster: object) -> "KnownCluster":
        return self

    def bounds(self, topics: Collection[str]) -> Mapping[TopicPartition, Bounds]:
        return self._bounds

    def high_watermarks(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return {partition: self._bounds[partition].end for partition in partitions}

    def read_gaps(self, gaps: Mapping[TopicPartition, Runs], **_: object) -> GapReading:
        self.asked.append(gaps)
        return GapReading(empty={at: runs & self._empty for at, runs in gaps.items()})


class Clock:
    """Time passes only while somebody sleeps; meanwhile the lake may change."""

    def __init__(self) -> None:
        self.now = 0.0
        self.events: dict[float, Callable[[], object]] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for due in [at for at in self.events if at <= self.now]:
            self.events.pop(due)()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(gathering, "time", SimpleNamespace(monotonic=clock.monotonic, sleep=clock.sleep))
    return clock


@pytest.fixture
def verify(lake: SyntheticLake, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Callable[..., Report]:
    def run(cluster: KnownCluster, **options: object) -> Report:
        monkeypatch.setattr(gathering, "TopicReader", cluster)
        return gathering.verify_lake(["orders"], lake.lake, kafka=KAFKA, **options)  # type: ignore[arg-type]

    return run


def test_the_topic_is_not_read_when_nothing_is_missing(
    lake: SyntheticLake, verify: Callable[..., Report]
) -> None:
    lake.write(1, {0: range(10)})
    cluster = KnownCluster(topic(10))
    assert verify(cluster).verdict is Verdict.PROVEN
    assert cluster.asked == []


def test_transaction_markers_are_found_by_reading_the_gaps(
    lake: SyntheticLake, verify: Callable[..., Report]
) -> None:
    lake.write(1, {0: [*range(5), *range(6, 9)]})
    cluster = KnownCluster(topic(10), empty=Runs.of([(5, 6), (9, 10)]))
    report = verify(cluster)
    assert (report.verdict, report.produced) == (Verdict.PROVEN, 8)
    assert cluster.asked == [{ORDERS_0: Runs.of([(5, 6), (9, 10)])}]


def test_wait_ends_when_everything_is_committed(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock
) -> None:
    lake.write(1, {0: range(5)})
    clock.events[3.0] = lambda: lake.write(2, {0: range(5, 10)})
    assert verify(KnownCluster(topic(10)), wait=60.0).verdict is Verdict.PROVEN
    assert clock.now < 6


def test_wait_ends_when_only_markers_are_left(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock
) -> None:
    lake.write(1, {0: range(9)})
    report = verify(KnownCluster(topic(10), empty=Runs.between(9, 10)), wait=60.0)
    assert (report.verdict, clock.now) == (Verdict.PROVEN, 0.0)


@pytest.mark.parametrize(("final", "verdict"), [(False, Verdict.UNKNOWN), (True, Verdict.NOT_PROVEN)])
def test_after_the_wait_pending_stays_pending_unless_final(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock, final: bool, verdict: Verdict
) -> None:
    lake.write(1, {0: range(5)})
    report = verify(KnownCluster(topic(10)), wait=20.0, final=final)
    assert (report.verdict, report.pending + report.missing, clock.now) == (verdict, 5, 20.0)


def test_a_commit_seen_half_done_is_looked_at_again(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock
) -> None:
    late = lake.write(1, {0: range(5)})
    content = late.read_bytes()
    late.unlink()
    lake.write(1, {0: range(5, 10)})
    clock.events[4.0] = lambda: late.write_bytes(content)
    assert verify(KnownCluster(topic(10))).verdict is Verdict.PROVEN


def test_a_slow_commit_is_waited_for_as_long_as_is_asked(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock
) -> None:
    late = lake.write(1, {0: range(5)})
    content = late.read_bytes()
    late.unlink()
    lake.write(1, {0: range(5, 10)})
    clock.events[4 * gathering.SETTLE_S] = lambda: late.write_bytes(content)
    assert verify(KnownCluster(topic(10)), wait=6 * gathering.SETTLE_S).verdict is Verdict.PROVEN


def test_a_commit_that_stands_still_is_a_loss(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock
) -> None:
    lake.write(1, {0: range(5)}, visible=False)
    lake.write(1, {0: range(5, 10)})
    report = verify(KnownCluster(topic(10)))
    assert (report.verdict, report.missing) == (Verdict.NOT_PROVEN, 5)
    assert gathering.SETTLE_S <= clock.now < gathering.SETTLE_S + 3


def test_what_is_missing_without_a_trace_is_said_at_once(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock
) -> None:
    lake.write(1, {0: range(5, 10)})
    assert verify(KnownCluster(topic(10))).missing == 5
    assert clock.now == 0.0


def test_each_gap_is_read_once(lake: SyntheticLake, verify: Callable[..., Report], clock: Clock) -> None:
    lake.write(1, {0: range(5)})
    cluster = KnownCluster(topic(10))
    verify(cluster, wait=5.0)
    assert cluster.asked == [{ORDERS_0: Runs.between(5, 10)}]


def test_offsets_of_a_recreated_topic_are_foreign(lake: SyntheticLake, verify: Callable[..., Report]) -> None:
    lake.write(1, {0: range(100)})
    report = verify(KnownCluster(topic(10)))
    assert (report.verdict, report.foreign) == (Verdict.NOT_PROVEN, 90)


def test_deep_reads_each_file_once(
    lake: SyntheticLake, verify: Callable[..., Report], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lake.write(1, {0: range(5)})
    clock.events[1.0] = lambda: (first.write_bytes(b"gone"), lake.write(2, {0: range(5, 10)}))
    report = verify(KnownCluster(topic(10)), wait=30.0, deep=True)
    assert (report.verdict, report.corrupt) == (Verdict.PROVEN, 0)

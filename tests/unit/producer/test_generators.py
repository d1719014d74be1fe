"""Generated records: how many are due, and what becomes of them."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from confluent_kafka import KafkaError
from hypothesis import given
from hypothesis import strategies as st
from procstream_common.errors import RefusedError, Server
from procstream_common.kafka import ClientErrors
from procstream_producer.generators import Batch, RecordSource
from procstream_producer.generators import run as run_module
from procstream_producer.generators.pace import Pace
from procstream_producer.generators.run import Generator, Limits


def test_the_first_record_is_due_at_once_and_the_others_at_the_rate() -> None:
    pace = Pace(rate=10, start=0.0, batch=1000)
    assert pace.due(0.0) == 1
    pace.sent(1)
    assert pace.due(0.05) == 0
    assert pace.wait(0.05) == pytest.approx(0.05)
    assert pace.due(0.35) == 3


def test_slow_rates() -> None:
    pace = Pace(rate=0.1, start=0.0, batch=1000)
    pace.sent(pace.due(0.0))
    assert pace.due(9.9) == 0
    assert pace.wait(0.0) == pytest.approx(10.0)
    assert pace.due(10.0) == 1


def test_fast_rates_go_in_batches() -> None:
    pace = Pace(rate=50_000, start=0.0, batch=1000)
    pace.sent(pace.due(0.0))
    assert pace.wait(0.0) == pytest.approx(0.01)
    assert pace.due(0.01) == 500
    assert pace.due(0.5) == 1000


def test_as_fast_as_it_goes() -> None:
    pace = Pace(rate=None, start=0.0, batch=1000)
    assert pace.due(0.0) == 1000
    assert pace.wait(0.0) == 0.0


def test_a_stall_is_not_made_up_for_beyond_a_second() -> None:
    pace = Pace(rate=100, start=0.0, batch=10_000)
    pace.sent(pace.due(0.0))
    assert pace.due(600.0) == 100
    pace.sent(100)
    assert pace.due(600.0) == 0
    assert pace.due(601.0) == 100


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_is_a_number_of_records(rate: float) -> None:
    with pytest.raises(ValueError, match="expected more than 0 records"):
        Pace(rate=rate, start=0.0, batch=1)


@given(rate=st.floats(0.5, 5000), steps=st.lists(st.floats(0, 0.9), min_size=1, max_size=100))
def test_the_rate_holds_on_average(rate: float, steps: list[float]) -> None:
    pace = Pace(rate=rate, start=0.0, batch=10**9)
    now, sent = 0.0, 0
    for step in steps:
        now += step
        due = pace.due(now)
        pace.sent(due)
        sent += due
    assert abs(sent - (now * rate + 1)) <= 1.001


class Clock:
    """Time goes on by a little at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.0001
        return self.now

    def time_ns(self) -> int:
        return int(self.now * 1e9)


class Stop:
    requested = False

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def wait(self, seconds: float) -> bool:
        self._clock.now += seconds
        return self.requested


class FakeProducer:
    """A queue with a bound, in front of a broker that can be unavailable."""

    def __init__(
        self, clock: Clock, *, room: int = 100, broker_there: Callable[[], bool] = lambda: True
    ) -> None:
        self._clock = clock
        self._room = room
        self._broker_there = broker_there
        self._queue: list[tuple[int, bytes, Any]] = []
        self.topic: list[tuple[int, bytes]] = []
        self.keys: list[bytes | None] = []
        self.refuse: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._queue)

    def produce(
        self, topic: str, value: bytes, key: bytes | None, partition: int, on_delivery: Any, timestamp: int
    ) -> None:
        if len(self._queue) >= self._room:
            raise BufferError
        self._queue.append((partition, value, on_delivery))
        self.keys.append(key)

    def poll(self, seconds: float) -> None:
        self._clock.now += seconds
        if self._broker_there():
            for partition, value, on_delivery in self._queue:
                if value in self.refuse:
                    on_delivery(KafkaError(KafkaError.MSG_SIZE_TOO_LARGE), None)
                else:
                    self.topic.append((partition, value))
            self._queue.clear()

    flush = poll


class Numbers:
    marks = ()

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def batch(self, size: int, timestamp_ms: int) -> Batch:
        return Batch([str(next(self._numbers)).encode() for _ in range(size)])


class Bench:
    def __init__(self, clock: Clock, producer: FakeProducer, source: RecordSource | None = None) -> None:
        self.producer = producer
        self.errors = ClientErrors("broker:9092")
        self.stop = Stop(clock)
        self._generator = Generator(producer, self.errors, source or Numbers(), "numbers", 10)  # type: ignore[arg-type]

    def run(
        self, rate: float | None = None, count: int | None = None, duration: float | None = None
    ) -> run_module.Summary:
        limits = Limits(rate=rate, count=count, duration=duration)
        return self._generator.run(limits, self.stop, flush_timeout=5.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(run_module, "time", clock)
    return clock


def test_a_count_is_met_exactly_through_a_queue_that_fills_up(clock: Clock) -> None:
    bench = Bench(clock, FakeProducer(clock, room=7))
    summary = bench.run(count=12_345)
    assert (summary.delivered, summary.dropped) == (12_345, 0)
    assert [int(value) for _, value in bench.producer.topic] == list(range(12_345))


def test_records_are_spread_evenly(clock: Clock) -> None:
    bench = Bench(clock, FakeProducer(clock))
    bench.run(rate=10, count=100)
    assert Counter(partition for partition, _ in bench.producer.topic) == dict.fromkeys(range(10), 10)


def test_a_duration_ends_it(clock: Clock) -> None:
    summary = Bench(clock, FakeProducer(clock)).run(rate=50, duration=10)
    assert summary.delivered == pytest.approx(500, abs=2)
    assert summary.seconds == pytest.approx(10, abs=0.5)
    assert summary.rate == pytest.approx(50, rel=0.05)


def test_it_waits_for_the_broker_and_says_so(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bench = Bench(clock, FakeProducer(clock, broker_there=lambda: not 5 < clock.now < 35))
    summary = bench.run(rate=100, duration=60)
    assert summary.dropped == 0
    assert [message.split(" (")[0].split(" after")[0] for message in caplog.messages] == [
        "numbers: broker unavailable",
        "numbers: broker reachable again",
    ]


def test_what_the_broker_never_confirms_is_dropped(clock: Clock) -> None:
    bench = Bench(clock, FakeProducer(clock, room=50, broker_there=lambda: False))
    summary = bench.run(duration=5)
    assert (summary.delivered, summary.dropped) == (0, 50)


def test_what_the_broker_refuses_is_dropped(clock: Clock) -> None:
    producer = FakeProducer(clock)
    producer.refuse = {b"3", b"7"}
    summary = Bench(clock, producer).run(count=20)
    assert (summary.delivered, summary.dropped) == (18, 2)


def test_a_stop_ends_it(clock: Clock) -> None:
    bench = Bench(clock, FakeProducer(clock))
    bench.stop.requested = True
    assert bench.run().delivered == 0


def test_a_client_that_cannot_go_on_ends_it(clock: Clock) -> None:
    bench = Bench(clock, FakeProducer(clock))
    bench.errors.fatal = RefusedError(Server.KAFKA, "fenced")
    with pytest.raises(RefusedError, match="fenced"):
        bench.run()


class OddNumbers(Numbers):
    """Has keys and marks the odd ones."""

    marks = ("odd", "negative")

    def batch(self, size: int, timestamp_ms: int) -> Batch:
        values = super().batch(size, timestamp_ms).values
        marks = {index: "odd" for index, value in enumerate(values) if int(value) % 2}
        return Batch(values, [b"k" + value for value in values], marks)


def test_the_partition_of_a_record_with_a_key_is_left_to_librdkafka(clock: Clock) -> None:
    bench = Bench(clock, FakeProducer(clock), OddNumbers())
    bench.run(rate=10, count=20)
    assert bench.producer.topic == [(-1, str(number).encode()) for number in range(20)]
    assert bench.producer.keys == [f"k{number}".encode() for number in range(20)]


def test_special_records_are_counted(clock: Clock) -> None:
    summary = Bench(clock, FakeProducer(clock, room=7), OddNumbers()).run(count=2_501)
    assert summary.as_dict() == {
        "topic": "numbers",
        "delivered": 2_501,
        "dropped": 0,
        "malformed": 0,
        "odd": 1_250,
        "negative": 0,
        "seconds": summary.seconds,
        "rate": summary.rate,
    }


def test_only_what_was_sent_of_the_last_batch_is_counted(clock: Clock) -> None:
    bench = Bench(clock, FakeProducer(clock, room=101, broker_there=lambda: False), OddNumbers())
    summary = bench.run(duration=5)
    assert summary.delivered + summary.dropped == 101
    assert summary.marked["odd"] == 50

"""The sampler's loop, with a clock that only waiting moves."""

from collections.abc import Callable
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_producer.delivery.broker_watch import BrokerWatch, OutageBegan, OutageEnded
from procstream_producer.delivery.buffer import DeliveryBuffer, Record
from procstream_producer.health import Health
from procstream_producer.metrics import SamplerMetrics
from procstream_producer.procstat.parser import ProcStatError
from procstream_producer.procstat.sampler import Reading, Sampler
from procstream_producer.procstat.schedule import Schedule


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class StopAt:
    """Waiting lets the time pass; the stop comes at `end`."""

    def __init__(self, clock: Clock, end: float) -> None:
        self._clock = clock
        self._end = end
        self.requested = False
        self.waits = 0

    def wait(self, seconds: float) -> bool:
        self.waits += 1
        self._clock.now = min(self._clock.now + seconds, self._end)
        self.requested = self._clock.now >= self._end
        return self.requested


class Broker:
    """Takes every record and confirms it when polled, while it is there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.there = True
        self.pending = 0
        self.topic: list[Record] = []
        self.buffer: DeliveryBuffer

    def take(self, record: Record) -> bool:
        self.topic.append(record)
        self.pending += 1
        return True

    def poll(self, seconds: float) -> None:
        self._clock.now += seconds
        while self.there and self.pending:
            self.pending -= 1
            self.buffer.delivered()


class NoEvents:
    def delivered(self) -> None:
        pass

    def dropped(self, reason: str, detail: str) -> None:
        pass

    def outage_began(self, event: OutageBegan, waiting: int) -> None:
        pass

    def outage_ended(self, event: OutageEnded, waiting: int) -> None:
        pass


class Bench:
    """A sampler with everything around it faked."""

    def __init__(self, take: Callable[[], Record] | None = None, interval: float = 1.0) -> None:
        self.clock = Clock()
        self.broker = Broker(self.clock)
        self.buffer = DeliveryBuffer(
            self.broker, NoEvents(), BrokerWatch(patience=3), capacity=100, window=10
        )
        self.broker.buffer = self.buffer
        self.metrics = SamplerMetrics()
        self.health = Health(interval=interval, started_at=self.clock.now, starting=None)
        self.hopeless: ProcstreamError | None = None
        self.stop = StopAt(self.clock, self.clock.now)
        self.sampler = Sampler(
            take=take or self.sample,
            schedule=Schedule(start=self.clock.now, interval=interval),
            buffer=self.buffer,
            reports=self.broker,
            check=self.check,
            metrics=self.metrics,
            health=self.health,
            clock=self.clock,
        )

    def sample(self) -> Record:
        return Record(b"node", b"", int(self.clock.now * 1000))

    def check(self) -> None:
        if self.hopeless is not None:
            raise self.hopeless

    def run(self, seconds: float) -> None:
        self.stop = StopAt(self.clock, self.clock.now + seconds)
        self.sampler.run(self.stop)

    def metric(self, name: str) -> float:
        line = next(line for line in self.metrics.text().decode().splitlines() if line.startswith(f"{name} "))
        return float(line.rsplit(" ", 1)[1])


def test_one_record_a_tick_and_no_drift() -> None:
    bench = Bench()
    bench.run(9.5)
    assert [record.timestamp_ms for record in bench.broker.topic] == [
        1_000_000 + 1000 * tick for tick in range(10)
    ]
    assert bench.stop.waits == 10  # one pause a tick: nothing is waited for in a loop
    assert bench.metric("procstream_producer_ticks_skipped_total") == 0
    assert bench.metric("procstream_producer_last_sample_timestamp_seconds") == 1009


def test_ticks_that_a_slow_read_made_late_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(lambda: slow_at_third())

    def slow_at_third() -> Record:
        record = bench.sample()
        if bench.clock.now == 1002.0:
            bench.clock.now += 3.3
        return record

    bench.run(7.5)
    assert [record.timestamp_ms // 1000 - 1000 for record in bench.broker.topic] == [0, 1, 2, 5, 6, 7]
    assert bench.metric("procstream_producer_ticks_skipped_total") == 2
    assert "skipped 2 late ticks, 2 in all" in caplog.messages


def test_a_tick_that_cannot_be_read_is_counted_and_each_change_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    errors = iter(
        [
            None,
            PermissionError(13, "Permission denied", "/host/stat"),
            PermissionError(13, "Permission denied", "/host/stat"),
            ProcStatError("/host/stat line 3: found 'cpu1 17', expected more", 3),
            ProcStatError("/host/stat line 3: found 'cpu1 18', expected more", 3),
            None,
        ]
    )

    def take() -> Record:
        if (error := next(errors, None)) is not None:
            raise error
        return bench.sample()

    bench = Bench(take)
    bench.run(7.5)
    assert len(bench.broker.topic) == 4
    assert bench.metric("procstream_producer_read_errors_total") == 4
    assert caplog.messages == [
        "tick without a sample: [Errno 13] Permission denied: '/host/stat'",
        "tick without a sample: /host/stat line 3: found 'cpu1 17', expected more",
        "readable again after 4 failed ticks",
    ]


def test_a_long_interval_still_serves_the_client() -> None:
    bench = Bench(interval=60.0)
    bench.run(59.0)
    assert len(bench.broker.topic) == 1
    assert bench.stop.waits == 12  # every 5 s


def test_what_ends_the_process_ends_the_loop() -> None:
    bench = Bench()
    bench.hopeless = ProcstreamError("fenced")
    with pytest.raises(ProcstreamError, match="fenced"):
        bench.run(10)


def test_a_flush_waits_for_the_last_deliveries() -> None:
    bench = Bench()
    bench.run(5)
    bench.buffer.add(bench.sample())
    assert bench.sampler.flush(10.0) == 0
    assert bench.buffer.buffered == 0


def test_a_flush_that_takes_too_long_counts_what_is_lost() -> None:
    bench = Bench()
    bench.broker.there = False
    bench.run(5.5)
    started = bench.clock.now
    assert bench.sampler.flush(10.0) == 6
    assert bench.clock.now - started == pytest.approx(10.0)


def test_health_and_metrics_follow_the_broker() -> None:
    bench = Bench()
    bench.broker.there = False
    bench.run(8)
    assert bench.health.broker_unavailable
    assert bench.health.buffered == bench.metric("procstream_producer_records_buffered") > 0
    assert bench.health.judge(bench.clock.now)[0], "an outage of the broker is no illness of the sampler"


def test_a_reading_is_keyed_by_its_node_and_timed(tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text("cpu  1 2 3 4\n")

    class Echo:
        def encode(self, record: dict[str, object]) -> bytes:
            return str(record["timestamp"]).encode()

    reading = Reading(path=str(path), node="n1", encoder=Echo(), now=lambda: 1.2345)  # type: ignore[arg-type]
    assert reading.take() == Record(b"n1", b"1234", 1234)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        reading.take()

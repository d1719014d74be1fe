"""The sampler's loop: at each tick it reads, encodes and passes on a record; in between it waits."""

import logging
import os
import time
import uuid
from collections.abc import Callable
from typing import Protocol

from procstream_common.logs import Seldom

from procstream_producer.delivery.buffer import DeliveryBuffer, Record
from procstream_producer.encoding import AvroEncoder
from procstream_producer.health import Health
from procstream_producer.metrics import SamplerMetrics
from procstream_producer.procstat.parser import ProcStatError, parse
from procstream_producer.procstat.schedule import Schedule
from procstream_producer.procstat.snapshot import snapshot
from procstream_producer.stop import Stop

_log = logging.getLogger("procstream.producer.procstat")

SERVE_SECONDS = 5.0
"""How often the Kafka client is polled at long intervals: for its reports, and for tokens that expire."""

_ADVANCE_SECONDS = 0.05


class Reports(Protocol):
    """The Kafka client's side that reports deliveries when it is polled."""

    def poll(self, seconds: float) -> None:
        """Serve reports; wait up to `seconds` for the first."""


class Reading:
    """Reads one node's file into encoded records."""

    def __init__(self, *, path: str, node: str, encoder: AvroEncoder, now: Callable[[], float] = time.time):
        self._path = path
        self._node = node
        self._encoder = encoder
        self._now = now
        self._ticks_per_second = os.sysconf("SC_CLK_TCK")

    def take(self) -> Record:
        """Read the file now.

        Raises:
            OSError: it cannot be read.
            ProcStatError: its format is not the documented one.
            EncodingError: the record does not fit the registry's schema.
        """
        with open(self._path, "rb", buffering=0) as file:  # noqa: PTH123 - the fastest way; it runs at each tick
            text = file.readall().decode("ascii", "replace")
        timestamp_ms = int(self._now() * 1000)
        record = snapshot(
            parse(text, source=self._path),
            identity=uuid.uuid4(),
            node=self._node,
            timestamp_ms=timestamp_ms,
            ticks_per_second=self._ticks_per_second,
        )
        return Record(self._node.encode(), self._encoder.encode(record), timestamp_ms)


class Sampler:
    """Samples on a schedule until it is stopped.

    Args:
        take: returns one reading as a record. After an OSError or ProcStatError the tick has no sample.
        schedule: the ticks, in the seconds of `clock`.
        buffer: where records go.
        reports: the Kafka client's reports, served between ticks.
        check: raises what ends the process.
        metrics: counters for Prometheus.
        health: facts for /healthz.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        take: Callable[[], Record],
        schedule: Schedule,
        buffer: DeliveryBuffer,
        reports: Reports,
        check: Callable[[], None],
        metrics: SamplerMetrics,
        health: Health,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._take = take
        self._schedule = schedule
        self._buffer = buffer
        self._reports = reports
        self._check = check
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._failure: tuple[object, ...] | None = None
        self._failures = 0
        self._skipped_counted = 0
        self._skipped_logged = 0
        self._seldom_skipped = Seldom()

    def run(self, stop: Stop) -> None:
        """Sample until `stop`.

        Raises:
            ProcstreamError: what `check` raises.
        """
        while not stop.requested:
            wait = self._schedule.wait(self._clock())
            self._note_skipped()
            if wait > 0:
                self._serve(min(wait, SERVE_SECONDS), stop)
                continue
            self._schedule.run()
            self._sample()

    def flush(self, seconds: float) -> int:
        """Wait up to `seconds` for all deliveries. Returns the number of records that were dropped."""
        deadline = self._clock() + seconds
        while self._buffer.buffered and (left := deadline - self._clock()) > 0:
            self._buffer.advance()
            self._reports.poll(min(left, 0.1))
            self._buffer.observe(self._clock())
        lost = self._buffer.give_up()
        self._metrics.buffered.set(0)
        return lost

    def _serve(self, seconds: float, stop: Stop) -> None:
        """Wait for the next tick, or less, and serve the Kafka client's reports once."""
        if self._buffer.can_advance:  # a backlog is sent as fast as the broker confirms it
            stop.wait(0.0)
            self._reports.poll(min(seconds, _ADVANCE_SECONDS))
        else:
            stop.wait(seconds)
            self._reports.poll(0.0)
        self._check()
        self._buffer.observe(self._clock())
        self._health.broker_unavailable = self._buffer.broker_unavailable
        self._health.buffered = self._buffer.buffered
        self._metrics.buffered.set(self._buffer.buffered)

    def _sample(self) -> None:
        try:
            record = self._take()
        except (OSError, ProcStatError) as error:
            self._note_failure(error)
            return
        self._note_success(record)
        self._buffer.add(record)

    def _note_success(self, record: Record) -> None:
        if self._failure is not None:
            _log.info("readable again after %d failed ticks", self._failures)
            self._failure = None
            self._failures = 0
        self._metrics.last_sample.set(record.timestamp_ms / 1000)
        self._health.last_sample_at = self._clock()

    def _note_failure(self, error: OSError | ProcStatError) -> None:
        self._metrics.read_errors.inc()
        self._failures += 1
        self._health.last_read_error = str(error)
        # Compared by class and line, not by text: the counters in a line change at every tick.
        failure = (type(error), error.errno if isinstance(error, OSError) else error.line)
        if failure != self._failure:
            self._failure = failure
            _log.error("tick without a sample: %s", error)

    def _note_skipped(self) -> None:
        skipped = self._schedule.skipped
        if skipped == self._skipped_counted:
            return
        self._metrics.ticks_skipped.inc(skipped - self._skipped_counted)
        self._skipped_counted = skipped
        if self._seldom_skipped.allows(self._clock()):
            _log.warning("skipped %d late ticks, %d in all", skipped - self._skipped_logged, skipped)
            self._skipped_logged = skipped

"""Sends generated records as fast as the broker accepts them, and counts each as delivered or dropped."""

import itertools
import logging
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from procstream_common.kafka import ClientErrors

from procstream_producer.delivery import kafka
from procstream_producer.delivery.broker_watch import BrokerWatch, OutageBegan, OutageEnded
from procstream_producer.generators import Batch, RecordSource
from procstream_producer.generators.pace import Pace
from procstream_producer.stop import Stop

_log = logging.getLogger("procstream.producer.generate")

BATCH_RECORDS = 1000
UNAVAILABLE_AFTER_SECONDS = 3.0
_STALL_POLL_SECONDS = 0.1
_OF_THE_KEY = -1
"""RD_KAFKA_PARTITION_UA: librdkafka's partitioner selects the partition."""

GENERATOR_PROPERTIES = {
    **kafka.PRODUCER_PROPERTIES,
    "linger.ms": 20,
    "compression.type": "lz4",
    "queue.buffering.max.messages": 100_000,
    # Only failures are reported to Python: what has not failed and is not left at the end was delivered.
    "delivery.report.only.error": True,
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """When a generator ends; None means never. `duration` is in seconds."""

    rate: float | None
    count: int | None
    duration: float | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The outcome: every record sent was delivered or dropped.

    `marked` counts the special records that were sent, by mark. If none was dropped, they were delivered.
    """

    topic: str
    delivered: int
    dropped: int
    seconds: float
    rate: float
    marked: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        """One flat object; `malformed` is always among the marks."""
        numbers = {"delivered": self.delivered, "dropped": self.dropped, "malformed": 0, **self.marked}
        return {"topic": self.topic, **numbers, "seconds": self.seconds, "rate": self.rate}


class Generator:
    """Sends the records of `source` to `topic`: by key, or without keys each batch to the next partition.

    It waits while librdkafka's queue is full or the broker is unavailable: nothing is dropped while it runs.
    """

    def __init__(
        self,
        producer: Producer,
        errors: ClientErrors,
        source: RecordSource,
        topic: str,
        partitions: int,
    ) -> None:
        self._producer = producer
        self._errors = errors
        self._source = source
        self._topic = topic
        self._partitions = itertools.cycle(range(partitions))
        self._watch = BrokerWatch(patience=UNAVAILABLE_AFTER_SECONDS)
        self._sent = 0
        self._failed = 0
        self._marked = Counter(dict.fromkeys(source.marks, 0))

    def run(self, limits: Limits, stop: Stop, *, flush_timeout: float) -> Summary:
        """Send until a limit is reached or `stop`, then wait up to `flush_timeout` seconds for the rest.

        Raises:
            RefusedError: the client cannot continue.
        """
        started = time.monotonic()
        pace = Pace(rate=limits.rate, start=started, batch=BATCH_RECORDS)
        end = None if limits.duration is None else started + limits.duration
        while not stop.wait(0.0):
            now = time.monotonic()
            if (end is not None and now >= end) or self._sent == limits.count:
                break
            size = pace.due(now)
            if limits.count is not None:
                size = min(size, limits.count - self._sent)
            if size:
                pace.sent(self._send(size, end, stop))
                self._serve(0.0)
            else:
                pause = pace.wait(now)
                stop.wait(pause if end is None else min(pause, max(0.0, end - now)))
                self._serve(0.0)
        left = self._flush(flush_timeout)
        seconds = time.monotonic() - started
        dropped = self._failed + left
        delivered = self._sent - dropped
        return Summary(
            topic=self._topic,
            delivered=delivered,
            dropped=dropped,
            seconds=round(seconds, 3),
            rate=round(delivered / seconds, 3) if seconds > 0 else 0.0,
            marked=dict(self._marked),
        )

    def _send(self, size: int, end: float | None, stop: Stop) -> int:
        """Generate and send a batch. Returns the number sent: fewer if it ends while the queue is full."""
        timestamp_ms = time.time_ns() // 1_000_000
        batch = self._source.batch(size, timestamp_ms)
        sent = self._hand_over(batch, timestamp_ms, end, stop)
        self._marked.update(mark for index, mark in batch.marks.items() if index < sent)
        return sent

    def _hand_over(self, batch: Batch, timestamp_ms: int, end: float | None, stop: Stop) -> int:
        if batch.keys is None:
            keys: Iterable[bytes | None] = itertools.repeat(None)
            partition = next(self._partitions)
        else:
            keys = batch.keys
            partition = _OF_THE_KEY
        produce, topic, on_delivery = self._producer.produce, self._topic, self._on_failure
        before = self._sent
        for value, key in zip(batch.values, keys, strict=False):
            while True:
                try:
                    produce(topic, value, key, partition, on_delivery, timestamp=timestamp_ms)
                    break
                except (BufferError, KafkaException) as full:
                    if isinstance(full, KafkaException):  # e.g. a topic that is being recreated
                        self._errors.last = full.args[0].str()
                        stop.wait(_STALL_POLL_SECONDS)
                    self._serve(_STALL_POLL_SECONDS, held_back=1)
                    if stop.wait(0.0) or (end is not None and time.monotonic() >= end):
                        return self._sent - before
            self._sent += 1
        return self._sent - before

    def _serve(self, seconds: float, *, held_back: int = 0) -> None:
        self._producer.poll(seconds)
        self._errors.raise_refusal(credentials=False)
        queued = len(self._producer)
        event = self._watch.observe(
            now=time.monotonic(), outstanding=queued + held_back, delivered=self._sent - self._failed - queued
        )
        if isinstance(event, OutageBegan):
            reason = self._errors.last or "no answer"
            _log.warning(
                "%s: broker unavailable (%s); waiting, %d records queued", self._topic, reason, queued
            )
        elif isinstance(event, OutageEnded):
            _log.info("%s: broker reachable again after %.1f s", self._topic, event.seconds)

    def _flush(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (left := len(self._producer)) and (remaining := deadline - time.monotonic()) > 0:
            self._producer.flush(min(remaining, 1.0))
            self._serve(0.0)
        return left

    def _on_failure(self, error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            self._failed += 1
            if self._failed == 1:
                _log.warning("%s: a record was refused: %s", self._topic, error.str())

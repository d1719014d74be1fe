"""Sends payments that cause an alert at a fixed rate, and records when their alerts arrive.

All times are seconds of this process's monotonic clock.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition
from procstream_common.errors import ProcstreamError
from procstream_common.kafka import Isolation, KafkaCluster
from procstream_common.settings import KafkaSettings
from procstream_producer.delivery.kafka import PRODUCER_PROPERTIES
from procstream_producer.generators.transactions import Transactions

from bench import topics

# Above the thresholds of all shipped pipelines: each payment causes an alert.
_ALERTING_AMOUNT = 10_000.0
_POLL_SECONDS = 0.1
_FLUSH_SECONDS = 30


@dataclass(frozen=True)
class Payment:
    """A record of `transactions`, and the key of its alert."""

    transaction_id: bytes
    key: bytes
    value: bytes


def payments(number: int) -> list[Payment]:
    """Generated payments with amounts above the thresholds."""
    batch = Transactions(seed=1).batch(number, int(time.time() * 1000))
    assert batch.keys is not None
    return [_alerting(key, json.loads(value)) for key, value in zip(batch.keys, batch.values, strict=True)]


def send(
    kafka: KafkaSettings,
    topic: str,
    batch: Sequence[Payment],
    rate: float,
    properties: Mapping[str, Any],
) -> dict[bytes, float]:
    """Send the payments one by one, `rate` a second; returns when each was handed over, by transaction_id.

    The schedule does not wait for a slow broker. `properties` are librdkafka's. Raises `ProcstreamError`
    when one was not taken.
    """
    failures: list[str] = []

    def report(error: KafkaError | None, _message: object) -> None:
        if error is not None:
            failures.append(error.str())

    producer = KafkaCluster(kafka).producer({**PRODUCER_PROPERTIES, **properties})
    producer.list_topics(topic, timeout=_FLUSH_SECONDS)  # connects before the first record is sent
    sent = {}
    start = time.monotonic()
    for number, payment in enumerate(batch):
        producer.poll(0)
        time.sleep(max(0, start + number / rate - time.monotonic()))
        sent[payment.transaction_id] = time.monotonic()
        producer.produce(topic, payment.value, payment.key, on_delivery=report)
    left = producer.flush(_FLUSH_SECONDS)
    if failures or left:
        raise ProcstreamError(f"topic {topic}: {len(failures) + left} payments were not accepted")
    return sent


class Arrivals:
    """The time at which the first alert of each key reached a consumer."""

    def __init__(self, kafka: KafkaSettings, topic: str, partitions: int, isolation: Isolation) -> None:
        self.at: dict[bytes, float] = {}
        self.doubled = 0
        self._topic = topic
        self._partitions = partitions
        self._ending = threading.Event()
        self._failure: KafkaError | None = None
        # The fetch settings are librdkafka's defaults, because their latency is part of the measurement.
        self._consumer = KafkaCluster(kafka).consumer(
            {"isolation.level": isolation, "fetch.wait.max.ms": 500}
        )

    @contextmanager
    def watched(self) -> "Iterator[Arrivals]":
        """Record arrivals in a separate thread while the block runs."""
        thread = threading.Thread(target=self._watch, name=f"watch {self._topic}", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            thread.join()
            self._consumer.close()

    def wait_for(self, number: int, seconds: float) -> None:
        """Wait for alerts of this number of keys. Raises `ProcstreamError` when they do not arrive."""
        deadline = time.monotonic() + seconds
        while len(self.at) < number and not self._failure and time.monotonic() < deadline:
            self._ending.wait(_POLL_SECONDS)
        topics.raise_if_error(self._topic, self._failure)
        if len(self.at) < number:
            raise ProcstreamError(
                f"topic {self._topic}: found {len(self.at)} alerts after {seconds:g} s; expected {number}"
            )

    def _watch(self) -> None:
        assigned = [
            TopicPartition(self._topic, number, OFFSET_BEGINNING) for number in range(self._partitions)
        ]
        self._consumer.assign(assigned)
        while not self._ending.is_set():
            message = self._consumer.poll(_POLL_SECONDS)
            now = time.monotonic()
            if message is None:
                continue
            if message.error() is not None:
                self._failure = message.error()
                return
            key = message.key() or b""
            if key in self.at:
                self.doubled += 1
            else:
                self.at[key] = now


def _alerting(key: bytes, record: dict[str, Any]) -> Payment:
    record["amount"] = max(record["amount"], _ALERTING_AMOUNT)
    return Payment(str(record["transaction_id"]).encode(), key, json.dumps(record).encode())

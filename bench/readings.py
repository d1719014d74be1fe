"""The records that every run reads: created once, spread over the partitions of one topic.

A record is about 125 bytes of Avro in the Confluent wire format, or 190 of JSON. Event times go forward with
the offsets, as they do in a stream of events, and cover a little more than two hours: three hourly folders.
"""

import datetime as dt
import json
import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError
from procstream_common.errors import ProcstreamError
from procstream_common.kafka import KafkaCluster
from procstream_common.provisioning import SchemaSpec, ensure_schema
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_producer.encoding import AvroEncoder
from procstream_producer.generators.run import GENERATOR_PROPERTIES
from rich.console import Console

from bench import report, topics

TOPIC = "bench-readings"
JSON_TOPIC = "bench-readings-json"
TIME_COLUMN = "ts"
SCHEMA = json.dumps(
    {
        "type": "record",
        "name": "Reading",
        "namespace": "io.procstream.bench",
        "fields": [
            {"name": "id", "type": "long"},
            {"name": "host", "type": "string"},
            {"name": TIME_COLUMN, "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "value", "type": "double"},
            {"name": "note", "type": "string"},
        ],
    }
)

_FIRST_TIME_MS = 1_767_322_800_000  # 2026-01-02T03:00:00Z
_SPAN_MS = 130 * 60 * 1000
_HOSTS = 64
_LOOK_SECONDS = 0.5
_FLUSH_SECONDS = 60


@dataclass(frozen=True)
class Share:
    """The share of one partition: the readings whose id is `partition` modulo `partitions`."""

    env: Mapping[str, str]
    topic: str
    schema_id: int | None
    """None: JSON."""
    partition: int
    partitions: int
    records: int
    """Number of records in the topic."""


def fill(env: Mapping[str, str], records: int, partitions: int, console: Console) -> float:
    """Create the topic with so many records; `env` has the settings of Kafka and the registry.

    Returns the mean size of a record in bytes. Raises `ProcstreamError` when not all of them are there.
    """
    with SchemaRegistry(load(RegistrySettings, env)) as registry:
        schema_id = ensure_schema(registry, SchemaSpec(subject=f"{TOPIC}-value", definition=SCHEMA)).id
    return _fill(env, TOPIC, schema_id, records, partitions, console)


def fill_json(env: Mapping[str, str], records: int, partitions: int, console: Console) -> float:
    """The same records as JSON in `JSON_TOPIC`."""
    return _fill(env, JSON_TOPIC, None, records, partitions, console)


def _fill(
    env: Mapping[str, str],
    topic: str,
    schema_id: int | None,
    records: int,
    partitions: int,
    console: Console,
) -> float:
    kafka = load(KafkaSettings, env)
    topics.make(kafka, [topic], partitions)
    shares = [Share(env, topic, schema_id, partition, partitions, records) for partition in range(partitions)]
    progress = report.progress_bar(console, transient=True)
    # Not by fork: the child process would lack librdkafka's threads.
    with progress, ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        task = progress.add_task("records to the topic", total=records)
        sent = [pool.submit(produce, share) for share in shares]
        while not all(future.done() for future in sent):
            progress.update(task, completed=topics.count(kafka, topic, partitions))
            time.sleep(_LOOK_SECONDS)
    return _checked(topic, sent, topics.count(kafka, topic, partitions), records)


def _checked(topic: str, sent: list[Future[int]], found: int, expected: int) -> float:
    size = sum(future.result() for future in sent)
    if found != expected:
        raise ProcstreamError(f"topic {topic}: found {found} records; expected {expected}")
    return size / expected


def produce(share: Share) -> int:
    """Send one partition's readings in the order of their times. Returns their size in bytes."""
    failures: list[str] = []

    def report(error: KafkaError | None, _message: Any) -> None:
        if error is not None:
            failures.append(error.str())

    producer = KafkaCluster(load(KafkaSettings, share.env)).producer(GENERATOR_PROPERTIES)
    encode = _encoder(share.schema_id)
    size = 0
    for number in range(share.partition, share.records, share.partitions):
        value = encode(reading(number, share.records))
        size += len(value)
        while True:
            try:
                producer.produce(share.topic, value, None, share.partition, report)
                break
            except BufferError:
                producer.poll(0.1)
    left = producer.flush(_FLUSH_SECONDS)
    if failures or left:
        raise ProcstreamError(
            f"topic {share.topic}: {len(failures) + left} records of partition {share.partition} were refused"
            f" ({failures[0] if failures else 'no answer'})"
        )
    return size


def _encoder(schema_id: int | None) -> Callable[[dict[str, Any]], bytes]:
    if schema_id is None:
        return _as_json
    return AvroEncoder(subject=f"{TOPIC}-value", schema_id=schema_id, schema_text=SCHEMA).encode


def _as_json(reading: dict[str, Any]) -> bytes:
    time = dt.datetime.fromtimestamp(reading[TIME_COLUMN] / 1000, dt.UTC).replace(tzinfo=None)
    return json.dumps({**reading, TIME_COLUMN: time.isoformat(timespec="milliseconds")}).encode()


def reading(number: int, records: int) -> dict[str, Any]:
    """The reading with this number. All notes are different, like the texts of log lines."""
    spread = number * 2654435761 % 2**32  # Knuth's multiplicative hash
    return {
        "id": number,
        "host": f"host-{spread % _HOSTS:04}",
        TIME_COLUMN: _FIRST_TIME_MS + number * _SPAN_MS // records,
        "value": spread / 997,
        "note": f"request {spread:010} from 10.{spread >> 24}.{spread >> 16 & 255}.{spread >> 8 & 255}"
        f" was answered in {spread % 9973:4} us by worker {number % 16:2}, status 200",
    }

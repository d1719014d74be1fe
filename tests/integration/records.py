"""Records put into a topic by hand, and read back as any client of Kafka and Confluent's registry would."""

import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import fastavro
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from procstream_common.settings import KafkaSettings, RegistrySettings, load

_TIMEOUT_S = 30


@dataclass(frozen=True)
class Record:
    """A record of a topic. `value` is bytes as produced, or the decoded Avro as consumed."""

    partition: int
    offset: int
    value: Any
    key: str | None = None


def framed(schema_id: int, schema_text: str, value: Mapping[str, Any]) -> bytes:
    """Avro in Confluent's wire format, written without any code of ours."""
    out = BytesIO()
    out.write(struct.pack(">bI", 0, schema_id))
    fastavro.schemaless_writer(out, fastavro.parse_schema(json.loads(schema_text)), value)
    return out.getvalue()


def produce(topic: str, values: Iterable[bytes | None], *, partition: int = 0) -> list[Record]:
    """Put raw values into a partition, in their order; None is a tombstone."""
    producer = Producer({**load(KafkaSettings).librdkafka(), "enable.idempotence": True})
    sent: list[Record] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        assert error is None, error
        sent.append(Record(partition, message.offset(), message.value()))

    for value in values:
        producer.produce(topic, value, key=b"by-hand", partition=partition, on_delivery=delivered)
        producer.poll(0)
    assert producer.flush(_TIMEOUT_S) == 0, f"{topic}: not all records were delivered"
    return sent


def counted(topic: str) -> int:
    """How many records a topic has."""
    with _consumer() as consumer:
        return sum(end - start for start, end in _bounds(consumer, topic).values())


def consume(topic: str) -> list[Record]:
    """All records that a topic has now, decoded by Confluent's deserializer with the registry's schemas."""
    value_of = AvroDeserializer(
        SchemaRegistryClient({"url": load(RegistrySettings).url}),
        # By default it asks for associations of each record's topic, which only Confluent's own registry has.
        conf={"subject.name.strategy": topic_subject_name_strategy},
    )
    value_context = SerializationContext(topic, MessageField.VALUE)
    return [replace(record, value=value_of(record.value, value_context)) for record in committed(topic)]


def committed(topic: str) -> list[Record]:
    """All records of a topic whose transactions are committed, with their bytes."""
    found: list[Record] = []
    with _consumer() as consumer:
        bounds = _bounds(consumer, topic)
        consumer.assign([TopicPartition(topic, number, start) for number, (start, _) in bounds.items()])
        unread = {number for number, (start, end) in bounds.items() if start < end}
        while unread:
            message = consumer.poll(_TIMEOUT_S)
            assert message is not None, f"{topic}: no record for {_TIMEOUT_S} s"
            if message.error() is not None:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                unread.discard(message.partition())
                continue
            key = message.key()
            found.append(Record(message.partition(), message.offset(), message.value(), key and key.decode()))
    return found


def committed_json(topic: str) -> list[Record]:
    """As `committed`, each value parsed as JSON, or None if it is not JSON."""
    return [replace(record, value=_as_json(record.value)) for record in committed(topic)]


def _as_json(value: bytes) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return None


def _consumer() -> Consumer:
    return Consumer(
        {
            **load(KafkaSettings).librdkafka(),
            "group.id": "tests",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
        }
    )


def _bounds(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    partitions = consumer.list_topics(topic, _TIMEOUT_S).topics[topic].partitions
    return {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), _TIMEOUT_S)
        for number in partitions
    }

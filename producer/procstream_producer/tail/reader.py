"""Reading partitions from a chosen place without a consumer group: nothing is ever committed."""

import json
import logging
import time
from dataclasses import dataclass
from typing import Any, TextIO

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from procstream_common.errors import ProcstreamError, UnavailableError
from procstream_common.kafka import ClientErrors, server_error

from procstream_producer.stop import Stop
from procstream_producer.tail.decoding import Decoder, as_base64
from procstream_producer.timestamps import iso_time

_log = logging.getLogger("procstream.producer.tail")

CONSUMER_PROPERTIES = {
    "group.id": "procstream-tail",  # librdkafka wants one; no group is joined
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "allow.auto.create.topics": False,
    "auto.offset.reset": "earliest",  # when retention removes what it was about to read
    "fetch.wait.max.ms": 100,
}
_CHUNK = 500
_LOOK_FOR_STOP_SECONDS = 0.2
_METADATA_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What of the topic is read. `timeout` is seconds without a record; None of an end is no such end."""

    from_beginning: bool
    partition: int | None
    max_messages: int | None
    timeout: float | None


def tail(
    consumer: Consumer,
    errors: ClientErrors,
    topic: str,
    partitions: int,
    reach: Reach,
    decoder: Decoder,
    stop: Stop,
    out: TextIO,
) -> int:
    """Write records of `topic` as JSON lines until an end of `reach`; how many those were.

    Raises:
        ProcstreamError: the partition does not exist, or Kafka refuses to be read.
        BrokenPipeError: nobody reads `out` any more.
    """
    consumer.assign(_start(consumer, errors, topic, partitions, reach))
    count = 0
    last = time.monotonic()
    while not stop.wait(0.0) and (reach.max_messages is None or count < reach.max_messages):
        room = _CHUNK if reach.max_messages is None else min(_CHUNK, reach.max_messages - count)
        messages = consumer.consume(room, timeout=_LOOK_FOR_STOP_SECONDS)
        errors.raise_refusal()
        for message in messages:
            if (error := message.error()) is not None:
                _raise_if_final(error, topic)
                continue
            out.write(line(message, decoder) + "\n")
            count += 1
            last = time.monotonic()
        out.flush()
        if reach.timeout is not None and time.monotonic() - last >= reach.timeout:
            break
    return count


def line(message: Any, decoder: Decoder) -> str:
    """One record as JSON; a key or value that cannot be decoded is shown in base64 beside an `error`."""
    _, timestamp_ms = message.timestamp()
    shown: dict[str, Any] = {
        "topic": message.topic(),
        "partition": message.partition(),
        "offset": message.offset(),
        "timestamp": iso_time(timestamp_ms) if timestamp_ms >= 0 else None,
    }
    errors = []
    for name, data in (("key", message.key()), ("value", message.value())):
        try:
            shown[name] = decoder.decode(data)
        except ProcstreamError as error:
            shown[name] = as_base64(data)
            errors.append(f"{name}: {error}")
    if errors:
        shown["error"] = "; ".join(errors)
    return json.dumps(shown, ensure_ascii=False, allow_nan=False)


def _start(
    consumer: Consumer, errors: ClientErrors, topic: str, partitions: int, reach: Reach
) -> list[TopicPartition]:
    if reach.partition is not None and not 0 <= reach.partition < partitions:
        raise ProcstreamError(
            f"--partition: found {reach.partition}, expected 0 to {partitions - 1} of topic {topic!r}"
        )
    wanted = range(partitions) if reach.partition is None else [reach.partition]
    if reach.from_beginning:
        return [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in wanted]
    try:
        # Offsets, not OFFSET_END: "now" is the moment of the command, not of the first fetch.
        ends = [
            consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_METADATA_SECONDS)[1]
            for partition in wanted
        ]
    except KafkaException as error:
        raise errors.explain(error, f"last offset of topic {topic}") from None
    return [TopicPartition(topic, partition, end) for partition, end in zip(wanted, ends, strict=True)]


def _raise_if_final(error: KafkaError, topic: str) -> None:
    explained = server_error(error, f"{topic}: {error.str()}, expected a topic that may be read")
    if not isinstance(explained, UnavailableError):
        raise explained
    _log.debug("consumer: %s", error.str())

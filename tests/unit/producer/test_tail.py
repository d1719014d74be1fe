"""Records of any topic as JSON lines."""

import base64
import datetime as dt
import json
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any

import fastavro
import pytest
from confluent_kafka import OFFSET_BEGINNING, KafkaError, TopicPartition
from procstream_common.errors import ProcstreamError, ServerError
from procstream_common.kafka import ClientErrors
from procstream_producer.tail.decoding import Decoder, DecodingError, json_value
from procstream_producer.tail.reader import Reach, line, tail
from procstream_producer.timestamps import iso_time

SCHEMA: dict[str, Any] = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "uuid", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "raw", "type": "bytes"},
        {"name": "size", "type": ["null", "double"]},
    ],
}


def framed(record: dict[str, Any], schema_id: int = 7) -> bytes:
    out = BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(SCHEMA), record)
    return b"\0" + schema_id.to_bytes(4, "big") + out.getvalue()


RECORD = {"uuid": "u", "at": 1_795_258_887_123, "raw": b"\xff", "size": float("nan")}
SHOWN = {"uuid": "u", "at": "2026-11-21T11:01:27.123Z", "raw": {"base64": "/w=="}, "size": "nan"}


def lookup(schema_id: int) -> str:
    if schema_id != 7:
        raise ProcstreamError(f"schema id {schema_id} is not registered")
    return json.dumps(SCHEMA)


@pytest.fixture
def decoder() -> Decoder:
    return Decoder(lookup)


def test_avro_with_the_confluent_header(decoder: Decoder) -> None:
    assert decoder.decode(framed(RECORD)) == SHOWN


def test_a_schema_is_looked_up_once() -> None:
    asked: list[int] = []

    def counted(schema_id: int) -> str:
        asked.append(schema_id)
        return lookup(schema_id)

    decoder = Decoder(counted)
    for _ in range(3):
        decoder.decode(framed(RECORD))
    assert asked == [7]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (None, None),
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b"vm", "vm"),
        ("Zürich".encode(), "Zürich"),
        (b"", ""),
        (b"\xff\xfe", {"base64": "//4="}),
    ],
)
def test_what_has_no_header_is_json_text_or_bytes(
    decoder: Decoder, data: bytes | None, shown: object
) -> None:
    assert decoder.decode(data) == shown


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (framed(RECORD)[:-3], "no record of schema id 7"),
        (framed(RECORD) + b"xx", "found 2 bytes after the record of schema id 7"),
        (b"\0\0\0\0\7" + b"\xff" * 20, "no record of schema id 7"),
    ],
)
def test_framed_bytes_that_are_no_record(decoder: Decoder, data: bytes, message: str) -> None:
    with pytest.raises(DecodingError, match=message):
        decoder.decode(data)


def test_values_that_json_lacks() -> None:
    assert json_value({"d": Decimal("1.50"), "t": dt.time(1, 2), "l": [dt.date(2026, 1, 2)], "n": None}) == {
        "d": "1.50",
        "t": "01:02:00",
        "l": ["2026-01-02"],
        "n": None,
    }
    assert (
        json_value(dt.datetime(2026, 1, 2, microsecond=1001, tzinfo=dt.UTC)) == "2026-01-02T00:00:00.001001Z"
    )


def test_times_are_utc() -> None:
    assert iso_time(1_795_258_887_123) == "2026-11-21T11:01:27.123Z"


class Message:
    def __init__(self, value: bytes | None, offset: int = 0, partition: int = 3) -> None:
        self._value = value
        self._offset = offset
        self._partition = partition

    def error(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 1, 1_795_258_887_123

    def topic(self) -> str:
        return "things"

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes:
        return b"n1"

    def value(self) -> bytes | None:
        return self._value


def test_a_line_says_where_the_record_is(decoder: Decoder) -> None:
    assert json.loads(line(Message(framed(RECORD), 42), decoder)) == {
        "topic": "things",
        "partition": 3,
        "offset": 42,
        "timestamp": "2026-11-21T11:01:27.123Z",
        "key": "n1",
        "value": SHOWN,
    }


def test_a_record_that_cannot_be_decoded_is_shown_with_its_error(decoder: Decoder) -> None:
    data = framed(RECORD, schema_id=8)
    shown = json.loads(line(Message(data), decoder))
    assert shown["value"] == {"base64": base64.b64encode(data).decode()}
    assert shown["error"] == "value: schema id 8 is not registered"


class FakeConsumer:
    """A topic of two partitions, 5 records in each; afterwards nothing comes."""

    def __init__(self) -> None:
        self.assigned: list[TopicPartition] = []
        self.waiting: list[Message] = []

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, 5

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = partitions
        for partition in partitions:
            first = 0 if partition.offset == OFFSET_BEGINNING else partition.offset
            self.waiting += [Message(b"x", offset, partition.partition) for offset in range(first, 5)]

    def consume(self, count: int, timeout: float) -> list[Message]:
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        return taken


class Stop:
    requested = False

    def wait(self, seconds: float) -> bool:
        return False


def read(decoder: Decoder, **reach: Any) -> tuple[FakeConsumer, list[dict[str, Any]]]:
    consumer, out = FakeConsumer(), StringIO()
    all_of_it = {"from_beginning": True, "partition": None, "max_messages": None, "timeout": 0.0}
    reached = Reach(**(all_of_it | reach))
    count = tail(consumer, ClientErrors("b:1"), "things", 2, reached, decoder, Stop(), out)  # type: ignore[arg-type]
    lines = [json.loads(text) for text in out.getvalue().splitlines()]
    assert count == len(lines)
    return consumer, lines


def test_from_the_beginning(decoder: Decoder) -> None:
    _, lines = read(decoder)
    assert [(shown["partition"], shown["offset"]) for shown in lines] == [
        (partition, offset) for partition in range(2) for offset in range(5)
    ]


def test_one_partition_and_so_many_records(decoder: Decoder) -> None:
    _, lines = read(decoder, partition=1, max_messages=3)
    assert [(shown["partition"], shown["offset"]) for shown in lines] == [(1, 0), (1, 1), (1, 2)]


def test_new_records_are_those_after_the_last_offset_of_now(decoder: Decoder) -> None:
    consumer, lines = read(decoder, from_beginning=False)
    assert [partition.offset for partition in consumer.assigned] == [5, 5]
    assert lines == []


def test_a_partition_that_does_not_exist(decoder: Decoder) -> None:
    with pytest.raises(ProcstreamError, match="--partition: found 2, expected 0 to 1 of topic 'things'"):
        read(decoder, partition=2)


class ErrorMessage(Message):
    def __init__(self, code: int) -> None:
        super().__init__(None)
        self._code = code

    def error(self) -> KafkaError:  # type: ignore[override]
        return KafkaError(self._code, "not yours")


def after(code: int, decoder: Decoder) -> str:
    """What is printed of a topic whose first message is an error."""
    consumer, out = FakeConsumer(), StringIO()
    consumer.waiting.append(ErrorMessage(code))
    reach = Reach(from_beginning=True, partition=None, max_messages=None, timeout=0.0)
    tail(consumer, ClientErrors("b:1"), "things", 2, reach, decoder, Stop(), out)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_leader_that_moves_does_not_end_the_reading(decoder: Decoder) -> None:
    assert len(after(KafkaError.NOT_LEADER_FOR_PARTITION, decoder).splitlines()) == 10


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    ],
)
def test_what_kafka_refuses_ends_the_reading(code: int, decoder: Decoder) -> None:
    with pytest.raises(ServerError, match="things: not yours, expected a topic that may be read"):
        after(code, decoder)

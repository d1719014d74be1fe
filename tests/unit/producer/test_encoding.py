"""Snapshots and generated records in the Confluent wire format, with the schemas that ship."""

import json
import struct
import uuid
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from procstream_producer.encoding import AvroEncoder, EncodingError
from procstream_producer.generators.lineage_input import LineageInput, random_uuids
from procstream_producer.procstat.parser import parse
from procstream_producer.procstat.snapshot import snapshot

SCHEMAS = Path(__file__).parents[3] / "helm" / "procstream" / "schemas"
SNAPSHOTS = (SCHEMAS / "procstat_snapshots.avsc").read_text()
LINEAGE_INPUT = (SCHEMAS / "lineage-input.avsc").read_text()


def encoder(schema_text: str, schema_id: int = 7) -> AvroEncoder:
    return AvroEncoder(subject="x-value", schema_id=schema_id, schema_text=schema_text)


def decode(data: bytes, schema_text: str) -> Any:
    body = BytesIO(data[5:])
    record = fastavro.schemaless_reader(body, fastavro.parse_schema(json.loads(schema_text)), None)
    assert body.read() == b""
    return record


def test_a_snapshot_of_this_machine_reads_back() -> None:
    identity = uuid.uuid4()
    stat = parse(Path("/proc/stat").read_text())
    record = snapshot(
        stat, identity=identity, node="n1", timestamp_ms=1_795_258_887_123, ticks_per_second=100
    )
    data = encoder(SNAPSHOTS, schema_id=258).encode(record)

    assert data[:5] == b"\0\0\0\1\2"
    read = decode(data, SNAPSHOTS)
    assert read["uuid"] == str(identity)
    assert read["node"] == "n1"
    assert read["timestamp"].isoformat() == "2026-11-21T11:01:27.123000+00:00"
    assert read["boot_time"].timestamp() == stat.boot_time_seconds
    assert read["clock_ticks_per_second"] == 100
    assert [cpu["cpu"] for cpu in read["cpus"]] == [times.cpu for times in stat.cpus]
    assert read["cpus"][0]["steal"] == stat.cpus[0].steal
    assert read["context_switches"] == stat.context_switches
    assert read["interrupts"] == stat.interrupts
    assert read["softirqs"] == stat.softirqs


def test_what_an_old_kernel_lacks_is_null() -> None:
    record = snapshot(
        parse("cpu  1 2 3 4\n"), identity=uuid.uuid4(), node="n1", timestamp_ms=0, ticks_per_second=100
    )
    read = decode(encoder(SNAPSHOTS).encode(record), SNAPSHOTS)
    assert read["boot_time"] is None
    assert read["interrupts"] is None
    assert read["cpus"] == [
        {"cpu": "cpu", "user": 1, "nice": 2, "system": 3, "idle": 4}
        | dict.fromkeys(["iowait", "irq", "softirq", "steal", "guest", "guest_nice"])
    ]


def test_a_schema_without_room_for_a_field_is_refused() -> None:
    with pytest.raises(EncodingError, match="subject 'x-value' schema id 7: the record does not fit"):
        encoder(LINEAGE_INPUT).encode({"uuid": "u", "timestamp": 1, "more": 2})
    with pytest.raises(EncodingError, match="does not fit"):
        encoder(LINEAGE_INPUT).encode({"uuid": "u"})
    with pytest.raises(EncodingError, match="does not fit"):
        encoder(LINEAGE_INPUT).encode({"uuid": 5, "timestamp": 1})


def test_a_text_that_is_no_schema_is_refused() -> None:
    for text in ("", "{", '{"type": "nothing"}', '"string" x'):
        with pytest.raises(EncodingError, match="found no Avro schema"):
            encoder(text)


def test_a_batch_of_lineage_input_reads_back() -> None:
    values = LineageInput(encoder(LINEAGE_INPUT)).batch(1000, 1_795_258_887_123).values
    records = [decode(value, LINEAGE_INPUT) for value in values]
    assert len({record["uuid"] for record in records}) == 1000
    assert all(uuid.UUID(record["uuid"]).version == 4 for record in records)
    assert {record["timestamp"].isoformat() for record in records} == {"2026-11-21T11:01:27.123000+00:00"}
    assert {struct.unpack(">bI", value[:5]) for value in values} == {(0, 7)}


def test_a_batch_is_what_fastavro_itself_writes() -> None:
    schema = json.loads(LINEAGE_INPUT)
    schema["fields"].reverse()
    schema["fields"].append({"name": "note", "type": "string", "default": "none"})
    reordered = encoder(json.dumps(schema))
    for timestamp_ms in (0, 1, 63, 64, 1_795_258_887_123):
        for value in LineageInput(reordered).batch(3, timestamp_ms).values:
            identity = decode(value, json.dumps(schema))["uuid"]
            assert value == reordered.encode({"uuid": identity, "timestamp": timestamp_ms})


def test_a_schema_without_a_text_uuid_is_refused() -> None:
    schema = json.loads(LINEAGE_INPUT)
    schema["fields"][0]["type"] = "bytes"
    with pytest.raises(EncodingError):
        LineageInput(encoder(json.dumps(schema)))


def test_uuids_follow_rfc_9562() -> None:
    assert random_uuids(2, lambda count: bytes(count)) == ["00000000-0000-4000-8000-000000000000"] * 2
    assert random_uuids(1, lambda count: b"\xff" * count) == ["ffffffff-ffff-4fff-bfff-ffffffffffff"]
    assert all(uuid.UUID(text).variant == uuid.RFC_4122 for text in random_uuids(100))

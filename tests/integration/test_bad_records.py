"""Records that cannot be decoded, among good ones: each is kept once with its reason, nothing stops."""

import struct
import uuid
from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from procstream_common.lake import LakePaths
from procstream_lineage import Report, Verdict, committed_files

from tests.integration import commands, flink, records
from tests.integration.lake_files import HEADER, LOG_FILE, Folder, offsets_in, offsets_of, on_this_disk
from tests.integration.records import Record
from tests.integration.running import RunPipeline, s3_lake
from tests.integration.topics import LINEAGE_INPUT, MakeTopic, register

TIME_MS = 1_767_225_600_000
GOOD_BETWEEN = 7
PARTITIONS = 2
COLUMNS = ["kafka_topic", "kafka_partition", "kafka_offset", "error", "raw", "checkpoint_id"]

WRONG_MAGIC = "WRONG_MAGIC_BYTE"
UNKNOWN_ID = "UNKNOWN_SCHEMA_ID"
TRUNCATED = "TRUNCATED"
TRAILING = "TRAILING_BYTES"
UNDECODABLE = "UNDECODABLE"
TOMBSTONE = "TOMBSTONE"


def good(schema_id: int) -> bytes:
    return records.framed(schema_id, LINEAGE_INPUT, {"uuid": str(uuid.uuid4()), "timestamp": TIME_MS})


def header(schema_id: int) -> bytes:
    return struct.pack(">bi", 0, schema_id)


def length(number: int) -> bytes:
    """A length as Avro writes it: zigzag, then seven bits a byte."""
    zigzag = (number << 1) ^ (number >> 63)
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes(out + bytes([zigzag]))


def bad_values(schema_id: int) -> list[tuple[str, bytes | None]]:
    """Each way to be bad, with the reason that has to be given for it."""
    record = good(schema_id)
    return [
        (WRONG_MAGIC, b"\x93\x8f\x01garbage\xff\xfe"),
        (WRONG_MAGIC, b'{"uuid": "json", "timestamp": 1}'),
        (WRONG_MAGIC, b"\x01" + record[1:]),
        (UNKNOWN_ID, header(2_000_000_000) + record[5:]),
        (UNKNOWN_ID, header(-7) + record[5:]),
        (TRUNCATED, record[:-3]),
        (TRUNCATED, record[:20]),
        (TRUNCATED, record[:5]),
        (TRUNCATED, record[:3]),
        (TRUNCATED, b""),
        (TRUNCATED, header(schema_id) + length(1 << 20) + b"far less than a megabyte"),
        (TRUNCATED, header(schema_id) + length((1 << 31) - 1) + b"two gigabytes"),
        (TRUNCATED, header(schema_id) + length(1 << 40) + b"a terabyte"),
        (TRAILING, record + b"\x00"),
        (TRAILING, record + record),
        (UNDECODABLE, header(schema_id) + b"\xff" * 40),
        (UNDECODABLE, header(schema_id) + length(-5) + b"less than nothing"),
        (TOMBSTONE, None),
    ]


@dataclass(frozen=True)
class Landed:
    topic: str
    good: list[Record]
    bad: list[tuple[str, Record]]
    report: Report
    paths: LakePaths
    dropped: Folder
    verify_exit_code: int


@pytest.fixture(scope="module", params=["disk", pytest.param("s3", marks=pytest.mark.long)])
def landed(
    request: pytest.FixtureRequest,
    make_topic: MakeTopic,
    run_pipeline: RunPipeline,
    tmp_path_factory: pytest.TempPathFactory,
) -> Landed:
    """All the bad ones in every partition, among good ones; the job that read them was never restarted."""
    topic = make_topic(f"bad-{request.param}", PARTITIONS)
    schema_id = register(topic, LINEAGE_INPUT)
    sent_good: list[Record] = []
    sent_bad: list[tuple[str, Record]] = []
    for partition in range(PARTITIONS):
        bad = bad_values(schema_id)
        values: list[bytes | None] = []
        for _, value in bad:
            values += [*(good(schema_id) for _ in range(GOOD_BETWEEN)), value]
        values.append(good(schema_id))
        for sent in records.produce(topic, values, partition=partition):
            number, place = divmod(sent.offset, GOOD_BETWEEN + 1)
            if place == GOOD_BETWEEN:
                sent_bad.append((bad[number][0], sent))
            else:
                sent_good.append(sent)
    pipeline = run_pipeline(topic, env=s3_lake(topic) if request.param == "s3" else None)
    report = pipeline.verify()
    verified = commands.run(
        "procstream", "lineage", "verify", str(pipeline.source), "--deep", env=pipeline.env
    )
    flink.assert_never_restarted(pipeline.home, pipeline.job_id)
    pipeline.cancel()
    return Landed(
        topic,
        sent_good,
        sent_bad,
        report,
        pipeline.paths,
        on_this_disk(pipeline.paths, tmp_path_factory.mktemp("copy"))["dropped"],
        verified.returncode,
    )


def test_each_bad_record_is_dropped_once_with_its_reason_and_its_bytes(landed: Landed) -> None:
    rows = committed_files(landed.paths.dropped, landed.paths.dropped_commit_log).to_table().to_pylist()
    found = {
        (row["kafka_partition"], row["kafka_offset"]): (row["error"].partition(":")[0], row["raw"])
        for row in rows
    }
    assert found == {
        (record.partition, record.offset): (reason, record.value) for reason, record in landed.bad
    }
    assert len(rows) == len(landed.bad)
    assert {row["kafka_topic"] for row in rows} == {landed.topic}


def test_each_error_has_a_detail_besides_its_class(landed: Landed) -> None:
    errors = committed_files(landed.paths.dropped, landed.paths.dropped_commit_log).to_table()["error"]
    for error in errors.to_pylist():
        _reason, _, detail = error.partition(": ")
        assert len(detail) > 10, error
        assert "\n" not in error


def test_all_good_records_are_in_the_output(landed: Landed) -> None:
    output = committed_files(landed.paths.output, landed.paths.commit_log).to_table()
    found = sorted(
        zip(*(output[name].to_pylist() for name in ("kafka_partition", "kafka_offset")), strict=True)
    )
    assert found == sorted((record.partition, record.offset) for record in landed.good)
    sent = {record.value for record in landed.good}
    assert all(any(uuid_text.encode() in value for value in sent) for uuid_text in output["uuid"].to_pylist())


def test_the_proof_counts_dropped_records_in(landed: Landed) -> None:
    report = landed.report
    assert report.verdict is Verdict.PROVEN, report
    assert (report.committed, report.dropped) == (len(landed.good), len(landed.bad))
    assert report.produced == report.committed + report.dropped
    assert landed.verify_exit_code == 0


def test_the_dropped_path_has_exactly_these_columns(landed: Landed) -> None:
    types = [pa.string(), pa.int32(), pa.int64(), pa.string(), pa.binary(), pa.int64()]
    for file in landed.dropped.files():
        schema = pq.read_schema(file)
        assert schema.names == COLUMNS
        assert schema.types == types
        assert not schema.field("checkpoint_id").nullable


def test_the_dropped_path_is_flat_and_duckdb_reads_it(landed: Landed) -> None:
    rows = duckdb.sql(
        f"SELECT split_part(error, ':', 1), count(*) FROM '{landed.dropped.data}/*.parquet' GROUP BY ALL"
    ).fetchall()
    reasons = [reason for reason, _ in landed.bad]
    assert dict(rows) == {reason: reasons.count(reason) for reason in reasons}


def test_the_dropped_path_has_a_commit_log_like_the_output(landed: Landed) -> None:
    entries = {entry["s3_key"]: entry for _, entry in landed.dropped.log_entries()}
    files = {landed.dropped.key(file): file for file in landed.dropped.files()}
    assert files
    assert files.keys() == entries.keys()
    for key, file in files.items():
        ids = set(pq.read_table(file, columns=["checkpoint_id"])["checkpoint_id"].to_pylist())
        assert ids == {int(entries[key]["checkpoint_id"])}
        assert offsets_of(entries[key]["offset_ranges"]) == offsets_in(file)
    for path in landed.dropped.log_files():
        assert LOG_FILE.fullmatch(str(path.relative_to(landed.dropped.log)))
        assert path.read_text().splitlines()[0].split(",") == HEADER

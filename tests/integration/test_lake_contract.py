"""What readers of a lake rely on, on local disk and on S3, read back by pyarrow and by DuckDB."""

import json
import os
import re
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from procstream_lineage import Report, Verdict, committed_files

from tests.integration import commands, records
from tests.integration.lake_files import HEADER, LOG_FILE, Folder, offsets_in, offsets_of, on_this_disk
from tests.integration.records import Record
from tests.integration.running import RunningPipeline, RunPipeline, s3_lake
from tests.integration.topics import LINEAGE_INPUT, PROCSTAT, MakeTopic, register
from tests.integration.waiting import until

LINEAGE = ["kafka_topic", "kafka_partition", "kafka_offset", "checkpoint_id"]
GENERATED = 1_500
SAMPLES = 10

# Years, leap days, hours and milliseconds that a careless division puts into the wrong folder.
TIMES = (
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00.000Z",
    "2024-02-29T11:59:59.999Z",
    "2024-02-29T12:00:00.000Z",
    "2025-12-31T23:59:59.999Z",
    "2026-01-01T00:00:00.000Z",
    "2026-03-29T01:30:00.001Z",
    "2026-10-25T00:30:00.500Z",
)


def with_optional_time(schema_text: str) -> str:
    schema = json.loads(schema_text)
    field = next(field for field in schema["fields"] if field["name"] == "timestamp")
    field["type"] = ["null", field["type"]]
    return json.dumps(schema)


SCHEMA_TEXTS = {"lineage-input": with_optional_time(LINEAGE_INPUT), "procstat": PROCSTAT}


@dataclass(frozen=True)
class Landed:
    """A topic whose records are all in a lake."""

    pipeline: RunningPipeline
    report: Report
    records: list[Record]
    own_columns: list[str]
    output: Folder

    def by_offset(self) -> dict[tuple[int, int], Any]:
        return {(record.partition, record.offset): record.value for record in self.records}


@pytest.fixture(scope="module")
def land(
    make_topic: MakeTopic, run_pipeline: RunPipeline, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, Landed]]:
    """`land(place)`: records of both kinds, committed by several checkpoints; their jobs have ended."""

    @cache
    def land(place: str) -> dict[str, Landed]:
        topics = {kind: make_topic(f"{kind}-{place}", 3, schema) for kind, schema in SCHEMA_TEXTS.items()}
        produce_at_times(topics["lineage-input"])

        def run(topic: str) -> RunningPipeline:
            return run_pipeline(topic, env=s3_lake(topic) if place == "s3" else None)

        with ThreadPoolExecutor() as pool:
            pipelines = dict(zip(topics, pool.map(run, topics.values()), strict=True))
        produce_as_people_do(topics["lineage-input"], topics["procstat"])
        reports = {kind: pipeline.verify() for kind, pipeline in pipelines.items()}
        for pipeline in pipelines.values():
            pipeline.cancel()
        return {
            kind: Landed(
                pipeline,
                reports[kind],
                records.consume(topics[kind]),
                [field["name"] for field in json.loads(SCHEMA_TEXTS[kind])["fields"]],
                on_this_disk(pipeline.paths, tmp_path_factory.mktemp("copy"))["output"],
            )
            for kind, pipeline in pipelines.items()
        }

    return land


def produce_at_times(topic: str) -> None:
    schema_text = SCHEMA_TEXTS["lineage-input"]
    schema_id = register(topic, schema_text)
    times = [epoch_ms(datetime.fromisoformat(text)) for text in TIMES]
    values = [{"uuid": f"at-{time}", "timestamp": time} for time in (*times, None)]
    records.produce(topic, [records.framed(schema_id, schema_text, value) for value in values])


def produce_as_people_do(lineage_input: str, procstat: str) -> None:
    sampler = commands.start(
        "procstream-producer", "procstat", "--topic", procstat, "--interval", "0.2", "--no-metrics"
    )
    generated = commands.run_json(
        "procstream-producer", "generate", "lineage-input",
        "--topic", lineage_input, "--count", str(GENERATED), "--rate", str(GENERATED // 3),
    )  # fmt: skip
    assert generated["delivered"] == GENERATED
    until(lambda: records.counted(procstat) >= SAMPLES, f"{SAMPLES} samples of /proc/stat")
    sampler.send_signal(signal.SIGTERM)
    output, errors = sampler.communicate(timeout=30)
    assert sampler.returncode == 0, output + errors


@pytest.fixture(scope="module", params=[pytest.param("disk", marks=pytest.mark.long), "s3"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module", params=["lineage-input", "procstat"])
def lake(request: pytest.FixtureRequest, place: str, land: Callable[[str], dict[str, Landed]]) -> Landed:
    return land(place)[request.param]


@pytest.fixture(scope="module")
def events(place: str, land: Callable[[str], dict[str, Landed]]) -> Landed:
    return land(place)["lineage-input"]


@pytest.fixture(scope="module")
def snapshots(place: str, land: Callable[[str], dict[str, Landed]]) -> Landed:
    return land(place)["procstat"]


def test_every_record_is_proven_to_be_committed_once(lake: Landed) -> None:
    report = lake.report
    assert report.verdict is Verdict.PROVEN, report
    assert report.produced == report.committed == len(lake.records)
    assert report.dropped == report.missing == report.doubled == report.unlogged == 0
    assert report.checkpoints > 1


def test_the_rows_are_what_was_produced(lake: Landed) -> None:
    dataset = committed_files(lake.pipeline.paths.output, lake.pipeline.paths.commit_log)
    rows = dataset.to_table().to_pylist()
    found = {
        (row["kafka_partition"], row["kafka_offset"]): {name: row[name] for name in lake.own_columns}
        for row in rows
    }
    assert found == lake.by_offset()
    assert len(rows) == len(lake.records)
    assert {row["kafka_topic"] for row in rows} == {lake.pipeline.topic}


def test_columns_are_the_records_own_then_its_lineage(lake: Landed) -> None:
    for file in lake.output.files():
        schema = pq.read_schema(file)
        assert schema.names == [*lake.own_columns, *LINEAGE]
        assert [schema.field(name).type for name in LINEAGE] == [
            pa.string(), pa.int32(), pa.int64(), pa.int64()
        ]  # fmt: skip
        assert not schema.field("checkpoint_id").nullable


def test_timestamps_are_int64_in_utc_and_never_int96(lake: Landed) -> None:
    wanted = {"timestamp", "boot_time"} & set(lake.own_columns)
    for file in lake.output.files():
        schema = pq.ParquetFile(file).schema
        columns = {schema.column(i).path: schema.column(i) for i in range(len(schema))}
        assert "INT96" not in {column.physical_type for column in columns.values()}
        for name in wanted:
            logical = json.loads(columns[name].logical_type.to_json())
            assert columns[name].physical_type == "INT64"
            assert (logical["Type"], logical["timeUnit"]) == ("Timestamp", "milliseconds")
            assert logical["isAdjustedToUTC"] is True


def test_duckdb_reads_the_folders_as_a_hive_table(lake: Landed) -> None:
    # On S3 it reads a copy: its own extension for S3 cannot be installed without the internet.
    rows = duckdb.sql(
        f"""
        SELECT kafka_partition, kafka_offset, uuid, epoch_ms(timestamp),
               CAST(year AS INT), CAST(month AS INT), CAST(day AS INT), CAST(hour AS INT)
        FROM read_parquet('{lake.output.data}/**/*.parquet', hive_partitioning = true)
        """
    ).fetchall()
    expected = []
    for record in lake.records:
        time = record.value["timestamp"]
        folder = (time.year, time.month, time.day, time.hour) if time else (None,) * 4
        expected.append((record.partition, record.offset, record.value["uuid"], epoch_ms(time), *folder))
    assert sorted(rows, key=lambda row: row[:2]) == sorted(expected, key=lambda row: row[:2])


def test_duckdb_reads_what_is_nested(snapshots: Landed) -> None:
    rows = duckdb.sql(
        f"""
        SELECT uuid, len(cpus), cpus[1].cpu, cpus[1].user, cpus[1].idle
        FROM read_parquet('{snapshots.output.data}/**/*.parquet', hive_partitioning = true)
        """
    ).fetchall()
    cpus = {record.value["uuid"]: record.value["cpus"] for record in snapshots.records}
    assert sorted(rows) == sorted(
        (uuid, len(each), "cpu", each[0]["user"], each[0]["idle"]) for uuid, each in cpus.items()
    )
    assert all(row[1] == 1 + (os.cpu_count() or 0) for row in rows)


def test_folders_are_of_the_records_own_hour_in_utc(events: Landed) -> None:
    folders = Counter(
        (str(file.parent.relative_to(events.output.data)), uuid)
        for file in events.output.files()
        for uuid in pq.read_table(file, columns=["uuid"], partitioning=None)["uuid"].to_pylist()
        if uuid.startswith("at-")
    )
    expected = {
        datetime.fromisoformat(text).strftime("year=%Y/month=%m/day=%d/hour=%H"): text for text in TIMES
    }
    no_time = "/".join(f"{level}=__HIVE_DEFAULT_PARTITION__" for level in ("year", "month", "day", "hour"))
    assert len(expected) == len(TIMES)
    assert folders == Counter(
        [
            *((folder, f"at-{epoch_ms(datetime.fromisoformat(text))}") for folder, text in expected.items()),
            (no_time, "at-None"),
        ]
    )


def test_the_commit_log_has_a_file_for_each_checkpoint_and_subtask(lake: Landed) -> None:
    files = lake.output.log_files()
    assert files
    for file in files:
        name = LOG_FILE.fullmatch(str(file.relative_to(lake.output.log)))
        assert name, file
        header, *lines = file.read_text().splitlines()
        assert header.split(",") == HEADER
        assert {line.partition(",")[0] for line in lines} == {name[1]}


def test_every_visible_file_has_an_entry_that_tells_what_is_in_it(lake: Landed) -> None:
    entries = {entry["s3_key"]: entry for _, entry in lake.output.log_entries()}
    files = {lake.output.key(file): file for file in lake.output.files()}
    assert len(files) > 1
    assert files.keys() == entries.keys()
    for key, file in files.items():
        entry = entries[key]
        rows = pq.read_table(file, columns=["checkpoint_id"], partitioning=None)["checkpoint_id"].to_pylist()
        assert set(rows) == {int(entry["checkpoint_id"])}
        assert int(entry["record_count"]) == len(rows)
        assert int(entry["file_size_bytes"]) == file.stat().st_size
        assert offsets_of(entry["offset_ranges"]) == offsets_in(file)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["commit_timestamp"])


@pytest.mark.parametrize("deep", [[], ["--deep"]], ids=["by the logs", "deep"])
def test_the_verify_command_says_proven(events: Landed, deep: list[str]) -> None:
    found = lineage(events, "verify", str(events.pipeline.source), *deep)
    assert found["verdict"] == "proven"
    assert found["produced"] == found["committed"] == len(events.records)
    assert found["deep"] is bool(deep)


def test_a_record_is_traced_to_its_offset_its_file_and_its_checkpoint(events: Landed) -> None:
    wanted = events.records[-1]
    [trace] = lineage(
        events, "trace", wanted.value["uuid"], "--pipeline", str(events.pipeline.source)
    )["traces"]  # fmt: skip
    at = (events.pipeline.topic, wanted.partition, wanted.offset)
    assert (trace["topic"], trace["partition"], trace["offset"]) == at
    [(log_file, entry)] = [
        (log_file, entry)
        for log_file, entry in events.output.log_entries()
        if at in offsets_of(entry["offset_ranges"])
    ]
    assert trace["checkpoint_id"] == int(entry["checkpoint_id"])
    assert trace["file"].endswith(entry["s3_key"])
    assert trace["log_file"].endswith(str(log_file.relative_to(events.output.log)))


def test_the_files_of_a_checkpoint_are_those_that_its_log_names(events: Landed) -> None:
    checkpoint = max(int(entry["checkpoint_id"]) for _, entry in events.output.log_entries())
    found = lineage(
        events, "files", str(events.pipeline.source), "--checkpoint", str(checkpoint)
    )["files"]  # fmt: skip
    logged = {
        entry["s3_key"]: int(entry["record_count"])
        for _, entry in events.output.log_entries()
        if int(entry["checkpoint_id"]) == checkpoint
    }
    assert all(file["exists"] for file in found)
    for key, count in logged.items():
        assert [file["records"] for file in found if file["file"].endswith(key)] == [count]
    assert len(found) == len(logged)


def lineage(lake: Landed, *arguments: str) -> Any:
    return commands.run_json("procstream", "lineage", *arguments, "--json", env=lake.pipeline.env)


def epoch_ms(time: datetime | None) -> int | None:
    if time is None:
        return None
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000

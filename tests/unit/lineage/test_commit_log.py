from collections.abc import Sequence
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_lineage.commit_log import (
    CommitLogReader,
    LogEntry,
    merge,
    parse_log_file,
    parse_offset_ranges,
    read_commit_log,
)
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.storage import folder

from tests.unit.lineage.synthetic_lake import HEADER, HOUR, SyntheticLake

KEY = f"warehouse/orders/output/{HOUR}/part-1.parquet"
LINE = f'7,{KEY},2026-01-02T03:04:05.678Z,12,345,"orders/0:0-9,12-13"'
ORDERS_0 = TopicPartition("orders", 0)


def parse(*lines: str, header: str = HEADER) -> Sequence[LogEntry]:
    entries, complete = parse_log_file("log.csv", "\n".join([header, *lines, ""]).encode())
    assert complete
    return entries


def test_an_entry_has_all_fields_of_its_line() -> None:
    (entry,) = parse(LINE)
    assert entry.checkpoint_id == 7
    assert entry.relative_key == f"{HOUR}/part-1.parquet"
    assert entry.commit_timestamp.isoformat() == "2026-01-02T03:04:05.678000+00:00"
    assert (entry.record_count, entry.file_size_bytes) == (12, 345)
    assert entry.offsets is not None
    assert entry.offsets.exact
    assert entry.offsets.runs == {ORDERS_0: Runs.of([(0, 10), (12, 14)])}


@pytest.mark.parametrize(
    ("key", "relative"),
    [
        (f"/home/year=5/lake/output/{HOUR}/part-1.parquet", f"{HOUR}/part-1.parquet"),
        ("output/year=__HIVE_DEFAULT_PARTITION__/p", "year=__HIVE_DEFAULT_PARTITION__/p"),
        ("lake/dropped/part-1.parquet", "part-1.parquet"),
    ],
)
def test_a_file_is_known_by_its_hour_folders_and_name(key: str, relative: str) -> None:
    (entry,) = parse(f"1,{key},2026-01-01T00:00:00Z,0,0,")
    assert entry.relative_key == relative


def test_three_columns_suffice_but_have_no_offsets() -> None:
    (entry,) = parse("1,part-1.parquet,2026-01-01T00:00:00Z", header="checkpoint_id,s3_key,commit_timestamp")
    assert (entry.record_count, entry.file_size_bytes, entry.offsets) == (None, None, None)


def test_offsets_of_several_partitions_and_topics() -> None:
    ranges = parse_offset_ranges("a.b_c-d/0:0-99,101-150;orders/12:7-7")
    assert ranges.exact
    assert ranges.runs == {
        TopicPartition("a.b_c-d", 0): Runs.of([(0, 100), (101, 151)]),
        TopicPartition("orders", 12): Runs.of([(7, 8)]),
    }


def test_a_tilde_means_that_only_the_hull_is_known() -> None:
    (entry,) = parse('1,part-1.parquet,2026-01-01T00:00:00Z,50,9,"~orders/0:0-99"')
    assert entry.offsets is not None
    assert not entry.offsets.exact


def test_the_longest_line_the_sink_writes_is_read() -> None:
    runs = ",".join(f"{1_000_000_000_000 + 2 * n}-{1_000_000_000_000 + 2 * n}" for n in range(10_000))
    (entry,) = parse(f'1,part-1.parquet,2026-01-01T00:00:00Z,10000,9,"orders/0:{runs}"')
    assert entry.offsets is not None
    assert entry.offsets.count == 10_000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("7,key", "line 2: found 2 fields, expected 6"),
        (f"x,{KEY},2026-01-02T00:00:00Z,1,1,", "line 2: checkpoint_id: found 'x', expected a whole number"),
        ("7,,2026-01-02T00:00:00Z,1,1,", "line 2: s3_key: found '', expected the key of a file"),
        (f"7,{KEY},yesterday,1,1,", "line 2: commit_timestamp: found 'yesterday', expected an ISO-8601 time"),
        (f"7,{KEY},2026-01-02T00:00:00Z,-1,1,", "line 2: record_count: found '-1'"),
        (f"7,{KEY},2026-01-02T00:00:00Z,1,1,orders", "found 'orders', expected topic/partition"),
        (f"7,{KEY},2026-01-02T00:00:00Z,1,1,orders/0:9-3", "found a run that ends before it begins"),
        (f"7,{KEY},2026-01-02T00:00:00Z,5,1,orders/0:0-9", "found 10 offsets in offset_ranges"),
        (f'7,"{KEY},2026-01-02T00:00:00Z,5,1,', "line 2: unexpected end of data"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named(line: str, message: str) -> None:
    with pytest.raises(ProcstreamError, match=r"^log\.csv, line 2") as raised:
        parse(line)
    assert message in str(raised.value)


def test_a_file_with_other_columns_is_named() -> None:
    with pytest.raises(ProcstreamError, match=r"log\.csv, line 1: found columns 'a,b'"):
        parse(header="a,b")


@pytest.mark.parametrize("kept", [0, 20, len(HEADER)])
def test_a_log_file_whose_writer_was_killed_at_once_names_nothing(kept: int) -> None:
    assert parse_log_file("log.csv", HEADER[:kept].encode()) == ([], False)


@pytest.mark.parametrize("cut", [1, 5, 30, 60])
def test_half_a_line_at_the_end_is_left_out(cut: int) -> None:
    entries, complete = parse_log_file("log.csv", f"{HEADER}\n{LINE}\n{LINE[:-cut]}".encode())
    assert (len(entries), complete) == (1, False)


def test_a_number_cut_short_is_half_a_line_too() -> None:
    line = f"7,{KEY},2026-01-02T03:04:05.678Z,100,345,orders/0:0-9"  # of 0-99
    assert parse_log_file("log.csv", f"{HEADER}\n{line}".encode()) == ([], False)


def test_a_whole_line_needs_no_line_end() -> None:
    entries, complete = parse_log_file("log.csv", f"{HEADER}\n{LINE}".encode())
    assert (len(entries), complete) == (1, True)


def test_a_replayed_entry_counts_once() -> None:
    again = LINE.replace("03:04:05", "03:09:00")
    log = merge([*parse(again), *parse(LINE)])
    assert (len(log.entries), log.replayed, log.conflicts) == (1, 1, [])
    assert log.entries[f"{HOUR}/part-1.parquet"].commit_timestamp.minute == 4


def test_of_replayed_entries_the_one_with_offsets_is_kept() -> None:
    log = merge([*parse(LINE.split(",12,")[0] + ",,,"), *parse(LINE.replace("03:04:05", "03:09:00"))])
    assert next(iter(log.entries.values())).offsets is not None


def test_entries_that_contradict_each_other_are_reported() -> None:
    other_checkpoint = merge([*parse(LINE), *parse(LINE.replace("7,", "8,", 1))])
    assert "is in checkpoint 7 by log.csv, in 8 by log.csv" in other_checkpoint.conflicts[0]
    other_offsets = merge([*parse(LINE), *parse(LINE.replace("12-13", "14-15"))])
    assert "has other offsets" in other_offsets.conflicts[0]


def test_a_log_is_all_its_log_files(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.write(2, {0: range(10, 20)})
    log = read_commit_log(folder(lake.paths.commit_log))
    assert sorted(entry.checkpoint_id for entry in log.entries.values()) == [1, 2]
    assert log.log_files == 2


def test_a_log_that_is_not_there_has_no_entries(lake: SyntheticLake) -> None:
    assert read_commit_log(folder(lake.paths.commit_log)).log_files == 0


def test_only_new_log_files_are_read_again(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    reader = CommitLogReader(folder(lake.paths.commit_log))
    reader.read()
    next(Path(lake.paths.commit_log).glob("chk-1/*.csv")).write_text("never looked at again")
    lake.write(2, {0: range(10, 20)})
    assert len(reader.read().entries) == 2


def test_a_log_file_that_is_still_written_is_read_again(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: range(10)}, logged=False)
    file = lake.log(1, path, 10, {ORDERS_0: list(range(10))})
    whole = file.read_text()
    file.write_text(whole[:-20])
    reader = CommitLogReader(folder(lake.paths.commit_log))
    assert reader.read().cut_off == [f"chk-1/{file.name}"]
    file.write_text(whole)
    assert len(reader.read().entries) == 1

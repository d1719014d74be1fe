from pathlib import Path

import duckdb
import fsspec
import pyarrow as pa
import pytest
from procstream_common.errors import ProcstreamError
from procstream_lineage import committed_files
from procstream_lineage.lake import visible_files
from procstream_lineage.storage import folder

from tests.unit.lineage.synthetic_lake import HOUR, SyntheticLake, records, write_parquet

NO_TIME = "/".join(f"{level}=__HIVE_DEFAULT_PARTITION__" for level in ("year", "month", "day", "hour"))


def test_files_that_begin_with_a_dot_or_underscore_are_not_visible(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: range(3)})
    for hidden in (".part-2.parquet.inprogress.1", "_SUCCESS", ".staging/part-3.parquet"):
        write_parquet(path.parent / hidden, records({}, 1))
    assert list(visible_files(folder(lake.paths.output))) == [f"{HOUR}/{path.name}"]


def test_a_commit_log_inside_the_output_is_no_data(tmp_path: Path) -> None:
    (tmp_path / "output" / "log" / "chk-1").mkdir(parents=True)
    (tmp_path / "output" / "log" / "chk-1" / "subtask-0-a.csv").touch()
    output, log = folder(f"{tmp_path}/output"), folder(f"{tmp_path}/output/log")
    assert visible_files(output, besides=log) == {}


def test_only_files_that_the_log_names_are_committed(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.write(2, {0: range(10, 20)}, logged=False)
    lake.write(3, {0: range(20, 30)}, visible=False)
    dataset = committed_files(lake.paths.output, lake.paths.commit_log)
    assert sorted(dataset.to_table()["kafka_offset"].to_pylist()) == list(range(10))


def test_hour_folders_are_columns_and_null_without_a_time(lake: SyntheticLake) -> None:
    lake.write(1, {0: [0]}, folder="year=2026/month=01/day=02/hour=23")
    lake.write(1, {0: [1]}, folder=NO_TIME)
    table = committed_files(lake.paths.output, lake.paths.commit_log).to_table().sort_by("kafka_offset")
    columns = table.select(["year", "month", "day", "hour"]).to_pylist()
    assert columns[0] == {"year": 2026, "month": 1, "day": 2, "hour": 23}
    assert columns[1] == {"year": None, "month": None, "day": None, "hour": None}


def test_one_checkpoint_can_be_chosen(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.write(2, {0: range(10, 20)})
    dataset = committed_files(lake.paths.output, lake.paths.commit_log, checkpoint=2)
    assert set(dataset.to_table()["checkpoint_id"].to_pylist()) == {2}


def test_a_dropped_path_is_read_the_same_way(lake: SyntheticLake) -> None:
    lake.drop(1, {0: [3]})
    dataset = committed_files(lake.paths.dropped, lake.paths.dropped_commit_log)
    assert dataset.to_table().select(["kafka_offset", "error"]).to_pylist() == [
        {"kafka_offset": 3, "error": "TRUNCATED: the end"}
    ]


def test_an_empty_lake_is_an_empty_dataset(lake: SyntheticLake) -> None:
    dataset = committed_files(lake.paths.output, lake.paths.commit_log)
    assert dataset.count_rows() == 0
    assert {"kafka_topic", "checkpoint_id", "hour"} <= set(dataset.schema.names)


def test_a_column_that_was_added_later_is_null_before(lake: SyntheticLake) -> None:
    lake.write(1, {0: [0]})
    newer = lake.write(2, {0: [1]})
    table = records({}, 2)
    write_parquet(newer, table.append_column("node", pa.array([], pa.string())))
    dataset = committed_files(lake.paths.output, lake.paths.commit_log)
    assert dataset.to_table()["node"].to_pylist() == [None]


def test_duckdb_queries_the_dataset(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10), 1: range(5)})
    events = committed_files(lake.paths.output, lake.paths.commit_log)  # noqa: F841  DuckDB finds it by name
    assert duckdb.sql("SELECT count(*) FROM events WHERE hour = 3 AND kafka_partition = 1").fetchall() == [
        (5,)
    ]


def test_a_file_that_is_no_parquet_is_named(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: [0]})
    path.write_bytes(b"no parquet")
    with pytest.raises(ProcstreamError, match=f"{path.name}: cannot be read as Parquet"):
        committed_files(lake.paths.output, lake.paths.commit_log)


def test_an_object_store_is_read_the_same_way(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.write(2, {0: range(10, 20)}, logged=False)
    store = fsspec.filesystem("memory")
    store.put(str(Path(lake.paths.output).parent), "/bucket/lake", recursive=True)
    places = "memory://bucket/lake/output", "memory://bucket/lake/write-ahead-commit-log"
    dataset = committed_files(*places, filesystem=store)
    assert dataset.to_table()["kafka_offset"].to_pylist() == list(range(10))
    assert committed_files(*places, filesystem=store, checkpoint=2).count_rows() == 0

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.rows import FileRows, read_rows
from procstream_lineage.storage import folder

from tests.unit.lineage.synthetic_lake import SyntheticLake, records


def rows_of(lake: SyntheticLake) -> FileRows:
    output, _ = lake.sides()
    (entry,) = output.committed
    return read_rows(folder(lake.paths.output), entry)


def test_offsets_are_read_from_rows_in_any_order(lake: SyntheticLake) -> None:
    lake.write(1, {0: [5, 3, 4], "other/2": [1]})
    rows = rows_of(lake)
    assert rows.records == 4
    assert rows.offsets == {
        TopicPartition("orders", 0): Runs.of([(3, 6)]),
        TopicPartition("other", 2): Runs.of([(1, 2)]),
    }
    assert (rows.mismatched, rows.doubled, rows.error) == (0, {}, None)


def test_an_offset_in_two_row_groups_is_doubled(lake: SyntheticLake, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lake.write(1, {0: [*range(100), 7]})
    pq.write_table(pq.read_table(path), path, row_group_size=20)
    monkeypatch.setattr("procstream_lineage.rows._ROWS_AT_ONCE", 10)
    assert rows_of(lake).doubled == {TopicPartition("orders", 0): Runs.of([(7, 8)])}


def test_many_batches_are_joined_as_they_come(lake: SyntheticLake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.write(1, {0: [*range(0, 2000, 2), 0]})
    monkeypatch.setattr("procstream_lineage.rows._ROWS_AT_ONCE", 10)
    rows = rows_of(lake)
    assert rows.offsets[TopicPartition("orders", 0)].count == 1000
    assert rows.doubled == {TopicPartition("orders", 0): Runs.of([(0, 1)])}


def test_rows_of_another_checkpoint_are_counted(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)}, row_checkpoint=2)
    assert rows_of(lake).mismatched == 10


def test_a_file_that_is_cut_off_is_an_error_in_the_result(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: range(10)})
    path.write_bytes(path.read_bytes()[:100])
    assert "Parquet magic bytes not found" in (rows_of(lake).error or "")


def test_a_page_that_is_damaged_is_an_error_in_the_result(lake: SyntheticLake) -> None:
    path = lake.write(1, {0: range(1000)})
    content = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(4)
    start = column.dictionary_page_offset or column.data_page_offset
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)
    assert rows_of(lake).error


@pytest.mark.parametrize(
    ("table", "error"),
    [
        (records({}, 1).drop_columns(["kafka_offset"]), "it has no column kafka_offset"),
        (
            records({TopicPartition("orders", 0): [0]}, 1).set_column(
                4, "kafka_offset", pa.array([None], pa.int64())
            ),
            "it has a row without kafka_offset",
        ),
    ],
)
def test_rows_without_an_offset_are_an_error(lake: SyntheticLake, table: pa.Table, error: str) -> None:
    path = lake.write(1, {0: [0]})
    pq.write_table(table, Path(path))
    assert rows_of(lake).error == error

import pytest
from procstream_common.errors import ProcstreamError
from procstream_lineage import trace_offset, trace_value
from procstream_lineage.trace import NoRowError

from tests.unit.lineage.synthetic_lake import HOUR, SyntheticLake, uuid


def test_a_record_is_found_by_its_uuid(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    path = lake.write(2, {3: range(10, 20)})
    (trace,) = trace_value([lake.lake], uuid("orders", 3, 14))
    assert (trace.topic, trace.partition, trace.offset, trace.checkpoint_id) == ("orders", 3, 14, 2)
    assert (trace.place, trace.file) == ("output", str(path))
    assert "/chk-2/subtask-0-" in trace.log_file
    assert trace.record is not None
    assert list(trace.record) == ["uuid", "timestamp"]


def test_a_record_that_was_sent_twice_is_found_twice(lake: SyntheticLake) -> None:
    lake.write(1, {0: [7]})
    lake.write(2, {0: [7]})
    assert [trace.checkpoint_id for trace in trace_value([lake.lake], uuid("orders", 0, 7))] == [1, 2]


def test_rows_that_are_not_committed_are_not_found(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.write(2, {0: [10]}, logged=False)
    with pytest.raises(NoRowError, match="has uuid 'orders-0-10': searched 1 committed files"):
        trace_value([lake.lake], uuid("orders", 0, 10))


def test_an_empty_lake_has_no_record(lake: SyntheticLake) -> None:
    with pytest.raises(NoRowError, match="searched 0 committed files"):
        trace_value([lake.lake], "x")


def test_any_column_can_be_looked_at(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    (trace,) = trace_value([lake.lake], "4", column="kafka_offset")
    assert trace.offset == 4


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("uid", "x", "column: found 'uid', expected one of uuid, timestamp, kafka_topic"),
        ("kafka_offset", "x", "kafka_offset: found 'x', expected a value of type int64"),
    ],
)
def test_a_column_that_cannot_be_is_named(lake: SyntheticLake, column: str, value: str, message: str) -> None:
    lake.write(1, {0: range(10)})
    with pytest.raises(ProcstreamError, match=message):
        trace_value([lake.lake], value, column=column)


def test_a_file_that_cannot_be_read_is_named(lake: SyntheticLake) -> None:
    bad = lake.write(1, {0: range(10)})
    lake.write(2, {0: range(10, 20)})
    bad.write_bytes(b"no parquet")
    with pytest.raises(ProcstreamError, match=f"{bad.name}: cannot be read"):
        trace_value([lake.lake], "x")


def test_an_offset_is_found_by_the_logs_alone(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)}).write_bytes(b"never read")
    (trace,) = trace_offset([lake.lake], "orders/0/4")
    assert (trace.place, trace.checkpoint_id, trace.offset, trace.record) == ("output", 1, 4, None)
    assert HOUR in trace.file
    assert trace.certain


def test_an_offset_is_found_among_the_dropped(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    lake.drop(1, {0: [10]})
    assert [trace.place for trace in trace_offset([lake.lake], "orders/0/10")] == ["dropped"]


def test_where_the_log_has_only_a_hull_a_file_is_a_perhaps(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(0, 10, 2)}, ranges="~orders/0:0-8")
    (trace,) = trace_offset([lake.lake], "orders/0/3")
    assert not trace.certain


@pytest.mark.parametrize("text", ["orders", "orders/0", "orders/x/1", "orders/0/-1"])
def test_what_is_no_offset_is_named(lake: SyntheticLake, text: str) -> None:
    with pytest.raises(ProcstreamError, match="expected topic/partition/offset"):
        trace_offset([lake.lake], text)


def test_an_offset_in_no_file_is_not_found(lake: SyntheticLake) -> None:
    lake.write(1, {0: range(10)})
    with pytest.raises(NoRowError, match="with offset orders/0/10: searched 1"):
        trace_offset([lake.lake], "orders/0/10")

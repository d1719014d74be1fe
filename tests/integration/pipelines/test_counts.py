"""Counts by status in windows of processing time add up to the orders; malformed ones are kept apart."""

from collections import Counter
from datetime import datetime, timedelta

import pytest

from tests.integration import records
from tests.integration.failures import load
from tests.integration.running import RunShipped
from tests.integration.waiting import until


@pytest.mark.parametrize(
    ("name", "counts", "size"),
    [
        pytest.param("order-status-counts", "flink-aggregates", 30, marks=pytest.mark.long),
        ("order-status-counts-sql", "flink-aggregates-sql", 15),
    ],
)
def test_window_counts_add_up_to_the_orders(
    run_shipped: RunShipped, name: str, counts: str, size: int
) -> None:
    pipeline = run_shipped(name)
    with load.generated(
        pipeline.source, 200, "orders", "--count", "2000", "--malformed", "0.1", "--seed", "3"
    ) as sent:
        sent.process.wait(60)
    assert sent.summary["delivered"] == 2000

    def windows() -> list[dict[str, object]]:
        return [record.value for record in records.committed_json(pipeline.topics[counts])]

    def letters() -> int:
        return len(records.committed(pipeline.topics["dead-letters"]))

    # Not every malformed order is one to the variant that reads the status alone.
    until(
        lambda: sum(int(str(window["order_count"])) for window in windows()) + letters() == 2000,
        "counts and dead letters of 2,000 orders",
        timeout=size + 60,
    )
    assert 0 < letters() <= sent.summary["malformed"]
    dropped = {
        (letter.value["kafka_partition"], letter.value["kafka_offset"])
        for letter in records.committed_json(pipeline.topics["dead-letters"])
    }
    expected = Counter(
        record.value["status"]
        for record in records.committed_json(pipeline.source)
        if (record.partition, record.offset) not in dropped
    )
    found: Counter[str] = Counter()
    for window in windows():
        found[str(window["status"])] += int(str(window["order_count"]))
        start, end = (datetime.fromisoformat(str(window[name])) for name in ("window_start", "window_end"))
        assert end - start == timedelta(seconds=size)
        assert start.timestamp() % size == 0
        assert start.utcoffset() == timedelta(0)
    assert found == expected
    assert set(windows()[0]) == {"window_start", "window_end", "status", "order_count"}
    pipeline.running.cancel()

"""Alerts, a table and windows while Flink and PostgreSQL are killed: no row is lost or duplicated."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from procstream_local import stack
from procstream_local.stack.home import Home

from tests.integration import database, records
from tests.integration.failures import crash, load
from tests.integration.failures.load import Load
from tests.integration.records import Record
from tests.integration.running import RunShipped, ShippedPipeline
from tests.integration.waiting import until

THRESHOLD = 5000
WINDOW_MS = 30_000
SETTLE_S = 90


@dataclass(frozen=True)
class Survivors:
    """The pipelines after the failures, and the records that were sent to each."""

    alerts: ShippedPipeline
    table: ShippedPipeline
    windows: ShippedPipeline
    sent: dict[str, Load]


@pytest.fixture(scope="module")
def survivors(home: Home, run_shipped: RunShipped) -> Iterator[Survivors]:
    alerts = run_shipped("fraud-alerts")
    table = run_shipped("splitpay-events-upsert")
    windows = run_shipped("order-status-counts-event-time")
    running = (alerts.running, table.running, windows.running)
    bad = ("--malformed", "0.05", "--seed", "7")
    with ExitStack() as generators:
        sent = {
            "alerts": generators.enter_context(load.generated(alerts.source, 1000, "transactions", *bad)),
            "table": generators.enter_context(
                load.generated(table.source, 300, "splitpay", *bad, "--repeat", "0.2")
            ),
            "windows": generators.enter_context(
                load.generated(windows.source, 300, "orders", *bad, "--late", "0.05", "--late-by", "40")
            ),
        }
        for pipeline in running:
            crash.until_recovered(pipeline, after=0)
        for moment in (crash.until_checkpoint_runs, crash.until_checkpoint_commits):
            moment(alerts.running)
            crash.kill(home, "taskmanager")
            begun = [crash.triggered(pipeline) for pipeline in running]
            stack.up(home)
            for pipeline, checkpoint in zip(running, begun, strict=True):
                crash.until_recovered(pipeline, after=checkpoint)
        kill_postgres(home, table)
    found = Survivors(alerts, table, windows, sent)
    yield found
    for pipeline in running:
        pipeline.cancel()


def kill_postgres(home: Home, table: ShippedPipeline) -> None:
    crash.kill(home, "postgres")
    until(lambda: table.running.state != "RUNNING", "a job that has noticed", timeout=60)
    begun = crash.triggered(table.running)
    stack.up(home)
    crash.until_recovered(table.running, after=begun)


def dead_letters(pipeline: ShippedPipeline) -> list[tuple[int, int]]:
    letters = records.committed_json(pipeline.topics["dead-letters"])
    assert {letter.value["pipeline"] for letter in letters} <= {pipeline.running.name}
    return [(letter.value["kafka_partition"], letter.value["kafka_offset"]) for letter in letters]


def good(pipeline: ShippedPipeline) -> list[Record]:
    """Records that are not dead letters, in the order of their partitions."""
    dropped = set(dead_letters(pipeline))
    sent = records.committed_json(pipeline.source)
    return [record for record in sent if (record.partition, record.offset) not in dropped]


@pytest.mark.parametrize("name", ["alerts", "windows"])
def test_each_malformed_record_is_a_dead_letter_once(survivors: Survivors, name: str) -> None:
    pipeline, malformed = getattr(survivors, name), survivors.sent[name].summary["malformed"]
    until(lambda: len(dead_letters(pipeline)) >= malformed, "the dead letters", timeout=SETTLE_S)
    letters = dead_letters(pipeline)
    assert len(letters) == len(set(letters)) == malformed > 0


def test_a_malformed_field_that_is_not_read_is_no_dead_letter(survivors: Survivors) -> None:
    letters = dead_letters(survivors.table)
    assert 0 < len(letters) == len(set(letters)) < survivors.sent["table"].summary["malformed"]


def test_alerts_are_exactly_those_above_the_threshold_each_once(survivors: Survivors) -> None:
    expected = {
        record.value["transaction_id"]
        for record in good(survivors.alerts)
        if record.value["amount"] > THRESHOLD
    }
    topic = survivors.alerts.topics["fraud-alerts"]
    until(lambda: len(records.committed(topic)) >= len(expected), "all alerts", timeout=SETTLE_S)
    found = Counter(record.value["transaction_id"] for record in records.committed_json(topic))
    assert len(expected) > 100
    assert found == Counter(expected)


def test_an_alert_has_all_fields_of_its_transaction(survivors: Survivors) -> None:
    sent = {record.value["transaction_id"]: record.value for record in good(survivors.alerts)}
    for alert in records.committed_json(survivors.alerts.topics["fraud-alerts"]):
        assert alert.value == sent[alert.value["transaction_id"]]
        assert alert.key == alert.value["transaction_id"]


def test_the_table_has_the_newest_event_of_each_id(survivors: Survivors) -> None:
    newest = {
        record.value["event_id"]: (record.value["user"]["name"], record.value["location"])
        for record in good(survivors.table)
    }
    table = survivors.table.table
    assert table is not None

    def rows() -> dict[str, tuple[str, str]]:
        found = database.query(f"SELECT event_id, user_name, location FROM {table}")
        assert len({row[0] for row in found}) == len(found)
        return {event_id: (user, location) for event_id, user, location in found}

    until(lambda: rows() == newest, f"{len(newest)} rows", timeout=SETTLE_S)
    assert len(newest) > 1000


def test_every_order_is_in_its_window_or_late_or_in_one_that_is_still_open(survivors: Survivors) -> None:
    pipeline = survivors.windows
    late_topic, counts_topic = (
        pipeline.topics[name] for name in ("orders-late", "flink-aggregates-event-time")
    )
    late = Counter(
        (record.value["kafka_partition"], record.value["kafka_offset"])
        for record in records.committed_json(late_topic)
    )
    assert late
    assert set(late.values()) == {1}
    expected: Counter[tuple[str, str, str]] = Counter()
    newest = 0
    for record in good(pipeline):
        if (record.partition, record.offset) not in late:
            newest = max(newest, record.value["tsMillis"])
            expected[window_of(record.value)] += 1
    found: Counter[tuple[str, str, str]] = Counter()
    for record in records.committed_json(counts_topic):
        value = record.value
        key = (value["window_start"], value["status"], value["region"])
        assert key not in found, f"{key} came twice"
        found[key] = value["order_count"]
    assert found
    for key, count in found.items():
        assert expected[key] == count, key
    still_open = {
        iso(start) for start in (newest // WINDOW_MS * WINDOW_MS, (newest - 5_000) // WINDOW_MS * WINDOW_MS)
    }
    assert {start for start, _, _ in expected.keys() - found.keys()} <= still_open


def window_of(order: dict[str, object]) -> tuple[str, str, str]:
    start = int(str(order["tsMillis"])) // WINDOW_MS * WINDOW_MS
    return iso(start), str(order["status"]), str(order["region"])


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

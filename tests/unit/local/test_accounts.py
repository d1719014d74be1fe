"""The demos' accounts: balanced only if every record is in the output exactly once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from procstream_local.demo import accounts
from procstream_local.demo.accounts import Check, Evidence
from procstream_local.demo.topics import Record

START_MS = 1_767_225_600_000
COLUMNS = {"transaction_id": "STRING", "amount": "DOUBLE", "user": "ROW<`name` STRING>"}


def records(*values: Any) -> list[Record]:
    return [Record(0, offset, value) for offset, value in enumerate(values)]


def evidence(
    read: Sequence[Any], written: Mapping[str, Sequence[Any]] | None = None, **more: Any
) -> Evidence:
    outputs = {topic: records(*values) for topic, values in (written or {}).items()}
    return Evidence(read=records(*read), written=outputs, **more)


def payment(name: str, amount: float, **more: Any) -> dict[str, Any]:
    return {"transaction_id": name, "amount": amount, **more}


class TestWellFormed:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (payment("a", 1), True),
            (payment("a", 1.5, user={"name": "x"}), True),
            (payment("a", 1.5, user=None, other="x"), True),
            ("text", False),
            ({"amount": 1.5}, False),
            ({"transaction_id": None, "amount": 1.5}, False),
            ({"transaction_id": "a", "amount": "1.5"}, False),
            ({"transaction_id": "a", "amount": True}, False),
            (payment("a", 1, user="x"), False),
        ],
    )
    def test_a_record_is_an_object_whose_fields_fit(self, value: Any, expected: bool) -> None:
        assert accounts.is_well_formed(value, COLUMNS, ["transaction_id"]) is expected

    def test_malformed_records_must_be_dead_letters_and_others_must_not(self) -> None:
        found = evidence(["text", payment("a", 1)], columns=COLUMNS, dropped=frozenset({(0, 0)}))
        assert found.mistakes == []
        assert [record.offset for record in found.good] == [1]
        assert replace(found, dropped=frozenset()).mistakes == ["1 malformed records are not dead letters"]
        both = replace(found, dropped=frozenset({(0, 0), (0, 1)}))
        assert both.mistakes == ["1 dead letters are not malformed records"]

    def test_late_records_are_not_good(self) -> None:
        found = evidence([payment("a", 1), payment("b", 1)], late=frozenset({(0, 0)}))
        assert [record.offset for record in found.good] == [1]


def alerts(*names: str) -> Evidence:
    read = [payment("a", 10), payment("b", 100), payment("c", 200)]
    written = {"fraud-alerts": [payment(name, 100) for name in names]}
    return evidence(read, written, parameters={"FRAUD_THRESHOLD": 50})


@pytest.mark.parametrize(
    ("names", "mistakes"),
    [
        ("bc", []),
        ("b", ["1 alerts missing"]),
        ("abc", ["1 alerts unexpected"]),
        ("bbc", ["1 alerts doubled"]),
    ],
)
def test_an_alert_for_each_payment_above_the_threshold(names: str, mistakes: list[str]) -> None:
    account = accounts.alerts(alerts(*names))
    assert (account.mistakes, account.balanced) == (mistakes, not mistakes)


def test_the_counts_are_one_line() -> None:
    assert accounts.alerts(alerts("b", "c")).line == "in=3 dropped=0 alerts=2 below=1 missing=0 doubled=0"


def test_an_alert_for_each_payment_that_the_rule_finds_risky() -> None:
    risky = payment("a", 20_000.0, category="travel", country="Iceland")
    read = [risky, payment("b", 10.0, category="groceries", country="Iceland")]
    assert accounts.scores(evidence(read, {"fraud-alerts-python": [risky]})).balanced
    assert not accounts.scores(evidence(read, {"fraud-alerts-python": read})).balanced
    assert accounts.scores(evidence([], {"fraud-alerts-python": []})).balanced


@pytest.mark.parametrize(("check", "rows"), [(accounts.inserted_rows, 3), (accounts.upserted_rows, 2)])
def test_a_row_for_each_event_or_for_each_id(check: Check, rows: int) -> None:
    found = evidence([{"event_id": "a"}, {"event_id": "b"}, {"event_id": "a"}], rows=rows)
    assert check(found).balanced
    for other in (rows - 1, rows + 1):
        assert check(replace(found, rows=other)).mistakes == [
            f"the table has {other} new rows, expected {rows}"
        ]


def test_the_counts_of_windows_add_up_by_status() -> None:
    read = [{"status": "new"}, {"status": "new"}, {"status": "paid"}]
    windows = [{"status": "new", "order_count": 2}, {"status": "paid", "order_count": 1}]
    check = accounts.window_counts("counts")
    assert check(evidence(read, {"counts": windows})).balanced
    assert check(evidence(read, {"counts": windows[:1]})).mistakes == ["paid: 0 counted of 1"]
    assert check(evidence(read, {"counts": [*windows, *windows[:1]]})).mistakes == ["new: 4 counted of 2"]


class TestEventTime:
    TOPIC = "flink-aggregates-event-time"

    def window(self, second: int, count: int) -> dict[str, Any]:
        start = datetime.fromtimestamp(START_MS / 1000 + second, UTC).isoformat()
        return {"window_start": start, "status": "new", "region": "eu", "order_count": count}

    def order(self, second: float) -> dict[str, Any]:
        return {"tsMillis": START_MS + round(second * 1000), "status": "new", "region": "eu"}

    def account(self, *windows: dict[str, Any]) -> accounts.Account:
        read = [self.order(second) for second in (0, 29.999, 30, 66)]
        return accounts.event_time_windows(evidence(read, {self.TOPIC: windows}))

    def test_each_closed_window_has_the_orders_of_its_time(self) -> None:
        found = self.account(self.window(0, 2), self.window(30, 1))
        assert found.balanced
        assert (found.counts["counted"], found.counts["open"]) == (3, 1)

    def test_a_closed_window_that_is_missing_is_a_mistake(self) -> None:
        [mistake] = self.account(self.window(30, 1)).mistakes
        assert mistake.endswith("0 counted of 2")

    def test_a_window_that_is_written_twice_is_a_mistake(self) -> None:
        assert not self.account(self.window(0, 1), self.window(0, 1), self.window(30, 1)).balanced


class TestCpuUse:
    def snapshot(self, second: int, busy: int, idle: int, boot: int = 1) -> dict[str, Any]:
        cpu = {"user": busy, "idle": idle, **dict.fromkeys(("nice", "system", "irq", "softirq", "steal"), 0)}
        at = datetime.fromtimestamp(START_MS / 1000 + second, UTC).isoformat()
        return {"node": "n", "timestamp": at, "boot_time": boot, "cpus": [{**cpu, "iowait": 0}]}

    def interval(self, start: int, end: int, share: float) -> dict[str, Any]:
        times = (datetime.fromtimestamp(START_MS / 1000 + second, UTC).isoformat() for second in (start, end))
        names = ("interval_start", "interval_end")
        return {"node": "n", "busy_share": share, **dict(zip(names, times, strict=True))}

    def account(self, *intervals: dict[str, Any]) -> accounts.Account:
        read = [
            self.snapshot(0, 0, 0),
            self.snapshot(1, 25, 75),
            self.snapshot(2, 0, 100, boot=2),  # a reboot
            self.snapshot(9, 100, 100, boot=2),
        ]
        return accounts.cpu_use(evidence(read, {"node-cpu": intervals, "node-cpu-alerts": []}))

    def test_each_two_snapshots_of_a_boot_are_an_interval(self) -> None:
        found = self.account(self.interval(0, 1, 0.25))
        assert found.balanced, found.mistakes
        assert (found.counts["intervals"], found.counts["open"]) == (1, 1)
        earlier = self.interval(-1, 0, 0.7)  # since a snapshot of an earlier run
        assert self.account(earlier, self.interval(0, 1, 0.25), self.interval(2, 9, 1.0)).balanced

    def test_a_wrong_share_a_missing_and_a_repeated_interval_are_mistakes(self) -> None:
        assert not self.account(self.interval(0, 1, 0.26)).balanced
        assert not self.account().balanced
        assert not self.account(self.interval(0, 1, 0.25), self.interval(0, 1, 0.25)).balanced

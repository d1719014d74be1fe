from datetime import UTC, datetime, timedelta
from typing import Any

from procstream_local.demo.cpu_plot import busy_shares

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def snapshot(second: int, **ticks: int | None) -> dict[str, Any]:
    kinds = dict.fromkeys(
        ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice"), 0
    )
    total = {"cpu": "cpu", **kinds, **ticks}
    return {"node": "n", "timestamp": START + timedelta(seconds=second), "cpus": [total]}


def test_the_share_is_that_of_the_ticks_between_two_snapshots() -> None:
    shares = busy_shares([snapshot(0, user=100, idle=900), snapshot(1, user=125, system=5, idle=970)])
    assert shares == [(START + timedelta(seconds=1), 30.0)]


def test_snapshots_are_ordered_by_their_time() -> None:
    shares = busy_shares([snapshot(1, user=10, idle=10), snapshot(0)])
    assert [share for _, share in shares] == [50.0]


def test_guest_time_is_not_counted_again() -> None:
    shares = busy_shares([snapshot(0), snapshot(1, user=50, guest=50, idle=50)])
    assert [share for _, share in shares] == [50.0]


def test_counters_that_the_kernel_does_not_report_count_as_zero() -> None:
    shares = busy_shares([snapshot(0, steal=None), snapshot(1, user=1, idle=3, steal=None)])
    assert [share for _, share in shares] == [25.0]


def test_an_interval_with_a_reset_counter_is_omitted() -> None:
    shares = busy_shares([snapshot(0, user=100, idle=100), snapshot(1, user=5), snapshot(2, user=6, idle=1)])
    assert [share for _, share in shares] == [50.0]

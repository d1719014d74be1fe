"""The demo of each pipeline: its input, its output, and the check of the result."""

from dataclasses import dataclass

from procstream_local.demo import accounts
from procstream_local.demo.accounts import Check


@dataclass(frozen=True)
class Scene:
    """A demo of one pipeline."""

    generator: tuple[str, ...]
    """Arguments of `procstream-producer`."""
    check: Check
    seconds: float = 20
    """How long to send records by default."""
    settle_seconds: float = 60
    """How long to wait for results after the last record."""
    table: str | None = None
    """The PostgreSQL table that it writes."""


_TRANSACTIONS = ("generate", "transactions", "--rate", "20", "--malformed", "0.02")
_SPLITPAY = ("generate", "splitpay", "--rate", "20", "--malformed", "0.02")
_ORDERS = ("generate", "orders", "--rate", "50", "--malformed", "0.02")

SCENES = {
    "fraud-alerts": Scene(_TRANSACTIONS, accounts.alerts),
    "fraud-alerts-python": Scene(_TRANSACTIONS, accounts.scores),
    "splitpay-events": Scene(_SPLITPAY, accounts.inserted_rows, table="events"),
    "splitpay-events-upsert": Scene(
        (*_SPLITPAY, "--repeat", "0.2"), accounts.upserted_rows, table="events_by_id"
    ),
    "order-status-counts": Scene(_ORDERS, accounts.window_counts("flink-aggregates"), seconds=45),
    "order-status-counts-sql": Scene(_ORDERS, accounts.window_counts("flink-aggregates-sql"), seconds=30),
    "order-status-counts-event-time": Scene(
        (*_ORDERS, "--late", "0.05"), accounts.event_time_windows, seconds=75
    ),
    "node-cpu": Scene(("procstat", "--interval", "0.5"), accounts.cpu_use, seconds=30),
}
"""Scenes by the name of the pipeline."""

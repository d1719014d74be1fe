"""The expected output of a pipeline, computed again from its input: an account of every record."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any

from procstream_local.demo.topics import Record

_MILLISECOND = 0.001
_ROUNDED = 0.00011


@dataclass(frozen=True)
class Evidence:
    """The records that were read and written in one run. `parameters` are the pipeline's."""

    read: Sequence[Record]
    written: Mapping[str, Sequence[Record]]
    """Records by topic."""
    rows: int = 0
    """How many rows the table got."""
    dropped: frozenset[tuple[int, int]] = frozenset()
    """Partition and offset of the dead letters."""
    late: frozenset[tuple[int, int]] = frozenset()
    """Partition and offset of the late records."""
    parameters: Mapping[str, float] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    """JSON columns that the pipeline declares, with their SQL types; empty for Avro."""
    required: Sequence[str] = ()

    @cached_property
    def malformed(self) -> frozenset[tuple[int, int]]:
        """Partition and offset of the records that must be dead letters."""
        return frozenset(
            (record.partition, record.offset)
            for record in self.read
            if not is_well_formed(record.value, self.columns, self.required)
        )

    @cached_property
    def good(self) -> list[Record]:
        """The records read that are neither malformed nor late."""
        return [
            record
            for record in self.read
            if (record.partition, record.offset) not in self.malformed | self.late
        ]

    @property
    def counts(self) -> dict[str, int]:
        """How many records were read, and how many were dropped."""
        return {"in": len(self.read), "dropped": len(self.dropped)}

    @property
    def mistakes(self) -> list[str]:
        """The mistakes in the dead letters."""
        wrong = {
            "malformed records are not dead letters": self.malformed - self.dropped,
            "dead letters are not malformed records": self.dropped - self.malformed,
        }
        return [f"{len(found)} {what}" for what, found in wrong.items() if found]


def is_well_formed(value: Any, columns: Mapping[str, str], required: Sequence[str]) -> bool:
    """Whether a record is a JSON object whose fields fit the columns, with all required fields."""
    if not isinstance(value, dict):
        return False
    if any(value.get(name) is None for name in required):
        return False
    return all(value.get(name) is None or _fits(value[name], kind) for name, kind in columns.items())


def _fits(value: Any, sql_type: str) -> bool:
    if sql_type.startswith(("DOUBLE", "BIGINT", "INT")):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, dict) if sql_type.startswith("ROW") else True


@dataclass(frozen=True)
class Account:
    """The counts to show, and whether every record is accounted for."""

    counts: Mapping[str, int]
    mistakes: Sequence[str] = ()

    @property
    def balanced(self) -> bool:
        """Whether nothing is missing, duplicated or wrong."""
        return not self.mistakes

    @property
    def line(self) -> str:
        """The counts in one line: `in=300 alerts=12 …`."""
        return " ".join(f"{name}={count}" for name, count in self.counts.items())


Check = Callable[[Evidence], Account]


def alerts(evidence: Evidence) -> Account:
    """Each transaction above the threshold is one alert; the others are none."""
    threshold = evidence.parameters["FRAUD_THRESHOLD"]
    expected = {
        record.value["transaction_id"] for record in evidence.good if record.value["amount"] > threshold
    }
    found = Counter(record.value["transaction_id"] for record in evidence.written["fraud-alerts"])
    return _set_account(evidence, "alerts", expected, found, below=len(evidence.good) - len(expected))


def scores(evidence: Evidence) -> Account:
    """Each transaction that the Python rule finds risky is one alert."""
    import pandas as pd
    from procstream_job.rules.fraud import score

    good = evidence.good
    columns = {name: pd.Series([r.value[name] for r in good]) for name in ("amount", "category", "country")}
    risks = score(columns["amount"], columns["category"], columns["country"]) if good else []
    expected = {r.value["transaction_id"] for r, risk in zip(good, risks, strict=True) if risk >= 0.5}
    found = Counter(record.value["transaction_id"] for record in evidence.written["fraud-alerts-python"])
    return _set_account(evidence, "alerts", expected, found, below=len(good) - len(expected))


def inserted_rows(evidence: Evidence) -> Account:
    """Each good event is one row."""
    counts = {**evidence.counts, "rows": evidence.rows}
    return Account(counts, evidence.mistakes + _wrong_rows(len(evidence.good), evidence.rows))


def upserted_rows(evidence: Evidence) -> Account:
    """Each event_id is one row."""
    distinct = len({record.value["event_id"] for record in evidence.good})
    repeated = len(evidence.good) - distinct
    counts = {**evidence.counts, "repeated": repeated, "rows": evidence.rows}
    return Account(counts, evidence.mistakes + _wrong_rows(distinct, evidence.rows))


def _wrong_rows(expected: int, found: int) -> list[str]:
    return [] if found == expected else [f"the table has {found} new rows, expected {expected}"]


def window_counts(topic: str) -> Check:
    """The counts of all windows add up to the good orders, by status."""

    def check(evidence: Evidence) -> Account:
        expected = Counter(record.value["status"] for record in evidence.good)
        found: Counter[str] = Counter()
        for record in evidence.written[topic]:
            found[record.value["status"]] += record.value["order_count"]
        counts = {**evidence.counts, "counted": found.total(), "windows": len(evidence.written[topic])}
        wrong = [
            f"{status}: {found[status]} counted of {expected[status]}"
            for status in expected | found
            if found[status] != expected[status]
        ]
        return Account(counts, evidence.mistakes + wrong)

    return check


def event_time_windows(evidence: Evidence) -> Account:
    """Each written window has exactly the orders of its time; orders of open windows are counted."""
    size, delay = 30_000, 5_000
    expected: Counter[tuple[int, str, str]] = Counter()
    for record in evidence.good:
        start = record.value["tsMillis"] // size * size
        expected[start, record.value["status"], record.value["region"]] += 1
    found: Counter[tuple[int, str, str]] = Counter()
    mistakes = []
    for record in evidence.written["flink-aggregates-event-time"]:
        window = (_milliseconds(record.value["window_start"]), record.value["status"], record.value["region"])
        if window in found:
            mistakes.append(f"window {window} was written twice")
        found[window] += record.value["order_count"]
    newest = max((record.value["tsMillis"] for record in evidence.good), default=0)
    open_windows = [key for key in expected if key not in found and key[0] + size > newest - delay]
    mistakes += [
        f"window {key}: {found[key]} counted of {count}"
        for key, count in expected.items()
        if found[key] != count and key not in open_windows
    ]
    counts = {
        **evidence.counts,
        "late": len(evidence.late),
        "counted": found.total(),
        "open": sum(expected[key] for key in open_windows),
        "windows": len(found),
    }
    return Account(counts, evidence.mistakes + mistakes)


def cpu_use(evidence: Evidence) -> Account:
    """Each two successive snapshots are one interval, whose share is computed again here."""
    expected = dict(_intervals(evidence.good))
    found: dict[tuple[str, int], float] = {}
    mistakes = []
    first = min((start for _, start in _starts(evidence.good)), default=0)
    for record in evidence.written["node-cpu"]:
        key = (record.value["node"], _milliseconds(record.value["interval_end"]))
        if _milliseconds(record.value["interval_start"]) < first:
            continue  # it starts with a snapshot of an earlier run
        if key in found:
            mistakes.append(f"interval {key} was written twice")
        found[key] = record.value["busy_share"]
    newest = max((end for _, end in expected), default=0)
    open_intervals = [key for key in expected if key not in found and key[1] > newest - 3_000]
    mistakes += [
        f"interval {key}: busy share {found.get(key)}, expected {share:.4f}"
        for key, share in expected.items()
        if key not in open_intervals and abs(found.get(key, -1) - share) > _ROUNDED
    ]
    counts = {
        **evidence.counts,
        "late": len(evidence.late),
        "intervals": len(found),
        "open": len(open_intervals),
        "alerts": len(evidence.written["node-cpu-alerts"]),
    }
    return Account(counts, evidence.mistakes + mistakes)


def _set_account(
    evidence: Evidence, name: str, expected: set[str], found: Counter[str], **more: int
) -> Account:
    missing = len(expected - found.keys())
    foreign = len(found.keys() - expected)
    doubled = found.total() - len(found)
    counts = {**evidence.counts, name: found.total(), **more, "missing": missing, "doubled": doubled}
    wrong = {"missing": missing, "unexpected": foreign, "doubled": doubled}
    found_wrong = [f"{count} {name} {what}" for what, count in wrong.items() if count]
    return Account(counts, evidence.mistakes + found_wrong)


def _intervals(snapshots: Iterable[Record]) -> Iterable[tuple[tuple[str, int], float]]:
    """(node, end in milliseconds) and busy share of each two successive snapshots of a boot."""
    by_node: dict[str, list[Mapping[str, Any]]] = {}
    for record in snapshots:
        by_node.setdefault(record.value["node"], []).append(record.value)
    for node, values in by_node.items():
        for before, after in pairwise(sorted(values, key=lambda value: str(value["timestamp"]))):
            (busy, idle), (busy_before, idle_before) = _ticks(after), _ticks(before)
            busy, idle = busy - busy_before, max(idle - idle_before, 0)
            if before["boot_time"] == after["boot_time"] and busy >= 0 and busy + idle > 0:
                yield (node, _milliseconds(after["timestamp"])), busy / (busy + idle)


def _starts(snapshots: Iterable[Record]) -> Iterable[tuple[str, int]]:
    return ((record.value["node"], _milliseconds(record.value["timestamp"])) for record in snapshots)


def _ticks(snapshot: Mapping[str, Any]) -> tuple[int, int]:
    cpu = snapshot["cpus"][0]
    busy = sum(cpu[name] for name in ("user", "nice", "system", "irq", "softirq", "steal"))
    return busy, cpu["idle"] + cpu["iowait"]


def _milliseconds(text: str) -> int:
    """Milliseconds since 1970 of an ISO-8601 time; without a zone it is UTC."""
    at = datetime.fromisoformat(text)
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() / _MILLISECOND)

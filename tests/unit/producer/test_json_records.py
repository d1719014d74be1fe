"""Generated JSON records: their values, the special ones among them, and that a seed repeats them."""

import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from procstream_producer.generators import Batch
from procstream_producer.generators.json_source import JsonSource
from procstream_producer.generators.orders import Orders
from procstream_producer.generators.splitpay import SplitPay
from procstream_producer.generators.transactions import Transactions

NOW_MS = 1_795_258_887_123
NOW = "2026-11-21T11:01:27.123Z"
TIMES = {"ts", "tsMillis", "occurred_at"}
EVERY = pytest.mark.parametrize("kind", [Transactions, SplitPay, Orders])


def records(source: JsonSource, count: int) -> list[Any]:
    return [json.loads(value) for value in source.batch(count, NOW_MS).values]


def without_times(value: bytes) -> Any:
    try:
        found = json.loads(value)
    except ValueError:
        return value if len(value) < 40 else value[:10]  # a truncated one may contain a time
    if isinstance(found, list):
        return [item for item in found if not re.match(r"2026-11-21T|17952588", str(item))]
    return {name: item for name, item in found.items() if name not in TIMES} if found else found


def well_formed(source: JsonSource, value: bytes) -> bool:
    """Whether a strict reader would take it."""
    try:
        record = json.loads(value)
    except ValueError:
        return False
    if not isinstance(record, dict) or source.required not in record:
        return False
    number: Any = record
    for name in source.number:
        number = number[name]
    return isinstance(number, int | float) and not isinstance(number, bool)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    match value:
        case dict():
            for name, item in value.items():
                yield from leaves(item, f"{path}.{name}")
        case list():
            for item in value:
                yield from leaves(item, f"{path}[]")
        case _:
            yield path, value


def test_a_transaction() -> None:
    found = records(Transactions(seed=1), 1000)
    for record in found:
        assert list(record) == [
            "transaction_id", "user_id", "card_type", "merchant", "category", "city", "country", "currency",
            "amount", "ts",
        ]  # fmt: skip
        assert uuid.UUID(record["transaction_id"]).version == 4
        assert record["ts"] == NOW
        assert re.fullmatch("[A-Z]{3}", record["currency"])
        assert record["amount"] > 0
        assert round(record["amount"], 2) == record["amount"]
    assert len({record["transaction_id"] for record in found}) == 1000


def test_one_transaction_in_twenty_exceeds_5000() -> None:
    amounts = [record["amount"] for record in records(Transactions(seed=1), 20_000)]
    assert 0.04 < sum(amount > 5000 for amount in amounts) / len(amounts) < 0.06
    assert sorted(amounts)[10_000] < 300, "most are small"


def test_an_order_is_at_most_a_second_out_of_order() -> None:
    found = records(Orders(seed=1), 1000)
    for record in found:
        assert list(record) == ["customer", "status", "region", "amount", "ts", "tsMillis"]
        assert 0 <= NOW_MS - record["tsMillis"] <= 1000
        assert record["ts"].endswith(f".{record['tsMillis'] % 1000:03}Z")
    assert set(Counter(record["status"] for record in found)) == {
        "created", "paid", "shipped", "delivered", "cancelled",
    }  # fmt: skip
    times = [record["tsMillis"] for record in found]
    assert times != sorted(times)


def test_a_split_bill_is_deep_and_fits_its_columns() -> None:
    found = records(SplitPay(seed=1), 2000)
    paths = {path for path, _ in leaves(found[0])}
    assert len(paths) >= 25
    assert {"user.address.city", "bill.items[].price", "split.participants[].share", "device.network.ip"} <= {
        path.removeprefix(".") for path in paths
    }
    for record in found:
        assert uuid.UUID(record["event_id"]).version == 4
        assert record["occurred_at"] == NOW
        assert 0 < len(record["user"]["name"]) <= 50
        assert len(record["location"]) <= 100
        address = record["user"]["address"]
        assert record["location"] == f"{address['city']}, {address['country']}"


def test_a_bill_adds_up() -> None:
    for record in records(SplitPay(seed=1), 2000):
        total = record["bill"]["total"]
        assert total == pytest.approx(
            sum(item["quantity"] * item["price"] for item in record["bill"]["items"])
        )
        shares = [part["share"] for part in record["split"]["participants"]]
        assert sum(shares) == pytest.approx(total)
        assert all(round(share, 2) == share > 0 for share in shares)


@pytest.mark.parametrize(
    ("kind", "key"), [(Transactions, "user_id"), (SplitPay, "event_id"), (Orders, "customer")]
)
def test_the_key_is_a_field_of_the_record(kind: type[JsonSource], key: str) -> None:
    batch = kind(seed=1).batch(100, NOW_MS)
    assert batch.keys is not None
    assert [text.decode() for text in batch.keys] == [json.loads(value)[key] for value in batch.values]


SOURCES: list[Callable[[int], JsonSource]] = [
    lambda seed: Transactions(seed=seed, malformed=0.1),
    lambda seed: SplitPay(seed=seed, malformed=0.1, repeat=0.3),
    lambda seed: Orders(seed=seed, malformed=0.1, late=0.3),
]


@pytest.mark.parametrize("make", SOURCES)
def test_a_seed_repeats_the_values_however_they_are_batched(make: Callable[[int], JsonSource]) -> None:
    def drawn(seed: int, sizes: list[int], now_ms: int) -> tuple[list[Any], list[bytes], list[str | None]]:
        source = make(seed)
        values, keys, marks = [], [], []
        for size in sizes:
            batch = source.batch(size, now_ms)
            values += [without_times(value) for value in batch.values]
            keys += batch.keys or []
            marks += [batch.marks.get(index) for index in range(size)]
        return values, keys, marks

    once = drawn(7, [500], NOW_MS)
    assert once == drawn(7, [1, 99, 400], NOW_MS)
    assert once[1:] == drawn(7, [500], NOW_MS + 86_400_000)[1:]
    assert once[1] != drawn(8, [500], NOW_MS)[1]


@EVERY
def test_without_a_seed_no_two_are_the_same(kind: type[JsonSource]) -> None:
    assert kind().batch(50, NOW_MS).values != kind().batch(50, NOW_MS).values


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@EVERY
def test_the_records_marked_malformed_are_those_that_are(kind: type[JsonSource], share: float) -> None:
    source = kind(seed=3, malformed=share)
    batch = source.batch(2000, NOW_MS)
    spoiled = {index for index, value in enumerate(batch.values) if not well_formed(source, value)}
    assert spoiled == {index for index, mark in batch.marks.items() if mark == "malformed"}
    assert len(spoiled) / 2000 == pytest.approx(share, abs=0.04 if 0 < share < 1 else 0)


def way(source: JsonSource, value: bytes) -> str:
    try:
        found = json.loads(value)
    except UnicodeDecodeError:
        return "no JSON"
    except ValueError:
        return "truncated" if value[:1] == b"{" else "no JSON" if value else "empty"
    if isinstance(found, dict):
        return "wrong type" if source.required in found else "missing field"
    return type(found).__name__


@EVERY
def test_records_are_malformed_in_every_way(kind: type[JsonSource]) -> None:
    source = kind(seed=3, malformed=1.0)
    ways = Counter(way(source, value) for value in source.batch(700, NOW_MS).values)
    assert set(ways) == {
        "truncated", "wrong type", "no JSON", "empty", "list", "missing field", "NoneType",
    }  # fmt: skip
    assert min(ways.values()) > 50


def test_a_malformed_array_has_no_record_that_could_be_read() -> None:
    values = Orders(seed=3, malformed=1.0).batch(700, NOW_MS).values
    arrays = [json.loads(value) for value in values if value[:1] == b"["]
    assert arrays
    assert not any(isinstance(item, dict) for array in arrays for item in array)


def marked(batch: Batch, mark: str | None) -> list[Any]:
    return [json.loads(value) for index, value in enumerate(batch.values) if batch.marks.get(index) == mark]


def test_a_late_order_is_half_to_all_of_the_time_late() -> None:
    batch = Orders(seed=3, late=0.2, late_by=40.0).batch(5000, NOW_MS)
    late = marked(batch, "late")
    assert len(late) == pytest.approx(1000, abs=150)
    behind = [NOW_MS - record["tsMillis"] for record in late]
    assert all(20_000 <= by <= 40_000 for by in behind)
    assert max(behind) - min(behind) > 19_000
    assert all(NOW_MS - record["tsMillis"] <= 1000 for record in marked(batch, None))


def test_a_malformed_order_is_not_late_as_well() -> None:
    batch = Orders(seed=3, malformed=0.5, late=1.0).batch(1000, NOW_MS)
    assert Counter(batch.marks.values()).total() == 1000
    assert Counter(batch.marks.values())["malformed"] == pytest.approx(500, abs=60)


def test_a_repeated_event_has_an_earlier_id_and_another_location() -> None:
    source = SplitPay(seed=3, malformed=0.1, repeat=0.4)
    latest: dict[str, Any] = {}
    repeated = 0
    for _ in range(5):
        batch = source.batch(1000, NOW_MS)
        for index, value in enumerate(batch.values):
            if (mark := batch.marks.get(index)) == "malformed":
                continue
            record = json.loads(value)
            earlier = latest.get(record["event_id"])
            assert (earlier is not None) == (mark == "repeated")
            if earlier is not None:
                repeated += 1
                assert record["location"] != earlier["location"]
                assert record["user"]["address"] != earlier["user"]["address"]
                assert record["version"] == earlier["version"] + 1
                assert record["user"]["name"] == earlier["user"]["name"]
                assert record["bill"] == earlier["bill"]
            latest[record["event_id"]] = record
    assert repeated == pytest.approx(5000 * 0.9 * 0.4, rel=0.1)


def test_the_first_event_repeats_none() -> None:
    batch = SplitPay(seed=3, repeat=1.0).batch(100, NOW_MS)
    assert [batch.marks.get(index) for index in range(3)] == [None, "repeated", "repeated"]
    assert len({record["event_id"] for record in records(SplitPay(seed=3, repeat=1.0), 100)}) == 1

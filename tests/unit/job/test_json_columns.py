import json
from typing import Any

import pytest
from procstream_job.formats.json.inference import infer_columns


def columns(*documents: Any) -> dict[str, str]:
    return infer_columns(json.dumps(document).encode() for document in documents)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "BOOLEAN"),
        (7, "BIGINT"),
        (2**63 - 1, "BIGINT"),
        (-(2**63), "BIGINT"),
        (2**63, "STRING"),  # no BIGINT holds it, and a DOUBLE would round it
        (7.5, "DOUBLE"),
        (1e300, "DOUBLE"),
        ("x", "STRING"),
        ("2026-01-31T09:00:00.000Z", "STRING"),
        (None, "STRING"),
        ([1, 2], "ARRAY<BIGINT>"),
        ([1, 2.5], "ARRAY<DOUBLE>"),
        ([], "ARRAY<STRING>"),
        ([[True]], "ARRAY<ARRAY<BOOLEAN>>"),
        ({"a": 1, "b": {"c": "x"}}, "ROW<`a` BIGINT, `b` ROW<`c` STRING>>"),
        ([{"a": 1}, {"b": 2.5}], "ARRAY<ROW<`a` BIGINT, `b` DOUBLE>>"),
        ({"a`b": 1}, "ROW<`a``b` BIGINT>"),
        ({}, "MAP<STRING, STRING>"),
    ],
)
def test_type_of_a_value(value: Any, expected: str) -> None:
    assert columns({"field": value}) == {"field": expected}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1, 2.5), "DOUBLE"),
        ((2.5, 1), "DOUBLE"),
        ((None, 1), "BIGINT"),
        ((1, "x"), "STRING"),
        ((1, True), "STRING"),
        ((1, {"a": 1}), "STRING"),
        (([1], {"a": 1}), "STRING"),
        (([1], ["x"]), "ARRAY<STRING>"),
        (([], [1]), "ARRAY<BIGINT>"),
        (({}, {"a": 1}), "ROW<`a` BIGINT>"),
        (({"a": 1}, {"a": 2.5, "b": None}), "ROW<`a` DOUBLE, `b` STRING>"),
    ],
)
def test_type_that_holds_the_values_of_several_records(values: tuple[Any, ...], expected: str) -> None:
    assert columns(*({"field": value} for value in values)) == {"field": expected}


def test_a_number_beyond_double_is_text() -> None:
    assert infer_columns([b'{"field": 1e400}']) == {"field": "STRING"}


def test_columns_are_those_of_all_records_in_the_order_they_come() -> None:
    assert list(columns({"b": 1, "a": 1}, {"c": 1, "a": 1})) == ["b", "a", "c"]


def test_what_is_no_object_is_skipped() -> None:
    records = [b"\x00\x00\x00\x00\x01avro", b"", b"[1]", b'"text"', b"{", b'{"a": NaN}', b"[" * 100_000]
    assert infer_columns(records) == {}
    assert infer_columns([*records, b'{"a": 1}']) == {"a": "BIGINT"}


def test_a_field_without_a_name_is_no_column() -> None:
    assert columns({"": 1, "a": {"": 1}}) == {"a": "MAP<STRING, STRING>"}


def test_deep_nesting_ends_in_a_text() -> None:
    nested: Any = 1
    for _ in range(400):
        nested = [nested]
    assert columns({"a": nested})["a"].endswith("ARRAY<STRING" + ">" * 15)

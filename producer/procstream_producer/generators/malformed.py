"""Malformed JSON records, as they occur in practice."""

import json
import random
from collections.abc import Callable
from typing import Any

_NO_JSON = (
    b"HTTP/1.1 502 Bad Gateway",
    b"<event><status>ok</status></event>",
    b"id=17;amount=12.50",
    b"\x80\x04\x95\xff\xfe",
)
# Also wrong for a reader that parses numbers in strings.
_NO_NUMBERS: tuple[Any, ...] = ("a lot", "12,50 EUR", True, {"value": 1}, [1, 2])


class Malformer:
    """Makes records malformed in one of seven ways, with equal probability.

    Args:
        required: the field that is removed.
        number: path of the numeric field that is replaced by another type.
        rng: selects the way.
    """

    def __init__(self, *, required: str, number: tuple[str, ...], rng: random.Random) -> None:
        self._required = required
        self._number = number
        self._rng = rng
        self._ways: tuple[Callable[[dict[str, Any]], bytes], ...] = (
            self._truncated,
            self._wrong_type,
            self._no_json,
            self._empty,
            self._array,
            self._without_required_field,
            self._null,
        )

    def spoil(self, record: dict[str, Any]) -> bytes:
        """The value to send instead of `record`, which is not changed."""
        return self._rng.choice(self._ways)(record)

    def _truncated(self, record: dict[str, Any]) -> bytes:
        value = to_json(record)
        # In its first half: some readers stop once they have all the fields that they need.
        return value[: self._rng.randint(1, len(value) // 2)]

    def _wrong_type(self, record: dict[str, Any]) -> bytes:
        return to_json(_replaced(record, self._number, self._rng.choice(_NO_NUMBERS)))

    def _no_json(self, _record: dict[str, Any]) -> bytes:
        return self._rng.choice(_NO_JSON)

    def _empty(self, _record: dict[str, Any]) -> bytes:
        return b""

    def _array(self, record: dict[str, Any]) -> bytes:
        # Of values: some readers, such as Flink, read an array of records as records.
        return to_json(list(record.values()))

    def _without_required_field(self, record: dict[str, Any]) -> bytes:
        return to_json({name: value for name, value in record.items() if name != self._required})

    def _null(self, _record: dict[str, Any]) -> bytes:
        return b"null"


def _replaced(record: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = path
    return {**record, name: _replaced(record[name], tuple(rest), value) if rest else value}


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def to_json(value: Any) -> bytes:
    """`value` as compact JSON in UTF-8."""
    return _encode(value).encode()

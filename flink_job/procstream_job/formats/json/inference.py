"""Columns of a topic of JSON records, inferred from some of them."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from procstream_job.language import sql

_MAX_DEPTH = 16
_LONG = range(-(2**63), 2**63)


def infer_columns(records: Iterable[bytes]) -> dict[str, str]:
    """Names and Flink SQL types of the fields that `records` have, in the order in which they come.

    Records that are no JSON object are skipped; without one there are no columns. Where records disagree, the
    type is the narrowest that holds all: DOUBLE for whole numbers and fractions, STRING for anything else
    (a STRING takes any value). A field that is always null is STRING. Texts stay STRING, also those that
    look like times: the format of one record may not be that of the next.
    """
    seen = _Seen()
    for record in records:
        document = _document(record)
        if isinstance(document, dict):
            seen.add(document)
    return {name: value.type for name, value in seen.fields.items()}


@dataclass
class _Seen:
    """What was seen at one place of the records."""

    depth: int = 0
    kinds: set[str] = field(default_factory=set)
    fields: dict[str, "_Seen"] = field(default_factory=dict)
    items: "_Seen | None" = None

    def add(self, value: Any) -> None:
        match value:
            case None:
                pass
            case bool():
                self.kinds.add("BOOLEAN")
            case int():
                self.kinds.add("BIGINT" if value in _LONG else "STRING")
            case float():
                self.kinds.add("DOUBLE" if math.isfinite(value) else "STRING")  # 1e400 is no DOUBLE
            case dict() if self.depth < _MAX_DEPTH:
                self.kinds.add("ROW")
                for name, inner in value.items():
                    if name:  # a column needs a name
                        self.fields.setdefault(name, _Seen(self.depth + 1)).add(inner)
            case list() if self.depth < _MAX_DEPTH:
                self.kinds.add("ARRAY")
                self.items = self.items or _Seen(self.depth + 1)
                for inner in value:
                    self.items.add(inner)
            case _:
                self.kinds.add("STRING")

    @property
    def type(self) -> str:
        """The Flink SQL type that holds all of it."""
        if self.kinds == {"BIGINT", "DOUBLE"}:
            return "DOUBLE"
        if len(self.kinds) != 1:
            return "STRING"
        if "ROW" in self.kinds:
            # A ROW has fields; of an object that was always empty nothing is known.
            inner = ", ".join(f"{sql.name(name)} {seen.type}" for name, seen in self.fields.items())
            return f"ROW<{inner}>" if inner else "MAP<STRING, STRING>"
        if self.items is not None:
            return f"ARRAY<{self.items.type}>"
        return next(iter(self.kinds))


def _document(record: bytes) -> Any:
    try:
        return json.loads(record, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> NoReturn:
    # Python reads NaN and Infinity; JSON (RFC 8259) and Flink do not.
    raise ValueError(constant)

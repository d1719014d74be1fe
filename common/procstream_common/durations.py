"""Durations as users write them: `60 s`, `500 ms`, `1 min`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_WRITTEN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*")
_PATTERN = r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*$"
_SHORTEST = timedelta(milliseconds=1)


def parse_duration(
    value: Any, *, at_least: timedelta = _SHORTEST, default_unit: str | None = None
) -> timedelta:
    """Read a number with a unit of ms, s, min (or m, as in Flink), h or d.

    A number without a unit has `default_unit`. Raises `ValueError` for anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    unit = (match[2] or default_unit) if match else None
    if match is None or unit not in _MILLISECONDS:
        raise ValueError(f"found {value!r}; expected a duration such as '60 s', '500 ms' or '1 min'")
    duration = timedelta(milliseconds=float(match[1]) * _MILLISECONDS[unit])
    if duration < at_least:
        raise ValueError(f"found {value!r}; expected a duration of {flink_duration(at_least)} or more")
    return duration


def flink_duration(duration: timedelta) -> str:
    """A duration in the format of Flink's configuration, in whole milliseconds."""
    return f"{duration // timedelta(milliseconds=1)} ms"


def _text(duration: timedelta) -> str:
    """A duration in the format that `parse_duration` reads."""
    seconds, rest = divmod(duration, timedelta(seconds=1))
    return f"{seconds} s" if not rest else flink_duration(duration)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["60 s", "500 ms", "1 min"]}),
]
"""A field for such a duration, of a settings model or a file."""

"""Durations as people write them in a pipeline file: `60 s`, `500 ms`, `1 min`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_MILLISECONDS = {"ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_PATTERN = r"^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)\s*$"


def parse_duration(value: Any) -> timedelta:
    """Read a number with a unit of ms, s, min, h or d; raises `ValueError` for anything else."""
    if isinstance(value, timedelta):
        return value
    match = re.match(_PATTERN, value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"found {value!r}; expected a duration such as '60 s', '500 ms' or '1 min'")
    duration = timedelta(milliseconds=float(match[1]) * _MILLISECONDS[match[2]])
    if duration < timedelta(milliseconds=1):
        raise ValueError(f"found {value!r}; expected a duration of 1 ms or more")
    return duration


def flink_duration(duration: timedelta) -> str:
    """Write a duration the way Flink's configuration reads it, in whole milliseconds."""
    return f"{duration // timedelta(milliseconds=1)} ms"


def _text(duration: timedelta) -> str:
    """As a file has it: what was read from this text is the same duration."""
    seconds, rest = divmod(duration, timedelta(seconds=1))
    return f"{seconds} s" if not rest else flink_duration(duration)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": _PATTERN, "examples": ["60 s", "500 ms", "1 min"]}),
]

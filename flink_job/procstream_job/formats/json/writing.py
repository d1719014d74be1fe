"""JSON values of a Kafka sink."""

from collections.abc import Sequence

from procstream_job.formats.json.options import JSON
from procstream_job.language import sql
from procstream_job.language.sql import Column

_OPTIONS = {"timestamp-format.standard": "ISO-8601"}


def json_value() -> dict[str, str]:
    """Options of a Kafka table that writes JSON values."""
    return {
        "value.format": JSON,
        **{f"value.{JSON}.{key}": value for key, value in _OPTIONS.items()},
        f"value.{JSON}.encode.decimal-as-plain-number": "true",
    }


def json_key() -> dict[str, str]:
    """Options of a Kafka table that writes JSON keys."""
    return {"key.format": JSON, **{f"key.{JSON}.{key}": value for key, value in _OPTIONS.items()}}


def number_misfit(columns: Sequence[Column]) -> str | None:
    """SQL text that names a FLOAT or DOUBLE that JSON has no number for (RFC 8259, section 6); else NULL.

    Flink would write NaN and the infinities as texts.
    """
    numbers = [column.name for column in columns if column.type.startswith(("FLOAT", "DOUBLE"))]
    if not numbers:
        return None
    # The difference is 0, or NaN. A comparison by <= would not do: its negation by the planner, >, is false
    # of NaN, too.
    lines = "\n".join(
        f"    WHEN {sql.name(name)} - {sql.name(name)} <> 0 THEN {sql.text(f'{name}: found ')}"
        f" || CAST({sql.name(name)} AS STRING) || '; expected a number of JSON'"
        for name in numbers
    )
    return f"CASE\n{lines}\n  END"

"""The format `dead-letter` around another one: a record that cannot be decoded is a row with the reason."""

from collections.abc import Mapping, Sequence

ERROR_KEY, RAW_KEY = "value.error", "value.raw"
"""Metadata of the Kafka connector with this format: why a record was not decoded, and its bytes."""


def dead_letter_options(
    value_format: str, options: Mapping[str, str], required: Sequence[str] = ()
) -> dict[str, str]:
    """Options of a Kafka table whose values are in `value_format`; `options` are those of that format.

    A record in which a column of `required` is absent or null counts as one that cannot be decoded.
    """
    return {
        "value.format": "dead-letter",
        "value.dead-letter.format": value_format,
        **({"value.dead-letter.required": ";".join(required)} if required else {}),
        **{f"value.dead-letter.{value_format}.{key}": value for key, value in options.items()},
    }

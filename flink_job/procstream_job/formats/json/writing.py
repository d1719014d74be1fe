"""JSON values of a Kafka sink."""

from procstream_job.formats.json.options import JSON, JSON_OPTIONS


def json_value() -> dict[str, str]:
    """Options of a Kafka table that writes JSON values."""
    return {
        "value.format": JSON,
        **{f"value.{JSON}.{key}": value for key, value in JSON_OPTIONS.items()},
        f"value.{JSON}.encode.decimal-as-plain-number": "true",
    }


def json_key() -> dict[str, str]:
    """Options of a Kafka table that writes JSON keys."""
    return {"key.format": JSON, **{f"key.{JSON}.{key}": value for key, value in JSON_OPTIONS.items()}}

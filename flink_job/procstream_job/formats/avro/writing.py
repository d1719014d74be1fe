"""Avro values of a Kafka sink, written with a schema that the registry has."""

from collections.abc import Mapping, Sequence

from procstream_job.formats.avro.options import AVRO
from procstream_job.language import sql
from procstream_job.language.sql import Column


def avro_value(subject: str, schema_text: str, registry: Mapping[str, str]) -> dict[str, str]:
    """Options of a Kafka table that writes Avro values; `registry` has those of Flink's format."""
    options = {**registry, "schema": schema_text, "subject": subject}
    return {"value.format": AVRO, **{f"value.{AVRO}.{key}": value for key, value in options.items()}}


def null_misfit(columns: Sequence[Column]) -> str | None:
    """SQL text that names a column that is null and must not be; NULL if there is none."""
    needed = [column for column in columns if column.type.endswith("NOT NULL")]
    if not needed:
        return None
    lines = "\n".join(
        f"    WHEN {sql.name(column.name)} IS NULL THEN"
        f" {sql.text(f'{column.name}: found null; expected {column.type}')}"
        for column in needed
    )
    return f"CASE\n{lines}\n  END"

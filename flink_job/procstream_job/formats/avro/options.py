"""Avro in a pipeline file: the columns are those of a schema in the registry."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from procstream_job.formats.avro.schema import UnreadableSchemaError, reader_schema
from procstream_job.formats.kind import Decoding, SourceError, SourceOptions
from procstream_job.language.columns import METADATA_COLUMNS
from procstream_job.language.field_types import ColumnName
from procstream_job.language.subject_schema import SubjectSchema

AVRO = "avro-confluent"
"""Flink's name of the format."""


class AvroSource(SourceOptions):
    """Records in the Confluent wire format: a schema id of the registry, then Avro."""

    format: Literal["avro"]
    subject: str | None = Field(
        None, description="Subject of the schema in the registry; by default `<topic>-value`."
    )
    columns: list[ColumnName] | None = Field(
        None, min_length=1, description="Fields to read; by default all of the registry's latest schema."
    )

    @property
    def schema_subject(self) -> str:
        """Where the registry has the schema (Confluent's TopicNameStrategy by default)."""
        return self.subject or f"{self.topic}-value"

    def decoding(self, place: str, schema: SubjectSchema, registry: Mapping[str, str]) -> Decoding:
        """The columns of the schema, or those of its fields that the file lists."""
        try:
            reader = reader_schema(schema.text, self.columns)
        except UnreadableSchemaError as error:
            raise SourceError(f"{place}: subject {self.schema_subject}: {error}") from None
        for column in reader.columns:
            if column.name in METADATA_COLUMNS:
                raise SourceError(
                    f"{place}: subject {self.schema_subject}: the field {column.name!r} has the name of"
                    " a column that every source table has; list the fields to read under columns, without it"
                )
        return Decoding(reader.columns, AVRO, avro_options(schema, registry))


def avro_options(schema: SubjectSchema, registry: Mapping[str, str]) -> dict[str, str]:
    """Options of the format: the schema that records are resolved to, and those that are not looked up."""
    known = {f"known-schemas.{number}": text for number, text in schema.by_id.items()}
    return {**registry, "schema": schema.text, **known}

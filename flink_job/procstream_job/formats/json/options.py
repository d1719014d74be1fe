"""JSON in a pipeline file: the columns are declared."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from procstream_job.formats.kind import Decoding, SourceOptions
from procstream_job.language.field_types import ColumnName, SqlType
from procstream_job.language.sql import Column
from procstream_job.language.subject_schema import SubjectSchema

JSON = "json"
"""Flink's name of the format."""
JSON_OPTIONS = {"timestamp-format.standard": "ISO-8601"}
"""Options of the format, for reading and for writing."""


class JsonSource(SourceOptions):
    """Records that are one JSON object each."""

    format: Literal["json"]
    columns: dict[ColumnName, SqlType] = Field(
        min_length=1,
        description="Fields to read and their Flink SQL types, e.g. `amount: DOUBLE`, "
        "`user: ROW<id STRING, tags ARRAY<STRING>>`. Times are ISO-8601.",
    )

    def decoding(self, place: str, schema: SubjectSchema, registry: Mapping[str, str]) -> Decoding:
        """The declared columns."""
        columns = tuple(Column(name, sql_type) for name, sql_type in self.columns.items())
        return Decoding(columns, JSON, JSON_OPTIONS)

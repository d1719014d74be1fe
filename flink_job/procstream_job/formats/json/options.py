"""JSON in a pipeline file: the columns are declared."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, model_validator

from procstream_job.formats.kind import Decoding, SourceOptions
from procstream_job.language.field_types import ColumnName, SqlType
from procstream_job.language.mistakes import did_you_mean
from procstream_job.language.part import Part
from procstream_job.language.sql import Column
from procstream_job.language.subject_schema import SubjectSchema

JSON = "json"
"""Flink's name of the format."""

Times = Literal["iso-8601", "epoch-seconds", "epoch-millis", "epoch-micros", "epoch-nanos"]
_USUAL_TIMES: Times = "iso-8601"


class JsonReading(Part):
    """How values are written in the records of a source."""

    times: Times | dict[ColumnName, Times] = Field(
        _USUAL_TIMES,
        description="How TIMESTAMP and TIMESTAMP_LTZ are written: for all columns, or by column"
        " (the others are iso-8601).",
    )

    @property
    def options(self) -> dict[str, str]:
        """Options of the format."""
        if isinstance(self.times, str):
            return {} if self.times == _USUAL_TIMES else {"times": self.times}
        return {f"times-by-column.{column}": times for column, times in self.times.items()}


class JsonSource(SourceOptions):
    """Records that are one JSON object each."""

    format: Literal["json"]
    columns: dict[ColumnName, SqlType] = Field(
        min_length=1,
        description="Fields to read and their Flink SQL types, e.g. `amount: DOUBLE`, "
        "`user: ROW<id STRING, tags ARRAY<STRING>>`.",
    )
    # Not `json`: a pydantic model has a method of that name.
    reading: JsonReading = Field(
        JsonReading(), alias="json", description="How values are written, where that is not usual."
    )

    @model_validator(mode="after")
    def _times_are_of_columns(self) -> "JsonSource":
        if not isinstance(self.reading.times, str):
            for name in self.reading.times:
                if name not in self.columns:
                    raise ValueError(
                        f"json.times: found {name!r}, which is no column{did_you_mean(name, self.columns)}"
                        f" expected some of: {', '.join(self.columns)}"
                    )
        return self

    def decoding(self, place: str, schema: SubjectSchema, registry: Mapping[str, str]) -> Decoding:
        """The declared columns."""
        columns = tuple(Column(name, sql_type) for name, sql_type in self.columns.items())
        return Decoding(columns, JSON, self.reading.options)

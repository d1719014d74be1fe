"""Sources whose columns are known, checked against the pipeline file."""

from collections.abc import Mapping
from dataclasses import dataclass

from procstream_job.file.model import Pipeline
from procstream_job.formats.kind import Decoding, EventTime, SourceError, SourceOptions
from procstream_job.language.columns import EVENT_TIME, METADATA_COLUMNS, PROCESSING_TIME
from procstream_job.language.mistakes import did_you_mean
from procstream_job.language.sql import Column
from procstream_job.language.subject_schema import SubjectSchema


@dataclass(frozen=True)
class SourceTable:
    """A source whose columns are known."""

    name: str
    topic: str
    start: str
    decoding: Decoding
    required: tuple[str, ...] = ()
    event_time: EventTime | None = None
    processing_time: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """The record's own columns."""
        return self.decoding.columns

    @property
    def place(self) -> str:
        """Where the pipeline file has it."""
        return f"sources.{self.name}"

    @property
    def visible(self) -> tuple[str, ...]:
        """Names of the columns that a query sees."""
        added = {EVENT_TIME: self.event_time is not None, PROCESSING_TIME: self.processing_time}
        own = [column.name for column in self.columns]
        return (
            *own,
            *METADATA_COLUMNS,
            *(name for name, there in added.items() if there and name not in own),
        )


def source_table(
    name: str, source: SourceOptions, schema: SubjectSchema, registry: Mapping[str, str]
) -> SourceTable:
    """The table of a source.

    `schema` is that of its subject, empty where it has none; `registry` has the options of
    Flink's `avro-confluent` format.

    Raises:
        SourceError: a column is missing, or one that a table cannot have.
    """
    place = f"sources.{name}"
    decoding = source.decoding(place, schema, registry)
    by_name = {column.name: column for column in decoding.columns}
    required = list(source.required)
    for index, column in enumerate(required):
        _check_is_column(column, by_name, f"{place}.required[{index}]")
    if source.event_time is not None:
        _check_event_time(source.event_time.column, by_name, f"{place}.event_time.column")
        if source.event_time.column not in required:
            required.append(source.event_time.column)
    if source.processing_time and PROCESSING_TIME in by_name:
        raise SourceError(f"{place}.processing_time: the records have a field of that name; expected none")
    return SourceTable(
        name,
        source.topic,
        source.start,
        decoding,
        tuple(required),
        source.event_time,
        source.processing_time,
    )


def source_tables(
    pipeline: Pipeline, schemas: Mapping[str, SubjectSchema], registry: Mapping[str, str]
) -> tuple[SourceTable, ...]:
    """The tables of a pipeline's sources; `schemas` has the schema of each subject. See `source_table`."""
    return tuple(
        source_table(name, source, schemas.get(source.schema_subject or "", SubjectSchema("")), registry)
        for name, source in pipeline.sources.items()
    )


def _check_is_column(name: str, columns: Mapping[str, Column], place: str) -> None:
    if name not in columns:
        raise SourceError(
            f"{place}: column {name!r} is not in the source{did_you_mean(name, columns)}"
            f" expected one of: {', '.join(columns)}"
        )


def _check_event_time(name: str, columns: Mapping[str, Column], place: str) -> None:
    _check_is_column(name, columns, place)
    column = columns[name]
    if not (column.is_timestamp or (column.type.upper() == "BIGINT" and name != EVENT_TIME)):
        raise SourceError(
            f"{place}: column {name!r} is {column.type}; expected a TIMESTAMP(3), TIMESTAMP_LTZ(3),"
            " or a BIGINT of milliseconds since 1970"
        )
    if EVENT_TIME in columns and name != EVENT_TIME:
        raise SourceError(
            f"{place}: the records have a field event_time already; expected column: {EVENT_TIME}"
        )

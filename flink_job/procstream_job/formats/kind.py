"""What a kind of source format is: options in the pipeline file, and how Flink decodes the records."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from procstream_common.durations import Duration
from pydantic import Field

from procstream_job.language.field_types import ColumnName, Topic
from procstream_job.language.mistakes import PlacedError
from procstream_job.language.part import Part
from procstream_job.language.sql import Column
from procstream_job.language.subject_schema import SubjectSchema


class SourceError(PlacedError):
    """A source's columns cannot be made a table."""


@dataclass(frozen=True)
class Decoding:
    """How Flink decodes the values of a topic."""

    columns: tuple[Column, ...]
    format: str
    """Flink's name of the format."""
    options: Mapping[str, str]
    """Its options, without a prefix."""


class EventTime(Part):
    """Adds the column `event_time` with a watermark to a source, for windows over the records' own time."""

    column: ColumnName = Field(
        description="The record's time: a TIMESTAMP, or a BIGINT of milliseconds since 1970."
    )
    delay: Duration = Field(
        timedelta(seconds=5),
        description="How far out of order records may arrive. A record that arrives after that is late.",
        json_schema_extra={"default": "5 s"},
    )
    idle: Duration = Field(
        timedelta(seconds=30),
        description="After this time without records, a partition no longer holds windows back.",
        json_schema_extra={"default": "30 s"},
    )


class SourceOptions(Part):
    """Options of a source of any format."""

    topic: Topic = Field(description="Kafka topic to read. It must exist.")
    required: list[ColumnName] = Field(
        [], description="A record in which one of these columns is absent or null is a dead letter."
    )
    event_time: EventTime | None = Field(
        None, description="Adds the column `event_time`, by which windows can be closed."
    )
    processing_time: bool = Field(
        False, description="Adds the column `processing_time`: the time at which Flink sees the record."
    )
    start: Literal["earliest", "latest", "committed"] = Field(
        "earliest",
        description="Where a job without state starts. `committed`: at the consumer group's offsets, or the"
        " earliest where it has none. A job restored from a checkpoint resumes from there instead.",
    )

    @property
    def schema_subject(self) -> str | None:
        """Where the registry has the schema that the columns are read from; None if they are declared."""
        return None

    @abstractmethod
    def decoding(self, place: str, schema: SubjectSchema, registry: Mapping[str, str]) -> Decoding:
        """How its records are decoded.

        `place` is the source's in the file. `schema` is that of `schema_subject`, empty without one;
        `registry` has the options of Flink's `avro-confluent` format.

        Raises:
            SourceError: the schema cannot be read, or does not fit the file.
        """

"""What a pipeline file may say. Types only: reading a file is `pipeline_file`, its job is `plan`."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from procstream_common.lake import LakePaths
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from procstream_job.durations import Duration
from procstream_job.field_types import ColumnName, Identifier, JobName, NonEmpty, SqlType, Text, Topic


class Part(BaseModel):
    """A mapping of the file; a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class _Source(Part):
    topic: Topic = Field(description="Kafka topic to read. It must exist.")
    start: Literal["earliest", "latest", "committed"] = Field(
        "earliest",
        description="Where a job without state begins. `committed`: at the consumer group's offsets, "
        "the earliest where it has none. A job restored from a checkpoint goes on from there instead.",
    )


class AvroSource(_Source):
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
        """Where the registry has the schema (Confluent's TopicNameStrategy unless told)."""
        return self.subject or f"{self.topic}-value"


class JsonSource(_Source):
    """Records that are one JSON object each."""

    format: Literal["json"]
    columns: dict[ColumnName, SqlType] = Field(
        min_length=1,
        description="Fields to read and their Flink SQL types, e.g. `amount: DOUBLE`, "
        "`user: ROW<id STRING, tags ARRAY<STRING>>`. Times are ISO-8601.",
    )


Source = Annotated[AvroSource | JsonSource, Field(discriminator="format")]


class LakeSink(Part):
    """Parquet files in folders by hour, with a commit log that proves what is in them."""

    path: NonEmpty | None = Field(
        None,
        description="Folder or object store URI of the files; by default `OUTPUT_PATH`, "
        "else `<lake>/<pipeline>/output`.",
    )
    commit_log: NonEmpty | None = Field(
        None,
        description="Folder or object store URI of the commit log; by default `WRITE_AHEAD_COMMIT_LOG_PATH`, "
        "else `<lake>/<pipeline>/write-ahead-commit-log`.",
    )
    time: NonEmpty = Field(description="Timestamp column whose UTC hour decides the folder.")

    @model_validator(mode="after")
    def _path_and_log_together(self) -> "LakeSink":
        if (self.path is None) != (self.commit_log is None):
            raise ValueError("path and commit_log go together: give both or none")
        return self


class DroppedLake(Part):
    """Where records that cannot be decoded end: Parquet with offset, error and raw bytes."""

    path: NonEmpty | None = Field(
        None,
        description="Folder or object store URI; by default `DROPPED_PATH`, "
        "else `<lake>/<pipeline>/dropped`.",
    )
    commit_log: NonEmpty | None = Field(
        None, description="Its commit log; by default `<path>/_write-ahead-commit-log`."
    )


class Sink(Part):
    """Where the query's rows go."""

    lake: LakeSink


class Dropped(Part):
    """Where records go that cannot be decoded. They are never just skipped."""

    lake: DroppedLake = DroppedLake()


class Flink(Part):
    """How the job runs."""

    parallelism: int = Field(2, ge=1, description="Subtasks of each operator; each needs a task slot.")
    checkpoint_interval: Duration = Field(
        timedelta(seconds=60),
        description="Time between checkpoints; files become visible with each one.",
        json_schema_extra={"default": "60 s"},
    )
    configuration: dict[str, Text] = Field(
        {}, description="Any other option of Flink for this job; wins over procstream's own."
    )


class Pipeline(Part):
    """A pipeline: topics in, a query, a place for its rows."""

    name: JobName = Field(description="Names the job, its consumer group and its lake.")
    description: str = Field("", description="One line for people.")
    parameters: dict[Identifier, str | bool | int | float] = Field(
        {},
        description="Defaults of `${NAME}` anywhere in the file. The environment variable of that name wins.",
    )
    sources: dict[Identifier, Source] = Field(
        min_length=1,
        description="Tables that the query may name. Each has the record's columns, kafka_topic, "
        "kafka_partition, kafka_offset and kafka_timestamp.",
    )
    query: str | None = Field(
        None,
        min_length=1,
        description="Flink SQL SELECT; by default the only source's columns. For a lake it must pass on "
        "kafka_topic, kafka_partition and kafka_offset.",
    )
    sink: Sink
    dropped: Dropped = Dropped()
    flink: Flink = Flink()

    @field_validator("query")
    @classmethod
    def _query_only_reads(cls, query: str | None) -> str | None:
        word = re.sub(r"--.*|/\*(?s:.*?)\*/|[(\s]+", " ", query or "").strip().partition(" ")[0]
        if query is not None and word.upper() not in ("SELECT", "WITH"):
            raise ValueError(f"found {word!r} first; expected a SELECT, or WITH and a SELECT")
        return query

    @model_validator(mode="after")
    def _default_query_has_one_source(self) -> "Pipeline":
        if self.query is None and len(self.sources) > 1:
            raise ValueError(f"query is missing: it is needed with {len(self.sources)} sources")
        return self

    def lake_paths(self, env: Mapping[str, str]) -> LakePaths:
        """Where the files are: the file's own paths, else those of `LakePaths.of`; folders are absolute."""
        default = LakePaths.of(self.name, env)
        return LakePaths(
            output=_absolute(self.sink.lake.path or default.output),
            commit_log=_absolute(self.sink.lake.commit_log or default.commit_log),
            dropped=_absolute(self.dropped.lake.path or default.dropped),
        )

    def dropped_commit_log(self, env: Mapping[str, str]) -> str:
        """Where the log of the dropped records is."""
        explicit = self.dropped.lake.commit_log
        return _absolute(explicit) if explicit else self.lake_paths(env).dropped_commit_log


def _absolute(path: str) -> str:
    # Flink's processes run in another folder than the command that submits the job.
    return path if re.match(r"[a-z][a-z0-9+.-]*:/", path) else str(Path(path).absolute())

"""What a pipeline file may say. Types only: reading a file is `pipeline_file`, its job is `plan`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from procstream_common.lake import LakePaths
from pydantic import BaseModel, ConfigDict, Field, model_validator

from procstream_job.language.durations import Duration
from procstream_job.language.field_types import (
    ColumnName,
    Identifier,
    JobName,
    NonEmpty,
    PythonFunction,
    Query,
    SqlType,
    TableName,
    Text,
    Topic,
)

_NO_SINK = "sink: missing; expected where the query's rows go, or outputs of a query and a sink each"


class Part(BaseModel):
    """A mapping of the file; a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class EventTime(Part):
    """Gives a source the column `event_time` with a watermark, for windows over the records' own time."""

    column: ColumnName = Field(
        description="The record's time: a TIMESTAMP, or a BIGINT of milliseconds since 1970."
    )
    delay: Duration = Field(
        timedelta(seconds=5),
        description="How far out of order records may come. What comes later than that is late.",
        json_schema_extra={"default": "5 s"},
    )
    idle: Duration = Field(
        timedelta(seconds=30),
        description="A partition without records for so long no longer holds windows back.",
        json_schema_extra={"default": "30 s"},
    )


class _Source(Part):
    topic: Topic = Field(description="Kafka topic to read. It must exist.")
    required: list[ColumnName] = Field(
        [], description="Columns without which a record is a dead letter: absent or null."
    )
    event_time: EventTime | None = Field(
        None, description="Adds the column `event_time`, by which windows can be closed."
    )
    processing_time: bool = Field(
        False, description="Adds the column `processing_time`: the time at which Flink sees the record."
    )
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


class KafkaSink(Part):
    """A topic, one record a row."""

    topic: Topic = Field(description="Kafka topic to write. It must exist.")
    format: Literal["json", "avro"] = Field(
        "json",
        description="`json`: times are ISO-8601. `avro`: Confluent's wire format, by the registry's schema.",
    )
    subject: NonEmpty | None = Field(
        None, description="Subject of the Avro schema; by default `<topic>-value`. It must be registered."
    )
    key: list[NonEmpty] | None = Field(
        None,
        min_length=1,
        description="Columns of the record's key: the text itself if it is one STRING, else a JSON object.",
    )
    delivery: Literal["exactly-once", "at-least-once"] = Field(
        "exactly-once",
        description="`exactly-once`: in transactions, which read_committed readers see with each checkpoint."
        " `at-least-once`: at once, and some twice after a failure.",
    )
    configuration: dict[str, Text] = Field(
        {}, description="Options of the Kafka producer, e.g. `linger.ms` or `transaction.timeout.ms`."
    )

    @property
    def schema_subject(self) -> str:
        """Where the registry has the schema (Confluent's TopicNameStrategy unless told)."""
        return self.subject or f"{self.topic}-value"

    @model_validator(mode="after")
    def _subject_is_for_avro(self) -> "KafkaSink":
        if self.subject is not None and self.format != "avro":
            raise ValueError(f"subject goes with format avro; found format {self.format}")
        return self


class PostgresSink(Part):
    """A table of PostgreSQL, made if it is absent. The connection is in `POSTGRES_URL`."""

    table: TableName = Field(description="Table, with or without its schema: `events`, `billing.events`.")
    mode: Literal["append", "upsert"] = Field(
        "append",
        description="`append`: each row is inserted, after a failure some twice."
        " `upsert`: a row replaces the one with its key, so a replay changes nothing.",
    )
    key: list[Identifier] | None = Field(
        None, min_length=1, description="Columns that make a row unique, for `upsert`."
    )
    columns: dict[Identifier, NonEmpty] | None = Field(
        None,
        min_length=1,
        description="Columns of a table that is made, as PostgreSQL declares them:"
        " `user_name: varchar(50) not null`. What the query does not give, such as `id: serial primary key`,"
        " PostgreSQL fills. By default those of the query.",
    )
    batch_rows: int = Field(500, ge=1, description="Rows in one batch.")
    batch_interval: Duration = Field(
        timedelta(seconds=1),
        description="A batch is written after this time even if it is not full.",
        json_schema_extra={"default": "1 s"},
    )

    @model_validator(mode="after")
    def _key_goes_with_upsert(self) -> "PostgresSink":
        if (self.mode == "upsert") != (self.key is not None):
            raise ValueError("key and mode: upsert go together: give both or none")
        return self


class PrintSink(Part):
    """The TaskManager's standard output, for trying things."""


class DroppedLake(Part):
    """Parquet with offset, error and raw bytes."""

    path: NonEmpty | None = Field(
        None,
        description="Folder or object store URI; by default `DROPPED_PATH`, "
        "else `<lake>/<pipeline>/dropped`.",
    )
    commit_log: NonEmpty | None = Field(
        None, description="Its commit log; by default `<path>/_write-ahead-commit-log`."
    )


class RecordTopic(Part):
    """A topic of JSON records, written exactly once."""

    topic: Topic = Field(description="Kafka topic to write. It must exist.")


class Sink(Part):
    """Where a query's rows go: one place or several."""

    lake: LakeSink | None = None
    kafka: KafkaSink | None = None
    postgres: PostgresSink | None = None
    print: PrintSink | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> "Sink":
        if not any((self.lake, self.kafka, self.postgres, self.print)):
            raise ValueError("found none; expected one or several of lake, kafka, postgres, print")
        return self


class Dropped(Part):
    """Where records go that cannot be decoded or stored. They are never just skipped."""

    lake: DroppedLake | None = None
    kafka: RecordTopic | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "Dropped":
        if (self.lake is None) == (self.kafka is None):
            raise ValueError("expected either lake or kafka")
        return self


class Late(Part):
    """Where records go that are behind the watermark: no window takes them any more."""

    kafka: RecordTopic


class Output(Part):
    """A query of several, and where its rows go."""

    query: Query = Field(description="Flink SQL SELECT; it may name sources and views.")
    sink: Sink


@dataclass(frozen=True)
class NamedOutput:
    """An output with the place that the pipeline file has it at (`""` or `outputs.<name>.`)."""

    name: str
    place: str
    query: str | None
    sink: Sink


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

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["sink"]}, {"required": ["outputs"]}]}
    )

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
    functions: list[PythonFunction] = Field(
        [],
        description="Python functions that queries may call, `module:name`: PyFlink's `udf`s, from an"
        " installed package or a file beside this one.",
    )
    views: dict[Identifier, Query] = Field(
        {}, description="Named SELECTs, for the queries and the views that follow."
    )
    query: Query | None = Field(
        None,
        description="Flink SQL SELECT; by default the only source's columns. For a lake it must pass on "
        "kafka_topic, kafka_partition and kafka_offset.",
    )
    sink: Sink | None = Field(None, description="Where the query's rows go.")
    outputs: dict[Identifier, Output] = Field(
        {}, description="Several queries, each with its sink, instead of `query` and `sink`."
    )
    dropped: Dropped = Dropped(lake=DroppedLake())
    late: Late | None = Field(
        None, description="Where late records go; needed when a source has an `event_time`."
    )
    flink: Flink = Flink()

    @model_validator(mode="after")
    def _outputs_or_sink(self) -> "Pipeline":
        if (self.sink is None) == (not self.outputs):
            raise ValueError("sink: found both sink and outputs; expected one" if self.sink else _NO_SINK)
        if self.outputs and self.query is not None:
            raise ValueError("query: outputs have queries of their own; name what they share under views")
        if self.sink and self.query is None and len(self.sources) > 1:
            raise ValueError(f"query is missing: it is needed with {len(self.sources)} sources")
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Pipeline":
        for name in self.views:
            if name in self.sources:
                raise ValueError(f"views.{name}: a source has that name; expected another")
        return self

    @model_validator(mode="after")
    def _late_goes_with_event_time(self) -> "Pipeline":
        timed = [name for name, source in self.sources.items() if source.event_time]
        if timed and self.late is None:
            raise ValueError(
                f"late: missing; sources.{timed[0]} has an event_time, so records can be late;"
                " expected kafka: {topic: …} for them"
            )
        if self.late is not None and not timed:
            raise ValueError("late: no source has an event_time, so nothing can be late; expected none")
        return self

    @model_validator(mode="after")
    def _lake_is_provable(self) -> "Pipeline":
        lakes = [output.place for output in self.all_outputs if output.sink.lake]
        if len(lakes) > 1:
            raise ValueError(f"{lakes[1]}sink.lake: a pipeline has one lake; {lakes[0]}sink.lake is there")
        if lakes and self.dropped.lake is None:
            raise ValueError("dropped.kafka: a lake's proof counts dropped records; expected dropped.lake")
        if lakes and self.late is not None:
            raise ValueError("late: a lake's proof needs every record; expected no event_time beside a lake")
        return self

    @property
    def all_outputs(self) -> tuple[NamedOutput, ...]:
        """Its outputs; a pipeline with one query calls it `result`."""
        if self.sink is not None:
            return (NamedOutput("result", "", self.query, self.sink),)
        return tuple(
            NamedOutput(name, f"outputs.{name}.", output.query, output.sink)
            for name, output in self.outputs.items()
        )

    def with_flags(
        self, parallelism: int | None = None, checkpoint_interval: timedelta | None = None
    ) -> "Pipeline":
        """The same pipeline, run with these instead of what the file sets under `flink`."""
        flags = {"parallelism": parallelism, "checkpoint_interval": checkpoint_interval}
        given = {name: value for name, value in flags.items() if value is not None}
        return self.model_copy(update={"flink": self.flink.model_copy(update=given)})

    @property
    def lake(self) -> LakeSink | None:
        """Its lake, if it has one."""
        return next((output.sink.lake for output in self.all_outputs if output.sink.lake), None)

    def lake_paths(self, env: Mapping[str, str]) -> LakePaths:
        """Where the files are: the file's own paths, else those of `LakePaths.of`; folders are absolute."""
        default = LakePaths.of(self.name, env)
        own, dropped = self.lake, self.dropped.lake
        return LakePaths(
            output=_absolute((own and own.path) or default.output),
            commit_log=_absolute((own and own.commit_log) or default.commit_log),
            dropped=_absolute((dropped and dropped.path) or default.dropped),
        )

    def dropped_commit_log(self, env: Mapping[str, str]) -> str:
        """Where the log of the dropped records is, if they go to a lake."""
        explicit = self.dropped.lake and self.dropped.lake.commit_log
        return _absolute(explicit) if explicit else self.lake_paths(env).dropped_commit_log


def _absolute(path: str) -> str:
    # Flink's processes run in another folder than the command that submits the job.
    return path if re.match(r"[a-z][a-z0-9+.-]*:/", path) else str(Path(path).absolute())

"""What a pipeline file may contain. Reading one is `reading`, its job is the room `plan`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from procstream_common.durations import Duration
from procstream_common.lake import LakePaths
from pydantic import ConfigDict, Field, model_validator

from procstream_job.formats.source import Source
from procstream_job.language.field_types import Identifier, JobName, PythonFunction, Query, Text
from procstream_job.language.part import Part
from procstream_job.sinks.kafka.options import RecordTopic
from procstream_job.sinks.lake.options import DroppedLake, LakeSink
from procstream_job.sinks.sink import Sink

_NO_SINK = "sink: missing; expected where the query's rows go, or outputs of a query and a sink each"


class Dropped(Part):
    """Where records go that cannot be decoded or stored. None is skipped silently."""

    lake: DroppedLake | None = None
    kafka: RecordTopic | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "Dropped":
        if (self.lake is None) == (self.kafka is None):
            raise ValueError("expected either lake or kafka")
        return self


class Late(Part):
    """Where records go that are behind the watermark: their windows are closed."""

    kafka: RecordTopic


class Output(Part):
    """A query of several, and where its rows go."""

    query: Query = Field(description="Flink SQL SELECT; it may name sources and views.")
    sink: Sink


@dataclass(frozen=True)
class NamedOutput:
    """An output, and the beginning of its places in the file: empty, or `outputs.<name>.`"""

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
            raise ValueError(f"{lakes[1]}sink.lake: a pipeline has one lake; found {lakes[0]}sink.lake too")
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

"""From a pipeline to Flink SQL and configuration. Pure: nothing here asks Kafka, the registry or Flink.

Each source is read by one table, whatever becomes of its records: the query takes those that could be
decoded, and the dropped lake takes the others. All inserts go into one statement set, so that Flink
reads a topic once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from procstream_common.lake import LakePaths

from procstream_job import sql
from procstream_job.columns import LINEAGE_COLUMNS, METADATA_COLUMNS
from procstream_job.configuration import flink_configuration
from procstream_job.lake import lake_columns, lake_table
from procstream_job.model import Pipeline
from procstream_job.sources import (
    DROPPED_COLUMNS,
    RAW_DATABASE,
    SourceTable,
    dropped_query,
    source_statements,
)
from procstream_job.sql import Column, Statement

_SINKS = "sinks"
_LAKE = f"{sql.name(_SINKS)}.`lake`"
_DROPPED = f"{sql.name(_SINKS)}.`dropped`"

RESULT_VIEW = "query_result"
"""What the query is registered as, for the inserts of `Outputs`."""


@dataclass(frozen=True)
class Outputs:
    """The tables that rows go to, and the statements that send them there."""

    tables: tuple[Statement, ...]
    inserts: tuple[Statement, ...]


@dataclass(frozen=True)
class JobPlan:
    """A job, but for the tables of its sinks: their columns are known once Flink has read the query."""

    pipeline: Pipeline
    configuration: Mapping[str, str]
    sources: tuple[SourceTable, ...]
    tables: tuple[Statement, ...]
    query: Statement
    paths: LakePaths
    dropped_commit_log: str

    @property
    def names(self) -> frozenset[str]:
        """Names that the query may use: of tables and their columns."""
        return frozenset(
            name
            for source in self.sources
            for name in (source.name, *METADATA_COLUMNS, *(column.name for column in source.columns))
        )

    def outputs(self, result: Sequence[Column]) -> Outputs:
        """Where the rows go, given the columns of `RESULT_VIEW`.

        Raises:
            LakeError: the result lacks what a lake needs.
        """
        time = self.pipeline.sink.lake.time
        columns = lake_columns(result, time)
        names = sql.names(column.name for column in columns)
        dropped = "\nUNION ALL\n".join(dropped_query(source) for source in self.sources)
        return Outputs(
            tables=(
                Statement("sink", f"CREATE DATABASE {sql.name(_SINKS)}"),
                Statement(
                    "sink.lake",
                    lake_table(_LAKE, columns, self.paths.output, self.paths.commit_log, time),
                ),
                Statement(
                    "dropped.lake",
                    lake_table(_DROPPED, DROPPED_COLUMNS, self.paths.dropped, self.dropped_commit_log),
                ),
            ),
            inserts=(
                Statement("query", f"INSERT INTO {_LAKE}\nSELECT {names}\nFROM {sql.name(RESULT_VIEW)}"),
                Statement("dropped.lake", f"INSERT INTO {_DROPPED}\n{dropped}"),
            ),
        )


def plan_job(
    pipeline: Pipeline,
    sources: Sequence[SourceTable],
    *,
    kafka: Mapping[str, str],
    env: Mapping[str, str],
    overrides: Mapping[str, str] | None = None,
) -> JobPlan:
    """The job of a pipeline whose sources' columns are known.

    `kafka` has the properties of a Kafka Java client, `env` may say where the lake is, `overrides` are
    Flink options that win over all others.

    Raises:
        LakeError: the pipeline has no query of its own, and its source lacks what a lake needs.
    """
    group = f"procstream-{pipeline.name}"
    tables = [Statement("sources", f"CREATE DATABASE {sql.name(RAW_DATABASE)}")]
    for source in sources:
        tables += source_statements(source, group, kafka)
    if pipeline.query is None:
        lake_columns(_default_result(sources[0]), pipeline.sink.lake.time)  # told before Flink is started
    return JobPlan(
        pipeline=pipeline,
        configuration=flink_configuration(pipeline, overrides),
        sources=tuple(sources),
        tables=tuple(tables),
        query=Statement("query", pipeline.query or _default_query(sources[0])),
        paths=pipeline.lake_paths(env),
        dropped_commit_log=pipeline.dropped_commit_log(env),
    )


def _default_result(source: SourceTable) -> list[Column]:
    return [*source.columns, *(Column(name, sql_type) for name, sql_type in LINEAGE_COLUMNS.items())]


def _default_query(source: SourceTable) -> str:
    columns = sql.names(column.name for column in _default_result(source))
    return f"SELECT {columns}\nFROM {sql.name(source.name)}"

"""From a pipeline to Flink SQL and configuration. Pure: nothing here asks Kafka, the registry or Flink.

Each source is read by one table, whatever becomes of its records: the queries take those that could be
decoded, the dropped place takes the others. All inserts go into one statement set, so that Flink reads a
topic once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from procstream_common.lake import LakePaths

from procstream_job.file.model import NamedOutput, Pipeline
from procstream_job.language import sql
from procstream_job.language.columns import LINEAGE_COLUMNS
from procstream_job.language.sql import Column, Statement
from procstream_job.plan.configuration import flink_configuration
from procstream_job.plan.outputs import (
    RESULTS,
    Connections,
    EnsureTable,
    Outputs,
    Result,
    plan_outputs,
    result_view,
)
from procstream_job.plan.sources import DATABASES, SourceTable, source_steps
from procstream_job.plan.steps import Step, View
from procstream_job.sinks.lake.table import lake_columns


@dataclass(frozen=True)
class JobPlan:
    """A job, but for the tables of its sinks: their columns are known once Flink has read the queries."""

    pipeline: Pipeline
    configuration: Mapping[str, str]
    sources: tuple[SourceTable, ...]
    steps: tuple[Step, ...]
    """What makes the tables and views that the queries name."""
    queries: Mapping[str, View]
    """The query of each output, under the output's name."""
    connections: Connections
    env: Mapping[str, str]
    folder: Path | None = None
    """Folder of the pipeline file, where its Python functions may be; None for one that ships."""

    @property
    def paths(self) -> LakePaths:
        """Where its lakes are, if it has any."""
        return self.pipeline.lake_paths(self.env)

    @property
    def names(self) -> frozenset[str]:
        """Names that a query may use: of tables and their columns."""
        return frozenset(
            [
                *self.pipeline.views,
                *(name for source in self.sources for name in (source.name, *source.visible)),
            ]
        )

    def outputs(self, results: Mapping[str, Result], ensure_table: EnsureTable) -> Outputs:
        """Where the rows go, given what the queries give; raises what `plan_outputs` raises."""
        return plan_outputs(self.pipeline, self.sources, results, self.connections, self.env, ensure_table)


def plan_job(
    pipeline: Pipeline,
    sources: Sequence[SourceTable],
    connections: Connections,
    *,
    env: Mapping[str, str],
    overrides: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> JobPlan:
    """The job of a pipeline whose sources' columns are known.

    `env` may say where the lake is, `overrides` are Flink options that win over all others.

    Raises:
        LakeError: the pipeline has no query of its own, and its source lacks what a lake needs.
    """
    group = f"procstream-{pipeline.name}"
    steps: list[Step] = [
        Statement("sources", f"CREATE DATABASE {sql.name(name)}") for name in (*DATABASES, RESULTS)
    ]
    for source in sources:
        steps += source_steps(source, group, connections.kafka)
    steps += [
        View(sql.name(name), Statement(f"views.{name}", select)) for name, select in pipeline.views.items()
    ]
    return JobPlan(
        pipeline=pipeline,
        configuration=flink_configuration(pipeline, overrides),
        sources=tuple(sources),
        steps=tuple(steps),
        queries={output.name: _query(output, sources) for output in pipeline.all_outputs},
        connections=connections,
        env=dict(env),
        folder=folder,
    )


def _query(output: NamedOutput, sources: Sequence[SourceTable]) -> View:
    text = output.query or _default_query(output, sources[0])
    return View(result_view(output), Statement(f"{output.place}query", text))


def _default_query(output: NamedOutput, source: SourceTable) -> str:
    columns = list(source.columns)
    if output.sink.lake:
        columns += [Column(name, sql_type) for name, sql_type in LINEAGE_COLUMNS.items()]
        lake_columns(columns, output.sink.lake.time)  # told before Flink is started
    return f"SELECT {sql.names(column.name for column in columns)}\nFROM {sql.name(source.name)}"

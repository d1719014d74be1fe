"""From a pipeline to Flink SQL and configuration. Pure: nothing here calls Kafka, the registry or Flink.

One table reads each source, whatever becomes of its records: the queries see those that could be decoded, the
others are dropped records. All inserts go into one statement set, so that Flink reads a topic once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from procstream_common.lake import LakePaths

from procstream_job.file.model import NamedOutput, Pipeline
from procstream_job.language import sql
from procstream_job.language.sql import Column, Statement
from procstream_job.plan.configuration import flink_configuration
from procstream_job.plan.outputs import RESULTS, Outputs, external_tables, plan_outputs, result_view
from procstream_job.plan.source_sql import DATABASES, source_steps
from procstream_job.plan.sources import SourceTable
from procstream_job.plan.steps import Step, View
from procstream_job.sinks.kind import Connections, ExternalTable, Result, StoredColumn


@dataclass(frozen=True)
class JobPlan:
    """A job without the tables of its sinks: their columns are known once Flink has parsed the queries."""

    pipeline: Pipeline
    configuration: Mapping[str, str]
    sources: tuple[SourceTable, ...]
    steps: tuple[Step, ...]
    """The statements for the tables and views that the queries name."""
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

    @property
    def destinations(self) -> tuple[str, ...]:
        """Where its rows go, in a few words each."""
        return tuple(
            sink.destination(self.paths)
            for output in self.pipeline.all_outputs
            for sink in output.sink.chosen.values()
        )

    def external_tables(self, results: Mapping[str, Result]) -> dict[str, ExternalTable]:
        """Tables that must exist in other systems, by their places in the file.

        `results` has what each query returns. Raises `PlacedError` when one does not fit its sink.
        """
        return external_tables(self.pipeline, results)

    def outputs(self, results: Mapping[str, Result], stored: Mapping[str, Sequence[StoredColumn]]) -> Outputs:
        """Where the rows go; `stored` has the columns of the `external_tables`, by the same places.

        Raises what `plan_outputs` raises.
        """
        return plan_outputs(self.pipeline, self.sources, results, stored, self.connections, self.env)


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

    `env` may have the paths of the lake, `overrides` are Flink options that win over all others.

    Raises:
        PlacedError: the pipeline has no query of its own, and its source lacks what its sink needs.
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
    columns: Sequence[Column] = source.columns
    for sink in output.sink.chosen.values():
        columns = sink.default_columns(columns)
    return f"SELECT {sql.names(column.name for column in columns)}\nFROM {sql.name(source.name)}"

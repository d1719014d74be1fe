"""Where the rows of a job go: tables of its sinks, and the statements that insert into them.

Rows that a sink would refuse go to the dropped records with the reason: a sink that throws would stop the job
at the same row again and again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from procstream_job.file.model import NamedOutput, Pipeline
from procstream_job.formats.json.writing import json_value
from procstream_job.language import sql
from procstream_job.language.columns import LINEAGE_COLUMNS
from procstream_job.language.mistakes import PlacedError
from procstream_job.language.sql import Column, Statement
from procstream_job.plan.source_sql import DROPPED_COLUMNS, dropped_query, late_columns, late_query
from procstream_job.plan.sources import SourceTable
from procstream_job.sinks.kafka.table import client_id, kafka_table
from procstream_job.sinks.kind import Connections, ExternalTable, Placement, Result, SinkOptions, StoredColumn
from procstream_job.sinks.lake.table import lake_table

RESULTS = "results"
"""Database of the views that the queries of the outputs are registered as."""

_SINKS = "sinks"
_DROPPED = f"`{_SINKS}`.`dropped`"
_PIPELINE = Column("pipeline", "STRING")  # a topic of dropped records may be that of many pipelines


class UpdatingQueryError(PlacedError):
    """A query changes rows that it returned before, which its sink cannot."""


@dataclass(frozen=True)
class Outputs:
    """The tables that rows go to, and the statements that insert into them."""

    tables: tuple[Statement, ...]
    inserts: tuple[Statement, ...]
    configuration: Mapping[str, str] = field(default_factory=dict)
    """Options of the planner that they need."""


def external_tables(pipeline: Pipeline, results: Mapping[str, Result]) -> dict[str, ExternalTable]:
    """Tables that must exist in other systems, by their places in the file.

    Raises:
        PlacedError: a result does not fit its sink.
    """
    tables = {}
    for output in pipeline.all_outputs:
        result = results[output.name]
        for kind, sink in output.sink.chosen.items():
            place = sink_place(output, kind)
            _check_updates(sink, result, place)
            table = sink.external_table(result, place)
            if table is not None:
                tables[place] = table
    return tables


def plan_outputs(
    pipeline: Pipeline,
    sources: Sequence[SourceTable],
    results: Mapping[str, Result],
    stored: Mapping[str, Sequence[StoredColumn]],
    connections: Connections,
    env: Mapping[str, str],
) -> Outputs:
    """Tables and inserts of a pipeline whose queries return `results`.

    `stored` has the columns of the `external_tables`, by the same places.

    Raises:
        PlacedError: a result does not fit its sink.
    """
    planner = _Planner(pipeline, connections, env)
    for output in pipeline.all_outputs:
        for kind in output.sink.chosen:
            planner.add(output, kind, results[output.name], stored.get(sink_place(output, kind), ()))
    planner.add_late(sources)
    planner.add_dropped(sources)
    return Outputs(tuple(planner.tables), tuple(planner.inserts), planner.configuration)


class _Planner:
    def __init__(self, pipeline: Pipeline, connections: Connections, env: Mapping[str, str]) -> None:
        self._pipeline = pipeline
        self._connections = connections
        self._env = env
        self._paths = pipeline.lake_paths(env)
        self._refused: list[str] = []
        self.tables = [Statement("sink", f"CREATE DATABASE {sql.name(_SINKS)}")]
        self.inserts: list[Statement] = []
        self.configuration: dict[str, str] = {}

    def add(self, output: NamedOutput, kind: str, result: Result, stored: Sequence[StoredColumn]) -> None:
        sink, at = output.sink.chosen[kind], self._placement(output, kind)
        _check_updates(sink, result, at.place)
        table = sink.flink_table(result, at, stored)
        self.tables.append(Statement(at.place, table.create))
        self.configuration |= table.configuration
        view = result_view(output)
        insert = f"INSERT INTO {at.table}\nSELECT {table.select}\nFROM {view}"
        if table.misfit:
            insert += f"\nWHERE ({table.misfit}) IS NULL"
            self._refused.append(_refused_query(view, result.columns, table.misfit))
        self.inserts.append(Statement(at.query_place, insert))

    def add_late(self, sources: Sequence[SourceTable]) -> None:
        if self._pipeline.late is None:
            return
        place, topic = "late.kafka", self._pipeline.late.kafka.topic
        for source in sources:
            if source.event_time:
                table = f"`{_SINKS}`.{sql.name(f'late_{source.name}')}"
                columns = late_columns(source)
                self._records_to_topic(place, table, columns, topic, f"late.{source.name}")
                self.inserts.append(Statement(place, f"INSERT INTO {table}\n{late_query(source)}"))

    def add_dropped(self, sources: Sequence[SourceTable]) -> None:
        dropped = self._pipeline.dropped
        query = "\nUNION ALL\n".join([*map(dropped_query, sources), *self._refused])
        if dropped.kafka:
            place, columns = "dropped.kafka", (_PIPELINE, *DROPPED_COLUMNS)
            self._records_to_topic(place, _DROPPED, columns, dropped.kafka.topic, "dropped")
            query = f"SELECT {sql.text(self._pipeline.name)}, letters.*\nFROM (\n{query}\n) AS letters"
        else:
            place = "dropped.lake"
            log = self._pipeline.dropped_commit_log(self._env)
            create = lake_table(_DROPPED, DROPPED_COLUMNS, self._paths.dropped, log)
            self.tables.append(Statement(place, create))
        self.inserts.append(Statement(place, f"INSERT INTO {_DROPPED}\n{query}"))

    def _placement(self, output: NamedOutput, kind: str) -> Placement:
        return Placement(
            pipeline=self._pipeline.name,
            output=output.name,
            place=sink_place(output, kind),
            query_place=f"{output.place}query",
            table=f"`{_SINKS}`.{sql.name(f'{output.name}_{kind}')}",
            paths=self._paths,
            connections=self._connections,
            env=self._env,
        )

    def _records_to_topic(
        self, place: str, table: str, columns: Sequence[Column], topic: str, role: str
    ) -> None:
        kafka, client = self._connections.kafka, client_id(self._pipeline.name, role)
        create = kafka_table(table, columns, topic, json_value(), kafka=kafka, client_id=client)
        self.tables.append(Statement(place, create))


def result_view(output: NamedOutput) -> str:
    """The view that an output's query is registered as, in SQL."""
    return f"`{RESULTS}`.{sql.name(output.name)}"


def sink_place(output: NamedOutput, kind: str) -> str:
    """Where the pipeline file has a sink."""
    return f"{output.place}sink.{kind}"


def _check_updates(sink: SinkOptions, result: Result, place: str) -> None:
    if result.updating and not sink.accepts_updates:
        raise UpdatingQueryError(
            f"{place}: the query changes rows that it returned before, and this sink only appends; expected a"
            " window (TUMBLE, HOP, SESSION) in the query, or postgres with mode: upsert"
        )


def _refused_query(view: str, result: Sequence[Column], misfit: str) -> str:
    """SELECT of a query's rows that a sink would refuse, with `DROPPED_COLUMNS`; `raw` is the row as JSON."""
    names = {column.name for column in result}
    lineage = ", ".join(
        sql.name(name) if name in names else f"CAST(NULL AS {sql_type})"
        for name, sql_type in LINEAGE_COLUMNS.items()
    )
    fields = ", ".join(
        f"KEY {sql.text(column.name)} VALUE CAST({sql.name(column.name)} AS STRING)"
        for column in result
        if column.name not in LINEAGE_COLUMNS
    )
    return (
        f"SELECT {lineage}, 'REFUSED_BY_SINK: ' || ({misfit}), ENCODE(JSON_OBJECT({fields}), 'UTF-8')\n"
        f"FROM {view}\n"
        f"WHERE ({misfit}) IS NOT NULL"
    )

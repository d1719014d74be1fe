"""Where the rows of a job go: its sinks' tables and the statements that send rows there.

Rows that a sink would refuse go to the dropped records with the reason: a sink that throws would stop the job
at the same row again and again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from procstream_job.file.model import KafkaSink, NamedOutput, Pipeline
from procstream_job.formats.avro.schema import writer_columns
from procstream_job.language import sql
from procstream_job.language.columns import LINEAGE_COLUMNS
from procstream_job.language.mistakes import PlacedError
from procstream_job.language.sql import Column, Statement
from procstream_job.plan.sources import DROPPED_COLUMNS, SourceTable, dropped_query, late_columns, late_query
from procstream_job.sinks.kafka.table import kafka_table, key_columns, matching_columns
from procstream_job.sinks.lake.table import lake_columns, lake_table
from procstream_job.sinks.postgres.table import (
    PostgresTable,
    TableColumn,
    postgres_table,
    selected,
    stored_columns,
)

RESULTS = "results"
"""Database of the views that the queries of the outputs are registered as."""

_SINKS = "sinks"
_DROPPED = f"`{_SINKS}`.`dropped`"
_PIPELINE = Column("pipeline", "STRING")  # a topic of dropped records may be that of many pipelines


class UpdatingQueryError(PlacedError):
    """A query changes rows that it gave before, which its sink cannot."""


@dataclass(frozen=True)
class Result:
    """What a query gives."""

    columns: tuple[Column, ...]
    updating: bool = False
    """It may change a row that it gave before, as a GROUP BY without a window does."""


@dataclass(frozen=True)
class Connections:
    """How sinks reach their servers, as options of Flink's connectors."""

    kafka: Mapping[str, str] = field(default_factory=dict)
    """Properties of a Kafka Java client."""
    registry: Mapping[str, str] = field(default_factory=dict)
    """Options of the `avro-confluent` format."""
    jdbc: Mapping[str, str] = field(default_factory=dict)
    """Options of the `postgres` connector."""
    schemas: Mapping[str, str] = field(default_factory=dict)
    """Avro schemas of the subjects that sinks write."""


@dataclass(frozen=True)
class Outputs:
    """The tables that rows go to, and the statements that send them there."""

    tables: tuple[Statement, ...]
    inserts: tuple[Statement, ...]
    configuration: Mapping[str, str] = field(default_factory=dict)
    """Options of the planner that they need."""


EnsureTable = Callable[[PostgresTable], Sequence[TableColumn]]
"""Makes a table of PostgreSQL if it is absent, and tells its columns."""


def plan_outputs(
    pipeline: Pipeline,
    sources: Sequence[SourceTable],
    results: Mapping[str, Result],
    connections: Connections,
    env: Mapping[str, str],
    ensure_table: EnsureTable,
) -> Outputs:
    """Tables and inserts of a pipeline whose queries give `results`.

    Raises:
        PlacedError: a result does not fit its sink.
    """
    planner = _Planner(pipeline, connections, env, ensure_table)
    for output in pipeline.all_outputs:
        planner.add(output, results[output.name])
    planner.add_late(sources)
    planner.add_dropped(sources)
    return Outputs(tuple(planner.tables), tuple(planner.inserts), planner.configuration)


class _Planner:
    def __init__(
        self, pipeline: Pipeline, connections: Connections, env: Mapping[str, str], ensure_table: EnsureTable
    ) -> None:
        self._pipeline = pipeline
        self._connections = connections
        self._paths = pipeline.lake_paths(env)
        self._dropped_commit_log = pipeline.dropped_commit_log(env)
        self._ensure_table = ensure_table
        self._refused: list[str] = []
        self.tables = [Statement("sink", f"CREATE DATABASE {sql.name(_SINKS)}")]
        self.inserts: list[Statement] = []
        self.configuration: dict[str, str] = {}

    def add(self, output: NamedOutput, result: Result) -> None:
        sink, place = output.sink, f"{output.place}sink"
        if sink.lake:
            self._refuse_updates(result, f"{place}.lake")
            columns = lake_columns(result.columns, sink.lake.time, f"{output.place}query", f"{place}.lake")
            lake = (self._paths.output, self._paths.commit_log, sink.lake.time)
            self._table(f"{place}.lake", lake_table(_table(output, "lake"), columns, *lake))
            self._insert(output, "lake", sql.names(column.name for column in columns))
        if sink.kafka:
            self._refuse_updates(result, f"{place}.kafka")
            self._add_kafka(output, sink.kafka, result.columns)
        if sink.postgres:
            if sink.postgres.mode == "append":
                self._refuse_updates(result, f"{place}.postgres")
            self._add_postgres(output, result)
        if sink.print:
            options = {"connector": "print", "print-identifier": f"{self._pipeline.name} {output.name}"}
            lines = [f"{sql.name(column.name)} {column.type}" for column in result.columns]
            self._table(f"{place}.print", sql.create_table(_table(output, "print"), lines, options))
            self._insert(output, "print", sql.names(column.name for column in result.columns))

    def add_late(self, sources: Sequence[SourceTable]) -> None:
        if self._pipeline.late is None:
            return
        topic = self._pipeline.late.kafka.topic
        for source in sources:
            if source.event_time:
                table = f"`{_SINKS}`.{sql.name(f'late_{source.name}')}"
                sink = KafkaSink(topic=topic)
                self._kafka_table("late.kafka", table, late_columns(source), sink, f"late.{source.name}")
                self.inserts.append(Statement("late.kafka", f"INSERT INTO {table}\n{late_query(source)}"))

    def add_dropped(self, sources: Sequence[SourceTable]) -> None:
        dropped = self._pipeline.dropped
        query = "\nUNION ALL\n".join([*map(dropped_query, sources), *self._refused])
        if dropped.kafka:
            place, sink = "dropped.kafka", KafkaSink(topic=dropped.kafka.topic)
            self._kafka_table(place, _DROPPED, (_PIPELINE, *DROPPED_COLUMNS), sink, "dropped")
            query = f"SELECT {sql.text(self._pipeline.name)}, letters.*\nFROM (\n{query}\n) AS letters"
        else:
            place = "dropped.lake"
            paths = (self._paths.dropped, self._dropped_commit_log)
            self._table(place, lake_table(_DROPPED, DROPPED_COLUMNS, *paths))
        self.inserts.append(Statement(place, f"INSERT INTO {_DROPPED}\n{query}"))

    def _add_kafka(self, output: NamedOutput, sink: KafkaSink, result: Sequence[Column]) -> None:
        place = f"{output.place}sink.kafka"
        columns, avro, misfit = tuple(result), None, None
        if sink.format == "avro":
            text = self._connections.schemas[sink.schema_subject]
            columns = matching_columns(result, writer_columns(text), f"subject {sink.schema_subject}", place)
            avro = {**self._connections.registry, "schema": text}
            misfit = _null_misfit(columns)
        key = key_columns(result, sink.key or (), place)
        self._kafka_table(place, _table(output, "kafka"), columns, sink, f"outputs.{output.name}", key, avro)
        self._insert(output, "kafka", sql.names(column.name for column in columns), misfit, result)

    def _add_postgres(self, output: NamedOutput, result: Result) -> None:
        sink, place = output.sink.postgres, f"{output.place}sink.postgres"
        assert sink is not None  # noqa: S101 - for the type checker
        columns = stored_columns(result.columns, sink, place)
        table = PostgresTable(place, sink, columns)
        found = self._ensure_table(table)
        self._table(place, postgres_table(_table(output, "postgres"), columns, sink, self._connections.jdbc))
        # Rows that are taken back cannot go to the dropped ones; the table's own rules then stop the job.
        misfit = None if result.updating else table.misfit(found)
        self._insert(output, "postgres", selected(columns), misfit, result.columns)
        if sink.key and not result.updating:
            # The table replaces rows by itself; Flink would keep all that ever came to do the same.
            self.configuration |= {
                "table.exec.sink.upsert-materialize": "NONE",
                "table.exec.sink.require-on-conflict": "false",
            }

    def _kafka_table(
        self,
        place: str,
        table: str,
        columns: Sequence[Column],
        sink: KafkaSink,
        role: str,
        key: Sequence[Column] = (),
        avro: Mapping[str, str] | None = None,
    ) -> None:
        text = kafka_table(
            table,
            columns,
            sink,
            kafka=self._connections.kafka,
            client_id=f"procstream.{self._pipeline.name}.{role}",
            key=key,
            avro=avro,
        )
        self._table(place, text)

    def _table(self, place: str, text: str) -> None:
        self.tables.append(Statement(place, text))

    def _insert(
        self,
        output: NamedOutput,
        kind: str,
        select: str,
        misfit: str | None = None,
        result: Sequence[Column] = (),
    ) -> None:
        view = result_view(output)
        insert = f"INSERT INTO {_table(output, kind)}\nSELECT {select}\nFROM {view}"
        if misfit:
            insert += f"\nWHERE ({misfit}) IS NULL"
            self._refused.append(_refused_query(view, result, misfit))
        self.inserts.append(Statement(f"{output.place}query", insert))

    def _refuse_updates(self, result: Result, place: str) -> None:
        if result.updating:
            raise UpdatingQueryError(
                f"{place}: the query changes rows that it gave before, and this sink only appends; expected a"
                " window (TUMBLE, HOP, SESSION) in the query, or postgres with mode: upsert"
            )


def result_view(output: NamedOutput) -> str:
    """The view that an output's query is registered as, in SQL."""
    return f"`{RESULTS}`.{sql.name(output.name)}"


def _table(output: NamedOutput, kind: str) -> str:
    return f"`{_SINKS}`.{sql.name(f'{output.name}_{kind}')}"


def _null_misfit(columns: Sequence[Column]) -> str | None:
    """SQL text that names a column that is null and must not be; NULL if there is none."""
    needed = [column for column in columns if column.type.endswith("NOT NULL")]
    if not needed:
        return None
    lines = "\n".join(
        f"    WHEN {sql.name(column.name)} IS NULL THEN"
        f" {sql.text(f'{column.name}: found null; expected {column.type}')}"
        for column in needed
    )
    return f"CASE\n{lines}\n  END"


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

"""Source tables: a topic as Flink SQL, with every record, and with those that could be decoded."""

from collections.abc import Mapping
from dataclasses import dataclass

from procstream_job import sql
from procstream_job.avro import UnreadableSchemaError, reader_schema
from procstream_job.columns import LINEAGE_COLUMNS, METADATA_COLUMNS
from procstream_job.mistakes import PlacedError
from procstream_job.model import AvroSource, JsonSource
from procstream_job.sql import Column, Statement

RAW_DATABASE = "records"
"""Database of the tables with every record; the views with the decoded ones are in the default one."""

# Not just `error` and `raw`: a record may have fields of these names.
_ERROR, _RAW = "dead_letter_error", "dead_letter_raw"
_METADATA_KEYS = {
    "kafka_topic": "topic",
    "kafka_partition": "partition",
    "kafka_offset": "offset",
    "kafka_timestamp": "timestamp",
    _ERROR: "value.error",
    _RAW: "value.raw",
}
_METADATA_TYPES = {**METADATA_COLUMNS, _ERROR: "STRING", _RAW: "BYTES"}
_START = {
    "earliest": {"scan.startup.mode": "earliest-offset"},
    "latest": {"scan.startup.mode": "latest-offset"},
    "committed": {"scan.startup.mode": "group-offsets", "properties.auto.offset.reset": "earliest"},
}
_PARTITION_DISCOVERY = "1 min"

DROPPED_COLUMNS = (
    *(Column(name, sql_type) for name, sql_type in LINEAGE_COLUMNS.items()),
    Column("error", "STRING"),
    Column("raw", "BYTES"),
)
"""Columns of what `dropped_query` gives."""


class SourceError(PlacedError):
    """A source's columns cannot be made a table."""


@dataclass(frozen=True)
class SourceTable:
    """A source whose columns are known. Options of its value format are without any prefix."""

    name: str
    topic: str
    start: str
    columns: tuple[Column, ...]
    format: str
    format_options: Mapping[str, str]

    @property
    def place(self) -> str:
        """Where the pipeline file has it."""
        return f"sources.{self.name}"


def avro_table(name: str, source: AvroSource, schema_text: str, registry: Mapping[str, str]) -> SourceTable:
    """A table of the registry's schema; `registry` has the options of Flink's `avro-confluent` format.

    Raises:
        SourceError: the schema lacks a column, or has one that a table cannot have.
    """
    try:
        schema = reader_schema(schema_text, source.columns)
    except UnreadableSchemaError as error:
        raise SourceError(f"sources.{name}: subject {source.schema_subject}: {error}") from None
    for column in schema.columns:
        if column.name in METADATA_COLUMNS:
            raise SourceError(
                f"sources.{name}: subject {source.schema_subject}: the field {column.name!r} has the name of"
                " a column that every source table has; name the fields to read under columns, without it"
            )
    options = dict(registry) if schema.derivable else {**registry, "schema": schema.text}
    return SourceTable(name, source.topic, source.start, schema.columns, "avro-confluent", options)


def json_table(name: str, source: JsonSource) -> SourceTable:
    """A table of declared columns."""
    columns = tuple(Column(column, sql_type) for column, sql_type in source.columns.items())
    options = {"timestamp-format.standard": "ISO-8601"}
    return SourceTable(name, source.topic, source.start, columns, "json", options)


def source_statements(table: SourceTable, group: str, kafka: Mapping[str, str]) -> list[Statement]:
    """The table with every record, and the view of the decoded ones.

    `group` is the consumer group; `kafka` has the properties of a Kafka Java client.
    """
    return [_raw_table(table, group, kafka), _decoded_view(table)]


def dropped_query(table: SourceTable) -> str:
    """SELECT of the records that could not be decoded, with `DROPPED_COLUMNS`."""
    return (
        f"SELECT {sql.names(LINEAGE_COLUMNS)}, {sql.name(_ERROR)} AS `error`, {sql.name(_RAW)} AS `raw`\n"
        f"FROM {_raw_name(table)}\n"
        f"WHERE {sql.name(_ERROR)} IS NOT NULL"
    )


def _raw_table(table: SourceTable, group: str, kafka: Mapping[str, str]) -> Statement:
    own = [f"{sql.name(column.name)} {column.type}" for column in table.columns]
    metadata = [
        f"{sql.name(column)} {_METADATA_TYPES[column]} METADATA FROM {sql.text(key)} VIRTUAL"
        for column, key in _METADATA_KEYS.items()
    ]
    options = {
        "connector": "kafka",
        "topic": table.topic,
        **{f"properties.{key}": value for key, value in kafka.items()},
        "properties.group.id": group,
        "properties.client.id.prefix": f"{group}-{table.name}",
        "properties.isolation.level": "read_committed",
        **_START[table.start],
        "scan.topic-partition-discovery.interval": _PARTITION_DISCOVERY,
        "value.format": "dead-letter",
        "value.dead-letter.format": table.format,
        **{f"value.dead-letter.{table.format}.{key}": value for key, value in table.format_options.items()},
    }
    lines = {
        line: f"{table.place}.columns.{column.name}" for line, column in enumerate(table.columns, start=2)
    }
    return Statement(table.place, sql.create_table(_raw_name(table), [*own, *metadata], options), lines)


def _decoded_view(table: SourceTable) -> Statement:
    columns = sql.names([*(column.name for column in table.columns), *METADATA_COLUMNS])
    return Statement(
        table.place,
        f"CREATE VIEW {sql.name(table.name)} AS\n"
        f"SELECT {columns}\n"
        f"FROM {_raw_name(table)}\n"
        f"WHERE {sql.name(_ERROR)} IS NULL",
    )


def _raw_name(table: SourceTable) -> str:
    return f"{sql.name(RAW_DATABASE)}.{sql.name(table.name)}"

"""Source tables: a topic as Flink SQL, with every record, and with those that could be decoded.

A source is at most three tables of one reading: every record (`records`), those on time and those that are
late (`on_time` and `late`, with an event time), and under its own name those that a query sees.
"""

from collections.abc import Mapping

from procstream_common.durations import flink_duration

from procstream_job.formats.dead_letter import ERROR_KEY, RAW_KEY, dead_letter_options
from procstream_job.formats.kind import EventTime
from procstream_job.language import sql
from procstream_job.language.columns import (
    EVENT_TIME,
    LINEAGE_COLUMNS,
    METADATA_COLUMNS,
    METADATA_KEYS,
    PROCESSING_TIME,
)
from procstream_job.language.sql import Column, Statement
from procstream_job.plan.sources import SourceTable
from procstream_job.plan.steps import LateSplit, Step

DATABASES = ("records", "on_time", "late")
"""Databases of what a query does not see; the views with the decoded records are in the default one."""

_RECORDS, _ON_TIME, _LATE = DATABASES

# Not just `error` and `raw`: a record may have fields of these names.
_ERROR, _RAW = "dead_letter_error", "dead_letter_raw"
_METADATA_KEYS = {**METADATA_KEYS, _ERROR: ERROR_KEY, _RAW: RAW_KEY}
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
"""Columns of what `dropped_query` returns."""


def source_steps(table: SourceTable, group: str, kafka: Mapping[str, str]) -> list[Step]:
    """The statements for the table that a query sees, and for those that hold dropped and late records.

    `group` is the consumer group; `kafka` has the properties of a Kafka Java client.
    """
    steps: list[Step] = [_raw_table(table, group, kafka)]
    if table.event_time:
        steps.append(
            LateSplit(
                place=f"{table.place}.event_time",
                table=_path(_RECORDS, table),
                time=EVENT_TIME,
                on_time=_path(_ON_TIME, table),
                late=_path(_LATE, table),
            )
        )
    return [*steps, _decoded_view(table)]


def dropped_query(table: SourceTable) -> str:
    """SELECT of the records that could not be decoded, with `DROPPED_COLUMNS`."""
    databases = (_ON_TIME, _LATE) if table.event_time else (_RECORDS,)
    return "\nUNION ALL\n".join(_dropped(table, database) for database in databases)


def late_columns(table: SourceTable) -> tuple[Column, ...]:
    """Columns of what `late_query` returns: the record's own, where it came from, and its time."""
    own = [column for column in table.columns if column.name != EVENT_TIME]
    lineage = [Column(name, sql_type) for name, sql_type in LINEAGE_COLUMNS.items()]
    return (*own, *lineage, Column(EVENT_TIME, _time_type(table)))


def late_query(table: SourceTable) -> str:
    """SELECT of the decoded records that arrived behind the watermark, with `late_columns`."""
    names = sql.names(column.name for column in late_columns(table))
    return f"SELECT {names}\nFROM {_path(_LATE, table)}\nWHERE {_is_good(table)}"


def _raw_table(table: SourceTable, group: str, kafka: Mapping[str, str]) -> Statement:
    own = [f"{sql.name(column.name)} {column.type}" for column in table.columns]
    metadata = [
        f"{sql.name(column)} {_METADATA_TYPES[column]} METADATA FROM {sql.text(key)} VIRTUAL"
        for column, key in _METADATA_KEYS.items()
    ]
    times = [] if table.event_time is None else _event_time_lines(table, table.event_time)
    options = {
        "connector": "kafka",
        "topic": table.topic,
        **{f"properties.{key}": value for key, value in kafka.items()},
        "properties.group.id": group,
        "properties.client.id.prefix": f"{group}-{table.name}",
        "properties.isolation.level": "read_committed",
        **_START[table.start],
        "scan.topic-partition-discovery.interval": _PARTITION_DISCOVERY,
        **_watermark_options(table),
        **dead_letter_options(table.decoding.format, table.decoding.options, table.required),
    }
    lines = {
        line: f"{table.place}.columns.{column.name}" for line, column in enumerate(table.columns, start=2)
    }
    return Statement(
        table.place, sql.create_table(_path(_RECORDS, table), [*own, *metadata, *times], options), lines
    )


def _event_time_lines(table: SourceTable, event_time: EventTime) -> list[str]:
    """The column `event_time` and its watermark.

    Flink needs a time for every row. A row that was not decoded has none of its own and gets Kafka's, but it
    does not move the watermark. No watermark passes the time at which Kafka received the record: otherwise
    one record from the future would make all others late.
    """
    own, kafka = _own_time(table), "`kafka_timestamp`"
    arrived = kafka if _time_type(table).startswith("TIMESTAMP_LTZ") else f"CAST({kafka} AS TIMESTAMP(3))"
    declared = [] if event_time.column == EVENT_TIME else [f"`{EVENT_TIME}` AS COALESCE({own}, {arrived})"]
    capped = f"CASE WHEN {own} < {arrived} THEN {own} ELSE {arrived} END"
    return [
        *declared,
        f"WATERMARK FOR `{EVENT_TIME}` AS CASE WHEN {own} IS NULL THEN CAST(NULL AS {_time_type(table)})"
        f" ELSE {capped} - {sql.interval(event_time.delay)} END",
    ]


def _watermark_options(table: SourceTable) -> dict[str, str]:
    if table.event_time is None:
        return {}
    return {"scan.watermark.idle-timeout": flink_duration(table.event_time.idle)}


def _own_time(table: SourceTable) -> str:
    """The record's own time in SQL, null if it has none."""
    assert table.event_time is not None  # noqa: S101 - for the type checker
    column = next(column for column in table.columns if column.name == table.event_time.column)
    if column.is_timestamp:
        return sql.name(column.name)
    return f"TO_TIMESTAMP_LTZ({sql.name(column.name)}, 3)"


def _time_type(table: SourceTable) -> str:
    assert table.event_time is not None  # noqa: S101 - for the type checker
    column = next(column for column in table.columns if column.name == table.event_time.column)
    with_zone = not column.is_timestamp or "LTZ" in column.type.upper() or "LOCAL" in column.type.upper()
    return "TIMESTAMP_LTZ(3)" if with_zone else "TIMESTAMP(3)"


def _is_good(table: SourceTable) -> str:
    decoded = f"{sql.name(_ERROR)} IS NULL"
    return f"{decoded} AND {_own_time(table)} IS NOT NULL" if table.event_time else decoded


def _decoded_view(table: SourceTable) -> Statement:
    columns = sql.names(name for name in table.visible if name != PROCESSING_TIME)
    if table.processing_time:
        columns += f", PROCTIME() AS `{PROCESSING_TIME}`"
    database = _ON_TIME if table.event_time else _RECORDS
    return Statement(
        table.place,
        f"CREATE VIEW {sql.name(table.name)} AS\n"
        f"SELECT {columns}\n"
        f"FROM {_path(database, table)}\n"
        f"WHERE {_is_good(table)}",
    )


def _dropped(table: SourceTable, database: str) -> str:
    error = sql.name(_ERROR)
    if table.event_time:
        column = table.event_time.column
        error = (
            f"COALESCE({error}, {sql.text(f'EVENT_TIME_OUT_OF_RANGE: {column} is ')}"
            f" || CAST({sql.name(column)} AS STRING))"
        )
    return (
        f"SELECT {sql.names(LINEAGE_COLUMNS)}, {error} AS `error`, {sql.name(_RAW)} AS `raw`\n"
        f"FROM {_path(database, table)}\n"
        f"WHERE NOT ({_is_good(table)})"
    )


def _path(database: str, table: SourceTable) -> str:
    return f"{sql.name(database)}.{sql.name(table.name)}"

"""Which rows a table of PostgreSQL accepts, and how Flink SQL and PostgreSQL declare it. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from procstream_job.language import sql
from procstream_job.language.mistakes import PlacedError, did_you_mean
from procstream_job.language.sql import Column
from procstream_job.sinks.kind import StoredColumn

_TYPES = {
    "STRING": "text",
    "CHAR": "char",
    "VARCHAR": "varchar",
    "BOOLEAN": "boolean",
    "TINYINT": "smallint",
    "SMALLINT": "smallint",
    "INT": "integer",
    "BIGINT": "bigint",
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "DECIMAL": "numeric",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_LTZ": "timestamptz",
}
_FLINK_TYPE = re.compile(r"(?P<name>[A-Z_]+)(?:\((?P<size>[^)]*)\))?$")
_LIMITED = re.compile(r"(?:var)?char(?:acter)?(?: varying)?\s*\(\s*(\d+)\s*\)", re.IGNORECASE)


class PostgresError(PlacedError):
    """A query's result cannot go to a table."""


@dataclass(frozen=True)
class PostgresTable:
    """A table that must exist before rows are written, and the columns that they have."""

    place: str
    name: str
    columns: tuple[Column, ...]
    declared: Mapping[str, str] | None = None
    """Columns in PostgreSQL's words; by default `columns`."""
    key: tuple[str, ...] = ()

    @property
    def create(self) -> str:
        """CREATE TABLE in PostgreSQL's words."""
        declared = self.declared or {
            column.name: _postgres_type(column, self.place) for column in self.columns
        }
        lines = [f'"{name}" {definition}' for name, definition in declared.items()]
        if self.key:
            lines.append(f"UNIQUE ({', '.join(quoted(name) for name in self.key)})")
        return f"CREATE TABLE {quoted_table(self.name)} (\n  " + ",\n  ".join(lines) + "\n)"

    def check(self, found: Sequence[StoredColumn], unique: Sequence[frozenset[str]]) -> None:
        """Compare with the table that exists; `unique` has the column sets of its unique indexes.

        Raises:
            PostgresError: rows would be refused, or an upsert would not find its key.
        """
        by_name = {column.name: column for column in found}
        where = f"{self.place}: table {self.name}"
        for column in self.columns:
            if column.name not in by_name:
                raise PostgresError(
                    f"{where} has no column {column.name!r}{did_you_mean(column.name, by_name)}"
                    f" found {', '.join(by_name)}"
                )
        given = {column.name for column in self.columns}
        for present in found:
            if present.not_null and not present.has_default and present.name not in given:
                raise PostgresError(
                    f"{where} wants {present.name} ({present.type} not null), which the query does not return"
                )
        key = self.key
        if key and frozenset(key) not in unique:
            raise PostgresError(
                f"{where} has no unique index of {', '.join(key)}, by which an upsert finds a row; expected"
                f" CREATE UNIQUE INDEX ON {self.name} ({', '.join(key)})"
            )

    def misfit(self, found: Sequence[StoredColumn]) -> str | None:
        """SQL text with the reason for which PostgreSQL would refuse a row; NULL for a row that it accepts.

        Of the table's own rules it covers NOT NULL and the length of texts; and no text may have the
        character 0 (PostgreSQL manual, "Character Types"). None: no row can be refused for these.
        """
        by_name = {column.name: column for column in found}
        key = self.key
        rules = [
            rule
            for column in self.columns
            for rule in _rules(column, by_name[column.name], is_key=column.name in key)
        ]
        if not rules:
            return None
        lines = "\n".join(f"    WHEN {condition} THEN {message}" for condition, message in rules)
        return f"CASE\n{lines}\n  END"


def stored_columns(
    result: Sequence[Column], declared: Collection[str] | None, key: Sequence[str], place: str
) -> tuple[Column, ...]:
    """The columns of a query's result that are stored: those that are `declared`, or all.

    Raises:
        PostgresError: the key is not among them, or one has a type that PostgreSQL cannot store.
    """
    stored = [column for column in result if declared is None or column.name in declared]
    names = [column.name for column in stored]
    if not stored:
        raise PostgresError(
            f"{place}.columns: the query returns none of them; it returns"
            f" {', '.join(column.name for column in result)}"
        )
    for name in key:
        if name not in names:
            raise PostgresError(
                f"{place}.key: column {name!r} is not stored{did_you_mean(name, names)}"
                f" expected some of: {', '.join(names)}"
            )
    for column in stored:
        _postgres_type(column, place)
    return tuple(stored)


def text_columns(table: PostgresTable) -> list[str]:
    """How Flink SQL declares the table: all columns are texts, and PostgreSQL parses them.

    So a column can have any of its types: a uuid, a timestamptz, a jsonb.
    """
    lines = [f"{sql.name(column.name)} STRING" for column in table.columns]
    return [*lines, f"PRIMARY KEY ({sql.names(table.key)}) NOT ENFORCED"] if table.key else lines


def selected(columns: Sequence[Column]) -> str:
    """The columns in a SELECT, as the texts of `text_columns`."""
    return ", ".join(f"{_text(column)} AS {sql.name(column.name)}" for column in columns)


def quoted(name: str) -> str:
    """An identifier in PostgreSQL's quotes."""
    return '"' + name.replace('"', '""') + '"'


def quoted_table(table: str) -> str:
    """A table's name, or schema.table, in PostgreSQL's quotes."""
    return ".".join(quoted(part) for part in table.split("."))


def _text(column: Column) -> str:
    name = sql.name(column.name)
    if column.type.startswith("STRING"):
        return name
    # Sessions are in UTC; the text of an instant does not say so by itself.
    return f"CAST({name} AS STRING)" + (" || 'Z'" if _is_instant(column) else "")


def _is_instant(column: Column) -> bool:
    return column.type.startswith("TIMESTAMP_LTZ") or "LOCAL TIME ZONE" in column.type


def _postgres_type(column: Column, place: str) -> str:
    match = _FLINK_TYPE.match("TIMESTAMP_LTZ" if _is_instant(column) else column.type)
    if match is None or match["name"] not in _TYPES:
        raise PostgresError(
            f"{place}: column {column.name!r} is {column.type}; expected one value:"
            " select its fields, or make it a text with JSON_STRING or CAST"
        )
    size = f"({match['size']})" if match["size"] and match["name"] in ("CHAR", "VARCHAR", "DECIMAL") else ""
    return f"{_TYPES[match['name']]}{size}"


def _rules(column: Column, stored: StoredColumn, *, is_key: bool) -> list[tuple[str, str]]:
    name = sql.name(column.name)
    rules = []
    if stored.not_null and not stored.has_default:
        rules.append(
            (f"{name} IS NULL", sql.text(f"{column.name}: found null; expected {stored.type} not null"))
        )
    if column.type.startswith(("STRING", "VARCHAR", "CHAR")):
        if limit := _LIMITED.match(stored.type):
            too_long = (
                f"{sql.text(f'{column.name}: found ')} || CAST(CHAR_LENGTH({name}) AS STRING) ||"
                f" {sql.text(f' characters; expected {stored.type}')}"
            )
            rules.append((f"CHAR_LENGTH({name}) > {limit[1]}", too_long))
        rules.append(
            (f"POSITION(U&'\\0000' IN {name}) > 0", sql.text(f"{column.name}: found the character 0"))
        )
    return rules

"""Writing Flink SQL: columns, quoted names and texts, WITH clauses."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True)
class Column:
    """A column and its Flink SQL type, e.g. `TIMESTAMP(3)` or `ROW<`a` INT NOT NULL>`."""

    name: str
    type: str

    @property
    def is_timestamp(self) -> bool:
        """Whether it holds a point in time, with or without time zone."""
        return self.type.upper().startswith("TIMESTAMP")


@dataclass(frozen=True)
class Statement:
    """SQL and its place in the pipeline file, for the planner's errors.

    `lines` has the places of single lines of `sql`, from 1, where they have one of their own.
    """

    place: str
    sql: str
    lines: Mapping[int, str] = field(default_factory=dict)


def name(identifier: str) -> str:
    """An identifier in backticks."""
    return "`" + identifier.replace("`", "``") + "`"


def names(identifiers: Iterable[str]) -> str:
    """Identifiers separated by commas."""
    return ", ".join(name(identifier) for identifier in identifiers)


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def interval(duration: timedelta) -> str:
    """An interval literal of whole milliseconds."""
    minutes, seconds = divmod(duration.seconds, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}.{duration.microseconds // 1000:03}"
    return f"INTERVAL '{duration.days} {clock}' DAY TO SECOND"


def create_table(table: str, columns: Iterable[str], options: Mapping[str, str]) -> str:
    """CREATE TABLE with a line for each column (already written in SQL) and option; `table` is SQL too."""
    column_lines = ",\n".join(f"  {column}" for column in columns)
    option_lines = ",\n".join(f"  {text(key)} = {text(value)}" for key, value in options.items())
    return f"CREATE TABLE {table} (\n{column_lines}\n) WITH (\n{option_lines}\n)"

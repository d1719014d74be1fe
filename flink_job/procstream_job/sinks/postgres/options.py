"""A table of PostgreSQL in a pipeline file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from procstream_common.durations import Duration, flink_duration
from procstream_common.lake import LakePaths
from procstream_common.settings import PostgresSettings, load
from pydantic import Field, model_validator

from procstream_job.language import sql, yaml_text
from procstream_job.language.field_types import Identifier, NonEmpty, TableName
from procstream_job.language.sql import Column
from procstream_job.sinks.kind import Placement, Result, SinkOptions, SinkTable, Starting, StoredColumn
from procstream_job.sinks.postgres.table import (
    PostgresTable,
    quoted_table,
    selected,
    stored_columns,
    text_columns,
)

_NO_TEXT = ("ROW", "ARRAY", "MAP", "MULTISET", "BYTES", "BINARY", "VARBINARY")
# The table replaces rows by itself; Flink would keep all that ever came to do the same.
_NO_STATE = {"table.exec.sink.upsert-materialize": "NONE", "table.exec.sink.require-on-conflict": "false"}


class PostgresSink(SinkOptions):
    """A table of PostgreSQL, created if it is absent. The connection is in `POSTGRES_URL`."""

    table: TableName = Field(description="Table, with or without its schema: `events`, `billing.events`.")
    mode: Literal["append", "upsert"] = Field(
        "append",
        description="`append`: each row is inserted, after a failure some twice."
        " `upsert`: a row replaces the one with its key, so a replay changes nothing.",
    )
    key: list[Identifier] | None = Field(
        None, min_length=1, description="Columns that make a row unique, for `upsert`."
    )
    columns: dict[Identifier, NonEmpty] | None = Field(
        None,
        min_length=1,
        description="Columns of a table that is created, as PostgreSQL declares them:"
        " `user_name: varchar(50) not null`. PostgreSQL fills those that the query does not return, such as"
        " `id: serial primary key`. By default those of the query.",
    )
    batch_rows: int = Field(500, ge=1, description="Rows in one batch.")
    batch_interval: Duration = Field(
        timedelta(seconds=1),
        description="A batch is written after this time even if it is not full.",
        json_schema_extra={"default": "1 s"},
    )

    @model_validator(mode="after")
    def _key_goes_with_upsert(self) -> "PostgresSink":
        if (self.mode == "upsert") != (self.key is not None):
            raise ValueError("key and mode: upsert go together: set both or none")
        return self

    @property
    def accepts_updates(self) -> bool:
        """An upsert does."""
        return self.mode == "upsert"

    def check_server(self, env: Mapping[str, str]) -> None:
        """Connect to the database of `POSTGRES_URL`."""
        from procstream_job.sinks.postgres.database import check_connection  # a file is read without it

        check_connection(load(PostgresSettings, env))

    def external_table(self, result: Result, place: str) -> "DatabaseTable":
        """The table with the columns of the file, or those of the query."""
        stored = stored_columns(result.columns, self.columns, self.key or (), place)
        return DatabaseTable(PostgresTable(place, self.table, stored, self.columns, tuple(self.key or ())))

    def flink_table(self, result: Result, at: Placement, stored: Sequence[StoredColumn]) -> SinkTable:
        """A table of the `postgres` connector, with the columns as texts."""
        external = self.external_table(result, at.place).table
        options = {
            "connector": "postgres",
            **load(PostgresSettings, at.env).jdbc(),
            "table-name": quoted_table(self.table),
            "sink.buffer-flush.max-rows": str(self.batch_rows),
            "sink.buffer-flush.interval": flink_duration(self.batch_interval),
        }
        return SinkTable(
            create=sql.create_table(at.table, text_columns(external), options),
            select=selected(external.columns),
            # A row that is taken back cannot go to the dropped ones; the table's own rules then stop the job.
            misfit=None if result.updating else external.misfit(stored),
            configuration=_NO_STATE if self.key and not result.updating else {},
        )

    def destination(self, paths: LakePaths) -> str:
        """The table."""
        return f"table {self.table}"

    @classmethod
    def starting(cls, pipeline: str, table: str, columns: Sequence[Column]) -> Starting:
        """A table with the topic's name; what PostgreSQL has no column for is text."""
        key = [column.name for column in columns][:1]
        return Starting(
            lines=(
                "  postgres: # the connection is in POSTGRES_URL",
                f"    table: {yaml_text.scalar(table)} # created if it is absent",
                "    # mode: upsert # a row replaces the one with its key, so that a replay changes nothing",
                f"    # key: {yaml_text.flow(key)}",
            ),
            select=tuple(map(_one_value, columns)),
        )


@dataclass(frozen=True)
class DatabaseTable:
    """A table in the database of `POSTGRES_URL`."""

    table: PostgresTable

    def ensure(self, env: Mapping[str, str]) -> list[StoredColumn]:
        """Create it if it is absent; the columns that it has.

        Raises:
            PostgresError: a table of other columns exists, or PostgreSQL refuses the declaration.
            ProcstreamError: PostgreSQL is unavailable, or refuses us.
        """
        from procstream_job.sinks.postgres.database import ensure_table  # the rest is pure

        return ensure_table(load(PostgresSettings, env), self.table)


def _one_value(column: Column) -> str:
    name = sql.name(column.name)
    return f"JSON_STRING({name}) AS {name}" if column.type.startswith(_NO_TEXT) else name

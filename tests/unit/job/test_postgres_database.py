"""A table of PostgreSQL is created, or compared with what a pipeline writes."""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from procstream_job.language.sql import Column
from procstream_job.sinks.kind import StoredColumn
from procstream_job.sinks.postgres import database
from procstream_job.sinks.postgres.database import check_connection
from procstream_job.sinks.postgres.options import DatabaseTable
from procstream_job.sinks.postgres.table import PostgresError, PostgresTable

ENV = {"POSTGRES_URL": "postgresql://db/x"}
TABLE = DatabaseTable(
    PostgresTable("sink.postgres", "billing.events", (Column("id", "STRING"),), key=("id",))
)
ID = ("id", "text", True, False)


class FakeConnection:
    """A database of one table; `statements` has what was executed, with the table that was asked for."""

    def __init__(self, columns: list[tuple[Any, ...]], unique: list[list[str]]) -> None:
        self.columns = columns
        self.unique = unique
        self.created = [ID]
        self.refusal: psycopg.Error | None = None
        self.statements: list[tuple[str, Any]] = []
        self.closed = False

    def __enter__(self) -> "FakeConnection":
        return self

    def __exit__(self, *_error: object) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def execute(self, statement: str | bytes, parameters: Any = None) -> Any:
        text = statement.decode() if isinstance(statement, bytes) else statement
        self.statements.append((text, parameters))
        if text.startswith("CREATE"):
            if self.refusal:
                raise self.refusal
            self.columns, self.unique = self.created, [["id"]]
        rows = [[names] for names in self.unique] if "pg_index" in text else self.columns
        return SimpleNamespace(fetchall=lambda: rows)


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    def use(columns: list[tuple[Any, ...]], unique: list[list[str]]) -> FakeConnection:
        connection = FakeConnection(columns, unique)
        monkeypatch.setattr(database, "connect", lambda settings: connection)
        return connection

    return use


def test_a_table_that_is_absent_is_created_and_its_own_columns_are_returned(connect: Any) -> None:
    connection = connect([], [])
    connection.created = [ID, ("n", "integer", True, True)]
    assert TABLE.ensure(ENV) == [
        StoredColumn("id", "text", not_null=True, has_default=False),
        StoredColumn("n", "integer", not_null=True, has_default=True),
    ]
    texts = [text for text, _ in connection.statements]
    assert texts[1] == 'CREATE TABLE "billing"."events" (\n  "id" text,\n  UNIQUE ("id")\n)'
    assert all(asked == ['"billing"."events"'] for _, asked in connection.statements if asked)


def test_a_table_that_exists_stays_as_it_is(connect: Any) -> None:
    connection = connect([ID], [["id"]])
    assert [column.name for column in TABLE.ensure(ENV)] == ["id"]
    assert not [text for text, _ in connection.statements if text.startswith("CREATE")]


@pytest.mark.parametrize(
    ("columns", "unique", "expected"),
    [
        ([("other", "text", False, False)], [["id"]], "has no column 'id'"),
        ([ID, ("n", "integer", True, False)], [["id"]], "wants n"),
        ([ID], [["id", "n"]], "has no unique index of id"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(
    connect: Any, columns: list[Any], unique: list[list[str]], expected: str
) -> None:
    connect(columns, unique)
    with pytest.raises(PostgresError, match=rf"^sink\.postgres: table billing\.events {expected}"):
        TABLE.ensure(ENV)


def test_a_declaration_that_postgresql_refuses_is_a_mistake_of_the_file(connect: Any) -> None:
    connection = connect([], [])
    connection.refusal = psycopg.errors.UndefinedObject('type "tekst" does not exist\nLINE 1: CREATE')
    with pytest.raises(PostgresError) as raised:
        TABLE.ensure(ENV)
    assert str(raised.value) == (
        'sink.postgres: PostgreSQL refuses table billing.events: type "tekst" does not exist'
    )


def test_a_connection_that_was_checked_is_closed(connect: Any) -> None:
    connection = connect([], [])
    check_connection(SimpleNamespace())  # type: ignore[arg-type]
    assert connection.closed

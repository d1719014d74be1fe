"""The stack's PostgreSQL, asked as any client would."""

from typing import Any

import psycopg
from procstream_common.settings import PostgresSettings, load
from psycopg.conninfo import make_conninfo


def query(text: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(make_conninfo("", **load(PostgresSettings).libpq())) as connection:
        return connection.execute(text.encode()).fetchall()


def execute(text: str) -> None:
    with psycopg.connect(make_conninfo("", **load(PostgresSettings).libpq())) as connection:
        connection.execute(text.encode())


def rows(table: str) -> int:
    """How many rows a table has; none if there is no such table."""
    [[there]] = query(f"SELECT to_regclass('{table}') IS NOT NULL")
    return int(query(f"SELECT count(*) FROM {table}")[0][0]) if there else 0

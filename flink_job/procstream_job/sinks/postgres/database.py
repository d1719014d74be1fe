"""The edge to PostgreSQL: a table is created if it is absent, else compared."""

import psycopg
from procstream_common.postgres import connect
from procstream_common.settings import PostgresSettings

from procstream_job.sinks.kind import StoredColumn
from procstream_job.sinks.postgres.table import PostgresError, PostgresTable, quoted_table

# format_type returns what the user wrote; attidentity and attgenerated fill a column without a default.
_COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull,
       atthasdef OR attidentity <> '' OR attgenerated <> ''
FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_UNIQUE = """
SELECT array_agg(a.attname::text)
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
WHERE i.indrelid = to_regclass(%s) AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
GROUP BY i.indexrelid
"""


def check_connection(settings: PostgresSettings) -> None:
    """Raise `UnavailableError` or `RefusedError` if we cannot connect."""
    connect(settings).close()


def ensure_table(settings: PostgresSettings, table: PostgresTable) -> list[StoredColumn]:
    """Create the table if it is absent; the columns that it has.

    Raises:
        PostgresError: a table of other columns exists, or PostgreSQL refuses the declaration.
        UnavailableError: it does not answer.
        RefusedError: it answers and refuses us.
    """
    name = quoted_table(table.name)
    with connect(settings) as connection:
        try:
            found = _columns(connection, name)
            if not found:
                connection.execute(table.create.encode())
                found = _columns(connection, name)
            unique = [frozenset(row[0]) for row in connection.execute(_UNIQUE, [name]).fetchall()]
        except psycopg.Error as error:
            reason = str(error).strip().splitlines()[0]
            raise PostgresError(f"{table.place}: PostgreSQL refuses table {table.name}: {reason}") from None
    table.check(found, unique)
    return found


def _columns(connection: psycopg.Connection, table: str) -> list[StoredColumn]:
    return [StoredColumn(*row) for row in connection.execute(_COLUMNS, [table]).fetchall()]

"""Connections to PostgreSQL."""

import socket
from typing import TYPE_CHECKING

from procstream_common.errors import RefusedError, Server, UnavailableError
from procstream_common.settings import PostgresSettings

if TYPE_CHECKING:
    import psycopg

_CONNECT_SECONDS = 5
# libpq has no error codes before a session exists, but the server's own answer begins with this.
_ANSWERED = "FATAL:"
_NOT_NOW = ("starting up", "shutting down", "in recovery mode", "too many", "remaining connection slots")


def connect(settings: PostgresSettings, *, timeout: int = _CONNECT_SECONDS) -> "psycopg.Connection":
    """A connection; `timeout` is in seconds. Needs psycopg.

    Raises:
        UnavailableError: no answer, or PostgreSQL starts, stops or has too many connections.
        RefusedError: PostgreSQL refuses access.
    """
    import psycopg  # imported here: it takes 0.1 s, and few images have it
    from psycopg.conninfo import make_conninfo

    try:
        return psycopg.connect(make_conninfo("", **settings.libpq(), connect_timeout=timeout))
    except psycopg.OperationalError as error:
        cause = " ".join(str(error).split())
        if _ANSWERED in cause and not any(text in cause for text in _NOT_NOW):
            raise RefusedError(Server.POSTGRES, f"POSTGRES_URL {settings.url}: refused: {cause}") from None
        raise UnavailableError(Server.POSTGRES, f"POSTGRES_URL {settings.url}: no answer: {cause}") from None


def check(settings: PostgresSettings, *, timeout: float = _CONNECT_SECONDS) -> None:
    """Check that something listens at the address; `timeout` is in seconds. Needs no psycopg.

    Raises `UnavailableError`.
    """
    found = settings.libpq()
    try:
        socket.create_connection((found["host"], int(found["port"])), timeout=timeout).close()
    except OSError as error:
        raise UnavailableError(Server.POSTGRES, f"POSTGRES_URL {settings.url}: no answer: {error}") from None

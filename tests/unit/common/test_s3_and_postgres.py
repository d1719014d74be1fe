"""What S3 and PostgreSQL answer, as errors of the tree."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from procstream_common import postgres, s3
from procstream_common.errors import NotFoundError, RefusedError, Server, UnavailableError
from procstream_common.settings import PostgresSettings, S3Settings, load

from tests.unit.http_server import Answer, serving


def answered(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "m"}}, "ListObjectsV2")


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (PermissionError("no"), RefusedError),
        (answered("AccessDenied"), RefusedError),
        (answered("SignatureDoesNotMatch"), RefusedError),
        (answered("403"), RefusedError),
        (NoCredentialsError(), RefusedError),
        (FileNotFoundError("x"), NotFoundError),
        (answered("NoSuchBucket"), NotFoundError),
        (answered("SlowDown"), UnavailableError),
        (answered("InternalError"), UnavailableError),
        (EndpointConnectionError(endpoint_url="http://x"), UnavailableError),
        (ConnectionResetError("reset"), UnavailableError),
        (TimeoutError(), UnavailableError),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:50] or type(value).__name__,
)
def test_failures_of_s3_name_the_place(raised: Exception, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=r"^s3://lake/x: ") as caught, s3.failures("s3://lake/x"):
        raise raised
    assert type(caught.value) is kind
    assert caught.value.server is Server.S3  # type: ignore[attr-defined]


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), s3.failures("s3://lake/x"):
        raise ZeroDivisionError


def test_an_endpoint_that_answers_is_there_whatever_it_answers() -> None:
    with serving(Answer(403, "<Error/>", "application/xml")) as server:
        s3.check(load(S3Settings, {"S3_ENDPOINT": server.url}))
    assert server.sent == [("GET", "/")]
    s3.check(load(S3Settings, {}))
    with pytest.raises(UnavailableError, match=r"S3_ENDPOINT http://127\.0\.0\.1:1: no answer"):
        s3.check(load(S3Settings, {"S3_ENDPOINT": "http://127.0.0.1:1"}))


def settings(port: int) -> PostgresSettings:
    env = {"POSTGRES_URL": f"postgresql://127.0.0.1:{port}/db?sslmode=disable", "POSTGRES_USER": "u"}
    return load(PostgresSettings, env)


@contextmanager
def server_that_says(message: str) -> Iterator[int]:
    """A PostgreSQL that answers each start of a session with an ErrorResponse of its protocol."""
    fields = b"SFATAL\0VFATAL\0C00000\0M" + message.encode() + b"\0\0"
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"E" + (len(fields) + 4).to_bytes(4, "big") + fields)

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('password authentication failed for user "u"', RefusedError),
        ('database "db" does not exist', RefusedError),
        ("the database system is starting up", UnavailableError),
        ("the database system is shutting down", UnavailableError),
        ("sorry, too many clients already", UnavailableError),
    ],
)
def test_what_postgres_answers_decides(message: str, kind: type[Exception]) -> None:
    with server_that_says(message) as port, pytest.raises(kind, match=message) as caught:
        postgres.connect(settings(port))
    assert type(caught.value) is kind
    assert not isinstance(caught.value, psycopg.Error)


def test_a_postgres_that_does_not_listen_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="no answer"):
        postgres.connect(settings(1))
    with pytest.raises(UnavailableError, match="no answer"):
        postgres.check(settings(1))
    with server_that_says("anything") as port:
        postgres.check(settings(port))

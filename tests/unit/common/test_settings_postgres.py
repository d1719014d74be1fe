"""Settings of PostgreSQL."""

from urllib.parse import parse_qs, urlsplit

import pytest
from procstream_common.errors import SettingsError
from procstream_common.settings import PostgresSettings, load

URL = {"POSTGRES_URL": "postgresql://db/events"}
LOGIN = {"POSTGRES_USER": "alice", "POSTGRES_PASSWORD": "s3cret"}


def test_libpq_needs_no_more_than_the_url() -> None:
    assert load(PostgresSettings, URL).libpq() == {"host": "db", "port": "5432", "dbname": "events"}


def test_libpq_has_the_options_of_the_url_and_the_login() -> None:
    env = {"POSTGRES_URL": "postgres://db:6432/my%20events?sslmode=verify-full&sslrootcert=/ca.pem", **LOGIN}
    assert load(PostgresSettings, env).libpq() == {
        "host": "db",
        "port": "6432",
        "dbname": "my events",
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
        "user": "alice",
        "password": "s3cret",
    }


def test_jdbc_sends_texts_without_a_type_and_gives_up_a_connection_that_hangs() -> None:
    options = load(PostgresSettings, URL).jdbc()
    address, _, query = options.pop("url").partition("?")
    assert options == {}
    assert address == "jdbc:postgresql://db:5432/events"
    assert parse_qs(query) == {
        "socketTimeout": ["60"],
        "stringtype": ["unspecified"],
        "reWriteBatchedInserts": ["true"],
        "ApplicationName": ["procstream"],
    }


def test_jdbc_has_the_options_of_the_url_and_the_login() -> None:
    env = {"POSTGRES_URL": "postgresql://db:6432/events?sslmode=require&socketTimeout=5", **LOGIN}
    options = load(PostgresSettings, env).jdbc()
    assert (options["username"], options["password"]) == ("alice", "s3cret")
    assert options["url"].startswith("jdbc:postgresql://db:6432/events?")
    query = parse_qs(urlsplit(options["url"].removeprefix("jdbc:")).query)
    assert (query["sslmode"], query["socketTimeout"]) == (["require"], ["5"])


def test_the_password_is_not_shown() -> None:
    assert "s3cret" not in repr(load(PostgresSettings, URL | LOGIN))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://db/events", "it does not start with postgresql://"),
        ("postgresql:///events", "it names no host"),
        ("postgresql://db/", "it names no database"),
        ("postgresql://alice@db/events", "it carries credentials"),
        ("postgresql://:s3cret@db/events", "it carries credentials"),
        ("postgresql://db:99999/events", "Port out of range"),
    ],
)
def test_a_wrong_url_is_named(url: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(PostgresSettings, {"POSTGRES_URL": url})
    assert f"({message}" in str(caught.value)
    assert "POSTGRES_URL" in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_the_url_is_needed() -> None:
    with pytest.raises(SettingsError, match="POSTGRES_URL is not set"):
        load(PostgresSettings, LOGIN)

"""`procstream-wait`: reasons and times with a clock of the test, checks against real sockets."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError
from procstream_common import waiting
from procstream_common.errors import (
    NotFoundError,
    RefusedError,
    Server,
    ServerError,
    SettingsError,
    UnavailableError,
)
from procstream_common.registry import SchemaRegistry
from procstream_common.waiting import Servers, describe, wait_for, wait_for_all

PATIENCE_SECONDS = 30


class Clock:
    """Time that passes by pauses alone."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.seconds += seconds


def failing(*reasons: str, kind: type[ServerError] = UnavailableError) -> Callable[[], None]:
    """A check that fails for these reasons, one after the other, and then passes."""
    left = list(reasons)

    def check() -> None:
        if left:
            raise kind(Server.KAFKA, left.pop(0))

    return check


def lines_of(check: Callable[[], None]) -> list[str]:
    clock, lines = Clock(), list[str]()
    wait_for("Kafka", check, now=clock.now, pause=clock.pause, report=lines.append)
    return lines


def test_what_is_ready_is_not_waited_for() -> None:
    assert lines_of(failing()) == ["Kafka: ready after 0 s"]


def test_each_new_reason_is_reported_with_the_time_so_far() -> None:
    assert lines_of(failing("refused", "refused", "no leader")) == [
        "waiting for Kafka, 0 s so far: refused",
        "waiting for Kafka, 2 s so far: no leader",
        "Kafka: ready after 3 s",
    ]


def test_an_unchanged_reason_is_repeated_once_a_minute() -> None:
    lines = lines_of(failing(*["refused"] * 130))
    assert lines == [
        *(f"waiting for Kafka, {seconds} s so far: refused" for seconds in (0, 60, 120)),
        "Kafka: ready after 130 s",
    ]


@pytest.mark.parametrize("kind", [UnavailableError, RefusedError, NotFoundError])
def test_whatever_a_server_answers_is_waited_for(kind: type[ServerError]) -> None:
    assert lines_of(failing("not now", kind=kind))[-1] == "Kafka: ready after 1 s"


def test_a_wrong_setting_ends_the_wait() -> None:
    def check() -> None:
        raise SettingsError("KAFKA_BOOTSTRAP_SERVERS is not set")

    with pytest.raises(SettingsError):
        lines_of(check)


@pytest.mark.parametrize("need", ["kafka:orders", "topic", "topic:", "mysql", ""])
def test_a_need_that_there_is_not_is_named_before_the_first_wait(need: str) -> None:
    with pytest.raises(
        SettingsError, match="expected one of kafka, registry, s3, postgres, topic:NAME, subj"
    ):
        wait_for_all(["kafka", need])


@pytest.mark.parametrize(
    ("need", "words"),
    [
        ("kafka", "Kafka"),
        ("registry", "the schema registry"),
        ("s3", "the object store"),
        ("postgres", "PostgreSQL"),
        ("topic:orders", "topic orders"),
        ("subject:orders-value", "schema of subject orders-value"),
    ],
)
def test_a_need_in_words(need: str, words: str) -> None:
    assert describe(need) == words


class Cluster:
    """Kafka with these topics."""

    servers = "kafka:9092"

    def __init__(self, **topics: KafkaError | None) -> None:
        self.metadata = {name: SimpleNamespace(error=error) for name, error in topics.items()}

    def topics(self) -> dict[str, Any]:
        return self.metadata


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a Kafka with these topics at the edge."""

    def given(**topics: KafkaError | None) -> None:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka:9092")
        monkeypatch.setattr(waiting, "KafkaCluster", lambda *_, **__: Cluster(**topics))

    return given


def test_a_topic_that_exists(kafka: Callable[..., None]) -> None:
    kafka(orders=None)
    Servers().check("topic:orders")()
    Servers().check("kafka")()


def test_a_topic_that_does_not_exist(kafka: Callable[..., None]) -> None:
    kafka(other=None)
    with pytest.raises(NotFoundError, match="Kafka at kafka:9092 has no such topic"):
        Servers().check("topic:orders")()


def test_a_topic_without_a_leader(kafka: Callable[..., None]) -> None:
    kafka(orders=KafkaError(KafkaError.LEADER_NOT_AVAILABLE))
    with pytest.raises(UnavailableError, match="Leader not available"):
        Servers().check("topic:orders")()


def test_a_schema_is_looked_up_by_its_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    def latest(_: SchemaRegistry, subject: str) -> None:
        raise NotFoundError(Server.REGISTRY, f"{subject} is not registered")

    monkeypatch.setenv("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(SchemaRegistry, "latest", latest)
    with pytest.raises(NotFoundError, match="orders-value is not registered"):
        Servers().check("subject:orders-value")()


class Stranger(BaseHTTPRequestHandler):
    """An object store to those without a key."""

    def do_GET(self) -> None:
        self.send_error(403)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def object_store(port: int) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", port), Stranger) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def listening(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("need", "variable", "url", "server"),
    [
        ("s3", "S3_ENDPOINT", "http://127.0.0.1:{}", object_store),
        ("postgres", "POSTGRES_URL", "postgresql://127.0.0.1:{}/events", listening),
        ("registry", "SCHEMA_REGISTRY_URL", "http://127.0.0.1:{}/apis/ccompat/v7", listening),
    ],
)
def test_a_server_is_ready_once_it_listens(
    need: str,
    variable: str,
    url: str,
    server: Callable[[int], AbstractContextManager[None]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port = free_port()
    monkeypatch.setenv(variable, url.format(port))
    with pytest.raises(UnavailableError, match=str(port)):
        Servers().check(need)()
    with server(port):
        Servers().check(need)()


def program(*needs: str, **variables: str) -> "subprocess.Popen[str]":
    environment = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    return subprocess.Popen(
        [sys.executable, "-m", "procstream_common.waiting", *needs],
        env={**environment, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_missing_setting_is_one_line_and_an_exit_code() -> None:
    with program("kafka") as process:
        out, error = process.communicate(timeout=PATIENCE_SECONDS)
    assert (out, process.returncode) == ("", 2)
    assert error.startswith("error: KAFKA_BOOTSTRAP_SERVERS is not set, expected host:port")


def test_it_waits_until_sigterm() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with program("registry", SCHEMA_REGISTRY_URL=url) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE_SECONDS)
    assert line.startswith(
        f"waiting for the schema registry, 0 s so far: SCHEMA_REGISTRY_URL {url}: no answer: "
    )
    assert process.returncode == 130

"""The program by which pods wait, against real servers."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.chart.rendering import CHART
from tests.integration.conftest import free_port

PROGRAM = (CHART / "files" / "wait.py").read_text()
PATIENCE_SECONDS = 30


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
def database(port: int) -> Iterator[None]:
    with socket.create_server(("127.0.0.1", port)):
        yield


@pytest.mark.parametrize(
    ("wanted", "variable", "url", "server"),
    [
        ("s3", "S3_ENDPOINT", "http://127.0.0.1:{}", object_store),
        ("postgres", "POSTGRES_URL", "postgresql://127.0.0.1:{}/events", database),
        ("registry", "SCHEMA_REGISTRY_URL", "http://127.0.0.1:{}/apis/ccompat/v7", database),
    ],
)
def test_it_waits_until_a_server_is_there(
    wanted: str, variable: str, url: str, server: Callable[[int], AbstractContextManager[None]]
) -> None:
    port = free_port()
    environment = {**os.environ, variable: url.format(port)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, wanted], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"waiting for {wanted}: ")
        with server(port):
            out, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert out.endswith(f"{wanted} is there\n")
    assert process.returncode == 0


def test_it_says_which_setting_is_missing() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "kafka"], env={}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
    assert line.startswith("waiting for kafka: KAFKA_BOOTSTRAP_SERVERS is not set, expected host:port")

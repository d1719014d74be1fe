"""One embedded stack for all integration tests: real Kafka, registry, Flink, PostgreSQL, and an S3 server."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from procstream_local import stack
from procstream_local.stack.home import Home

from tests.integration.running import run_pipeline, run_shipped
from tests.integration.servers import minio, sasl_kafka
from tests.integration.topics import make_topic

__all__ = ["home", "make_topic", "run_pipeline", "run_shipped", "s3", "secured_kafka"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # Failures last: they leave a stack with more restarts.
    items.sort(key=lambda item: "failures" in item.nodeid)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[minio.S3Server]:
    executor, server = minio.executor(tmp_path_factory.mktemp("minio"), free_port(), free_port())
    with executor:
        minio.make_bucket(server)
        yield server


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sasl_kafka.SecuredKafka]:
    """A second Kafka, which requires a password or TLS."""
    with sasl_kafka.running(tmp_path_factory.mktemp("secured-kafka"), free_port) as server:
        yield server


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory, s3: minio.S3Server) -> Iterator[Home]:
    """A running stack. Its variables are set in this process, as in a shell after `procstream env`."""
    home = Home(Path(os.environ.get("PROCSTREAM_TEST_HOME") or tmp_path_factory.mktemp("stack")))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**s3.environment, "PROCSTREAM_HOME": str(home.path)}.items():
            patch.setenv(name, value)
        # Half an hour off UTC: code that uses local time writes to a wrong folder.
        patch.setenv("TZ", "Asia/Kolkata")
        try:
            record = stack.up(home, optional=("postgres", "monitoring"))
            for name, value in stack.environment(home, record).items():
                patch.setenv(name, value)
            yield home
        finally:
            stack.down(home)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""Servers that accept connections and never answer, like processes that hang."""

import io
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from procstream_local.stack import ports
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord, StackRecord
from procstream_local.status import ask
from procstream_local.status.render import pipeline_detail, status_table
from rich.console import Console


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Home]:
    """A stack of which everything hangs, with a pipeline that should run and one that was stopped."""
    servers = {name: socket.create_server(("127.0.0.1", 0)) for name in ports.USUAL}
    home = Home(tmp_path)
    pipelines = {
        name: PipelineRecord(name=name, source=name, job_id=f"job-of-{name}", active=name == "running")
        for name in ("running", "stopped")
    }
    found = {name: server.getsockname()[1] for name, server in servers.items()}
    home.write(StackRecord(ports=found, pipelines=pipelines))
    yield home
    for server in servers.values():
        server.close()


def test_a_stack_that_hangs_is_reported_within_five_seconds(hung: Home) -> None:
    began = time.monotonic()
    status = ask.status(hung)
    assert time.monotonic() - began < 5
    running, stopped = status.pipelines
    assert running.unanswered >= {"state", "counts", "checkpoint", "lag"}
    assert "running: Flink does not answer" in status.problems
    assert not [problem for problem in status.problems if problem.startswith("stopped")]
    assert status.document()["pipelines"][0]["state"] is None

    console = Console(width=80, file=io.StringIO())
    console.print(status_table(status), pipeline_detail(stopped, status.at))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "no answer" in text
    assert "✗ running: Flink does not answer" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_folder_without_a_stack_has_no_jobs_and_only_services_that_are_down(tmp_path: Path) -> None:
    status = ask.status(Home(tmp_path))
    assert status.pipelines == ()
    assert {service.state for service in status.services} == {"down"}
    assert ask.jobs(Home(tmp_path)) == ()

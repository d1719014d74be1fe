import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local import pipelines
from procstream_local.home import Home, PipelineRecord, StackRecord

KNOWN = PipelineRecord(name="lineage", source="lineage", job_id="a1b2")


@pytest.fixture
def flink() -> Iterator[Callable[[int, str], int]]:
    """Starts a server that has one answer to everything; gives its port."""
    servers = []

    def start(status: int, body: str) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def stack(folder: Path, port: int) -> Home:
    home = Home(folder)
    home.write(StackRecord(ports={"flink-rest": port}, pipelines={"lineage": KNOWN}))
    return home


def submitting(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a program in the place of the command that submits."""
    client = folder / "procstream-job"
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))


class TestResume:
    def test_a_job_that_flink_does_not_know_is_submitted_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Callable[[int, str], int]
    ) -> None:
        submitting(tmp_path, monkeypatch, """echo '{"job_id": "c3d4"}'""")
        home = stack(tmp_path, flink(404, "{}"))
        assert [pipeline.job_id for pipeline in pipelines.resume(home)] == ["c3d4"]
        assert home.read().pipelines["lineage"].job_id == "c3d4"

    def test_a_running_job_is_left_alone(self, tmp_path: Path, flink: Callable[[int, str], int]) -> None:
        assert pipelines.resume(stack(tmp_path, flink(200, '{"state": "RESTARTING"}'))) == []

    def test_a_flink_that_does_not_answer_is_no_reason_to_start_a_second_job(self, tmp_path: Path) -> None:
        with pytest.raises(ProcstreamError, match=r"Flink at http://127\.0\.0\.1:1 does not answer"):
            pipelines.resume(stack(tmp_path, 1))

    def test_neither_is_one_that_cannot_tell(self, tmp_path: Path, flink: Callable[[int, str], int]) -> None:
        with pytest.raises(ProcstreamError, match="job a1b2: found answer 503, expected its state"):
            pipelines.resume(stack(tmp_path, flink(503, "not yet")))


class TestSubmission:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Home:
        home = Home(tmp_path)
        home.write(StackRecord(ports={"flink-rest": 1}))
        return home

    def test_every_line_of_the_clients_error_and_its_exit_code_are_passed_on(
        self, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script = """printf 'warning: x\\nerror: a.yaml: one\\na.yaml: two\\n' >&2; exit 2"""
        submitting(home.path, monkeypatch, script)
        with pytest.raises(ProcstreamError) as caught:
            pipelines.run(home, "lineage")
        assert str(caught.value) == "a.yaml: one\na.yaml: two"
        assert caught.value.exit_code == 2

    def test_a_client_that_crashed_is_quoted(self, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
        submitting(home.path, monkeypatch, "echo 'out of memory' >&2; exit 137")
        with pytest.raises(ProcstreamError, match="lineage: out of memory"):
            pipelines.run(home, "lineage")

import json
import re
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from procstream_common.errors import ProcstreamError
from procstream_local import pipelines
from procstream_local.stack import ports
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord, StackRecord

KNOWN = PipelineRecord(name="lineage", source="lineage", job_id="a1b2")
STOPPED = KNOWN.model_copy(update={"active": False, "savepoint": "file:/savepoint"})


Answer = tuple[int, str]
Flink = Callable[..., int]

STOPPING: dict[str, Answer] = {"POST /jobs/a1b2/stop": (202, '{"request-id": "t1"}')}


@pytest.fixture
def flink() -> Iterator[Flink]:
    """Starts a server that has one answer to everything, but for some requests; gives its port."""
    servers = []

    def start(status: int, body: str, answers: dict[str, Answer] | None = None) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = (answers or {}).get(f"{self.command} {self.path}", (status, body))
                self.send_response(answer[0])
                self.end_headers()
                self.wfile.write(answer[1].encode())

            do_POST = do_PATCH = do_GET  # noqa: N815

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def stack(folder: Path, port: int, *others: PipelineRecord) -> Home:
    home = Home(folder)
    known = {pipeline.name: pipeline for pipeline in (*others, KNOWN)}
    home.write(StackRecord(ports={**ports.USUAL, "flink-rest": port}, pipelines=known))
    return home


def submitting(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Puts a program in the place of the command that submits."""
    client = folder / "procstream-job"
    client.write_text(f"#!/bin/sh\n{script}\n")
    client.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))


class TestResume:
    def test_a_job_that_flink_does_not_know_is_submitted_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        submitting(tmp_path, monkeypatch, """echo '{"job_id": "c3d4"}'""")
        home = stack(tmp_path, flink(404, "{}"))
        assert [pipeline.job_id for pipeline in pipelines.resume(home)] == ["c3d4"]
        assert home.read().pipelines["lineage"].job_id == "c3d4"

    def test_a_folder_with_a_pipelines_name_is_not_taken_for_its_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        submitting(tmp_path, monkeypatch, """echo '{"job_id": "c3d4"}'""")
        (tmp_path / "lineage").mkdir()
        monkeypatch.chdir(tmp_path)
        home = stack(tmp_path, flink(404, "{}"))
        assert [pipeline.source for pipeline in pipelines.resume(home)] == ["lineage"]

    def test_a_running_job_is_left_alone(self, tmp_path: Path, flink: Flink) -> None:
        assert pipelines.resume(stack(tmp_path, flink(200, '{"state": "RESTARTING"}'))) == []

    def test_a_stopped_one_stays_so(self, tmp_path: Path, flink: Flink) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        home.write(home.read().model_copy(update={"pipelines": {"lineage": STOPPED}}))
        assert pipelines.resume(home) == []

    def test_one_whose_password_is_missing_does_not_hold_back_the_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        submitting(tmp_path, monkeypatch, """echo '{"job_id": "c3d4"}'""")
        monkeypatch.delenv("KAFKA_SASL_PASSWORD", raising=False)
        secured = PipelineRecord(
            name="secured", source="lineage", job_id="e5f6", secrets=["KAFKA_SASL_PASSWORD"]
        )
        home = stack(tmp_path, flink(404, "{}"), secured)
        resumed: list[PipelineRecord] = []
        expected = "pipeline secured was not resumed: it was started with KAFKA_SASL_PASSWORD"
        with pytest.raises(ProcstreamError, match=expected):
            pipelines.resume(home, resumed.append)
        assert [pipeline.name for pipeline in resumed] == ["lineage"]

    def test_it_is_started_with_the_variables_it_had(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        script = f"""env > {tmp_path}/env; echo '{{"job_id": "c3d4"}}'"""
        submitting(tmp_path, monkeypatch, script)
        home = stack(tmp_path, flink(404, "{}"))
        had = KNOWN.model_copy(update={"variables": {"KAFKA_TOPIC": "mine"}})
        home.write(home.read().model_copy(update={"pipelines": {"lineage": had}}))
        monkeypatch.setenv("KAFKA_TOPIC", "another")
        monkeypatch.setenv("OUTPUT_PATH", "/another")
        assert [pipeline.variables for pipeline in pipelines.resume(home)] == [{"KAFKA_TOPIC": "mine"}]
        env = (tmp_path / "env").read_text().splitlines()
        assert "KAFKA_TOPIC=mine" in env
        assert f"KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:{ports.USUAL['kafka']}" in env
        assert not [line for line in env if line.startswith("OUTPUT_PATH")]

    def test_a_flink_that_does_not_answer_is_no_reason_to_start_a_second_job(self, tmp_path: Path) -> None:
        with pytest.raises(ProcstreamError, match=r"Flink at http://127\.0\.0\.1:1 does not answer"):
            pipelines.resume(stack(tmp_path, 1))

    def test_neither_is_one_that_cannot_tell(self, tmp_path: Path, flink: Flink) -> None:
        with pytest.raises(ProcstreamError, match="job a1b2: found answer 503, expected its state"):
            pipelines.resume(stack(tmp_path, flink(503, "not yet")))


class TestStop:
    def test_it_goes_on_when_its_savepoint_fails(self, tmp_path: Path, flink: Flink) -> None:
        trace = "java.lang.Exception: x\nCaused by: java.io.IOException: disk full\n\tat a.b(c)"
        failed: dict[str, Any] = {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {}}}
        failed["operation"]["failure-cause"] = {"class": "java.lang.Exception", "stack-trace": trace}
        answers = {**STOPPING, "GET /jobs/a1b2/savepoints/t1": (200, json.dumps(failed))}
        home = stack(tmp_path, flink(200, '{"state": "RUNNING"}', answers))
        with pytest.raises(ProcstreamError, match="the job goes on: IOException: disk full"):
            pipelines.stop(home, "lineage")
        assert home.read().pipelines["lineage"] == KNOWN

    def test_a_command_that_is_ended_leaves_nothing_that_starts_it_behind_its_savepoint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        answers = {
            **STOPPING,
            "GET /jobs/a1b2/savepoints/t1": (200, '{"status": {"id": "IN_PROGRESS"}}'),
        }
        home = stack(tmp_path, flink(200, '{"state": "RUNNING"}', answers))

        def interrupt(_: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(pipelines.lifecycle.time, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pipelines.stop(home, "lineage")
        assert not home.read().pipelines["lineage"].active

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            ((200, '{"state": "FINISHED"}'), "pipeline lineage does not run: its job is FINISHED"),
            ((404, "{}"), "pipeline lineage does not run: its job is gone"),
            ((200, '{"state": "RESTARTING"}'), "found its job RESTARTING, a savepoint needs it RUNNING"),
        ],
    )
    def test_only_a_running_job_can_be_stopped_with_a_savepoint(
        self, tmp_path: Path, flink: Flink, answer: Answer, reason: str
    ) -> None:
        home = stack(tmp_path, flink(*answer))
        with pytest.raises(ProcstreamError, match=reason):
            pipelines.stop(home, "lineage")
        assert home.read().pipelines["lineage"] == KNOWN

    def test_an_unknown_name_gets_a_guess(self, tmp_path: Path) -> None:
        expected = re.escape("no pipeline named 'linage' ran on this stack; did you mean 'lineage'?")
        with pytest.raises(ProcstreamError, match=expected):
            pipelines.stop(stack(tmp_path, 1), "linage")


class TestSubmission:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Home:
        home = Home(tmp_path)
        home.write(StackRecord(ports={**ports.USUAL, "flink-rest": 1}))
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

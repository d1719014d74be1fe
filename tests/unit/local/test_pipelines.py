"""Running, resuming, stopping and cancelling pipelines: with a Flink and a Flink client that are not real."""

import json
import re
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from procstream_common.errors import ProcstreamError, UnavailableError
from procstream_local import pipelines
from procstream_local.pipelines import jobs
from procstream_local.stack import ports
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord, RunOptions, StackRecord

from tests.unit.http_server import Answer, Request, serving

KNOWN = PipelineRecord(name="lineage", source="lineage", job_id="a1b2")
STOPPED = KNOWN.model_copy(update={"active": False, "savepoint": "file:/savepoint"})
# Flink's states of a job that may not be started a second time (`JobStatus`).
RUNNING = ["INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "RECONCILING"]
ENDED = ["FINISHED", "CANCELED", "FAILED"]

Flink = Callable[..., int]

STOPPING: dict[str, tuple[int, str]] = {"POST /jobs/a1b2/stop": (202, '{"request-id": "t1"}')}


@pytest.fixture
def requests() -> list[tuple[str, Any]]:
    """The requests to Flink: method with path, and body."""
    return []


@pytest.fixture
def flink(requests: list[tuple[str, Any]]) -> Iterator[Flink]:
    """Starts a server that has one answer to everything, except to some requests; returns its port."""
    with ExitStack() as servers:

        def start(status: int, body: str, answers: Mapping[str, tuple[int, str]] | None = None) -> int:
            def answer(request: Request) -> Answer:
                name = f"{request.method} {request.path}"
                requests.append((name, request.json if request.body else None))
                return Answer(*(answers or {}).get(name, (status, body)))

            return int(servers.enter_context(serving(answer)).url.rpartition(":")[2])

        yield start


def stack(folder: Path, port: int, *others: PipelineRecord) -> Home:
    home = Home(folder)
    known = {pipeline.name: pipeline for pipeline in (*others, KNOWN)}
    home.write(StackRecord(ports={**ports.USUAL, "flink-rest": port}, pipelines=known))
    return home


def checkpoint(home: Home, number: int, job: str = "a1b2") -> str:
    folder = home.checkpoints / job / f"chk-{number}"
    folder.mkdir(parents=True)
    (folder / "_metadata").write_bytes(struct.pack(">iiq", 0x4960672D, 4, number))
    return folder.as_uri()


@dataclass(frozen=True)
class Client:
    """A program in the place of the Flink client."""

    folder: Path

    def answers(self, job_id: str = "c3d4", **fields: Any) -> None:
        job = {"pipeline": "lineage", "job_id": job_id, "destinations": []}
        (self.folder / "answer").write_text(json.dumps({"job": job, **fields}))
        self.does(f"cat {self.folder}/answer")

    def does(self, script: str) -> None:
        client = self.folder / "procstream-job"
        recorded = (
            f'echo "$@" > {self.folder}/arguments; cat > {self.folder}/request; env > {self.folder}/env'
        )
        client.write_text(f"#!/bin/sh\n{recorded}\n{script}\n")
        client.chmod(0o755)

    @property
    def was_started(self) -> bool:
        return (self.folder / "request").exists()

    @property
    def request(self) -> Any:
        return json.loads((self.folder / "request").read_text())

    @property
    def env(self) -> dict[str, str]:
        lines = (self.folder / "env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """A Flink client that starts job c3d4, unless the test gives it something else to do."""
    folder = tmp_path / "client"
    folder.mkdir()
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    found = Client(folder)
    found.answers()
    return found


class TestRun:
    def test_a_new_pipeline_starts_without_state_and_is_recorded(
        self, tmp_path: Path, client: Client, flink: Flink
    ) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        options = RunOptions(
            parallelism=3, checkpoint_interval=timedelta(seconds=7), flink={"pipeline.max-parallelism": "8"}
        )
        started = pipelines.run(home, "fraud-alerts", options, {"FRAUD_THRESHOLD": "7"})
        assert (started.job_id, started.restored_from, started.active) == ("c3d4", None, True)
        assert home.read().pipelines == {"lineage": KNOWN, "fraud-alerts": started}
        assert started.options == options
        assert started.variables["FRAUD_THRESHOLD"] == "7"
        assert client.request["from_savepoint"] is None
        assert client.request["overrides"] == {"pipeline.max-parallelism": "8"}
        assert client.request["pipeline"]["flink"]["parallelism"] == 3
        assert client.request["pipeline"]["flink"]["checkpoint_interval"] == "7 s"
        assert client.env["FRAUD_THRESHOLD"] == "7"

    @pytest.mark.parametrize("state", RUNNING)
    @pytest.mark.parametrize("options", [{}, {"fresh": True}, {"checkpoint": "file:/x"}], ids=str)
    def test_a_running_pipeline_is_not_started_a_second_time(
        self, tmp_path: Path, client: Client, flink: Flink, state: str, options: dict[str, Any]
    ) -> None:
        home = stack(tmp_path, flink(200, json.dumps({"state": state})))
        with pytest.raises(ProcstreamError, match="pipeline lineage is running as job a1b2; stop it first"):
            pipelines.run(home, "lineage", **options)
        assert not client.was_started
        assert home.read().pipelines["lineage"] == KNOWN

    @pytest.mark.usefixtures("client")
    def test_a_flink_that_does_not_answer_is_no_reason_to_start_a_second_job(
        self, tmp_path: Path, client: Client
    ) -> None:
        with pytest.raises(UnavailableError):
            pipelines.run(stack(tmp_path, 1), "lineage")
        assert not client.was_started

    @pytest.mark.parametrize("state", ENDED)
    def test_one_that_ended_resumes_from_its_newest_state(
        self, tmp_path: Path, client: Client, flink: Flink, state: str
    ) -> None:
        home = stack(tmp_path, flink(200, json.dumps({"state": state})))
        _, newest = checkpoint(home, 9), checkpoint(home, 10)
        assert pipelines.run(home, "lineage").restored_from == newest
        assert client.request["from_savepoint"] == newest
        assert home.read().pipelines["lineage"].restored_from == newest

    def test_fresh_starts_without_state(self, tmp_path: Path, client: Client, flink: Flink) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        checkpoint(home, 9)
        assert pipelines.run(home, "lineage", fresh=True).restored_from is None
        assert client.request["from_savepoint"] is None

    def test_a_given_checkpoint_is_used_instead_of_the_newest(
        self, tmp_path: Path, client: Client, flink: Flink
    ) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        older, _ = checkpoint(home, 9), checkpoint(home, 10)
        assert pipelines.run(home, "lineage", checkpoint=older).restored_from == older
        assert client.request["from_savepoint"] == older

    @pytest.mark.usefixtures("client")
    def test_passwords_are_not_recorded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hidden")
        started = pipelines.run(stack(tmp_path, flink(404, "{}")), "lineage")
        assert started.secrets == ["KAFKA_SASL_PASSWORD"]
        assert "hidden" not in (tmp_path / "run" / "stack.json").read_text()

    @pytest.mark.usefixtures("client")
    def test_a_file_is_recorded_with_its_absolute_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        document = {"name": "mine", "sources": {"r": {"topic": "t", "format": "avro"}}, "sink": {"print": {}}}
        (tmp_path / "mine.yaml").write_text(json.dumps(document))
        monkeypatch.chdir(tmp_path)
        home = stack(tmp_path, flink(404, "{}"))
        assert pipelines.run(home, "./mine.yaml").source == str(tmp_path / "mine.yaml")

    def test_without_a_stack_nothing_is_submitted(self, tmp_path: Path, client: Client, flink: Flink) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        home.write(home.read().model_copy(update={"ports": {}}))
        with pytest.raises(ProcstreamError, match="run `procstream up` first"):
            pipelines.run(home, "lineage")
        assert not client.was_started


class TestResume:
    def test_a_job_that_flink_does_not_know_is_submitted_again_from_its_newest_checkpoint(
        self, tmp_path: Path, client: Client, flink: Flink
    ) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        _, newest = checkpoint(home, 9), checkpoint(home, 10)
        assert [pipeline.job_id for pipeline in pipelines.resume(home)] == ["c3d4"]
        assert home.read().pipelines["lineage"].job_id == "c3d4"
        assert client.request["from_savepoint"] == newest

    def test_it_keeps_the_options_of_its_first_start(
        self, tmp_path: Path, client: Client, flink: Flink
    ) -> None:
        options = RunOptions(parallelism=3, flink={"pipeline.max-parallelism": "8"})
        home = stack(tmp_path, flink(404, "{}"))
        had = KNOWN.model_copy(update={"options": options})
        home.write(home.read().model_copy(update={"pipelines": {"lineage": had}}))
        assert [pipeline.options for pipeline in pipelines.resume(home)] == [options]
        assert client.request["overrides"] == options.flink
        assert client.request["pipeline"]["flink"]["parallelism"] == 3

    @pytest.mark.usefixtures("client")
    def test_a_folder_with_a_pipelines_name_is_not_its_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        (tmp_path / "lineage").mkdir()
        monkeypatch.chdir(tmp_path)
        home = stack(tmp_path, flink(404, "{}"))
        assert [pipeline.source for pipeline in pipelines.resume(home)] == ["lineage"]

    @pytest.mark.parametrize("state", [*RUNNING, *ENDED])
    def test_a_job_that_flink_knows_is_not_submitted_again(
        self, tmp_path: Path, client: Client, flink: Flink, state: str
    ) -> None:
        assert pipelines.resume(stack(tmp_path, flink(200, json.dumps({"state": state})))) == []
        assert not client.was_started

    def test_a_stopped_pipeline_stays_stopped(self, tmp_path: Path, client: Client, flink: Flink) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        home.write(home.read().model_copy(update={"pipelines": {"lineage": STOPPED}}))
        assert pipelines.resume(home) == []
        assert not client.was_started

    @pytest.mark.usefixtures("client")
    def test_a_pipeline_whose_password_is_missing_does_not_hold_back_the_others(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
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
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Client, flink: Flink
    ) -> None:
        home = stack(tmp_path, flink(404, "{}"))
        had = KNOWN.model_copy(update={"variables": {"KAFKA_TOPIC": "mine"}})
        home.write(home.read().model_copy(update={"pipelines": {"lineage": had}}))
        monkeypatch.setenv("KAFKA_TOPIC", "another")
        monkeypatch.setenv("OUTPUT_PATH", "/another")
        assert [pipeline.variables for pipeline in pipelines.resume(home)] == [{"KAFKA_TOPIC": "mine"}]
        assert client.env["KAFKA_TOPIC"] == "mine"
        assert client.env["KAFKA_BOOTSTRAP_SERVERS"] == f"127.0.0.1:{ports.USUAL['kafka']}"
        assert "OUTPUT_PATH" not in client.env
        assert client.request["pipeline"]["sources"]["lineage_input"]["topic"] == "mine"

    def test_a_flink_that_does_not_answer_is_no_reason_to_start_a_second_job(
        self, tmp_path: Path, client: Client
    ) -> None:
        with pytest.raises(ProcstreamError, match=r"^Flink at 127\.0\.0\.1:1 did not answer: "):
            pipelines.resume(stack(tmp_path, 1))
        assert not client.was_started

    def test_neither_is_one_that_returns_no_state(self, tmp_path: Path, client: Client, flink: Flink) -> None:
        port = flink(503, "not yet")
        with pytest.raises(ProcstreamError, match=rf"^Flink at 127\.0\.0\.1:{port}: answer 503 Service Una"):
            pipelines.resume(stack(tmp_path, port))
        assert not client.was_started


class TestStop:
    def test_the_savepoint_is_recorded_after_the_job_has_ended(
        self, tmp_path: Path, flink: Flink, requests: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        savepoint = '{"status": {"id": "COMPLETED"}, "operation": {"location": "file:/s/savepoint-1"}}'
        answers = {**STOPPING, "GET /jobs/a1b2/savepoints/t1": (200, savepoint)}
        home = stack(tmp_path, flink(200, '{"state": "RUNNING"}', answers))
        # The job ends while the command waits.
        ended = (200, '{"state": "FINISHED"}')
        monkeypatch.setattr(jobs.time, "sleep", lambda _: answers.update({"GET /jobs/a1b2": ended}))
        assert pipelines.stop(home, "lineage", drain=True) == "file:/s/savepoint-1"
        assert answers["GET /jobs/a1b2"] == ended, "it returned before the job had ended"
        stopped = home.read().pipelines["lineage"]
        assert (stopped.active, stopped.savepoint) == (False, "file:/s/savepoint-1")
        folder = (home.savepoints / "a1b2").as_uri()
        assert ("POST /jobs/a1b2/stop", {"targetDirectory": folder, "drain": True}) in requests

    def test_the_pipeline_continues_when_its_savepoint_fails(self, tmp_path: Path, flink: Flink) -> None:
        trace = "java.lang.Exception: x\nCaused by: java.io.IOException: disk full\n\tat a.b(c)"
        failed: dict[str, Any] = {"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {}}}
        failed["operation"]["failure-cause"] = {"class": "java.lang.Exception", "stack-trace": trace}
        answers = {**STOPPING, "GET /jobs/a1b2/savepoints/t1": (200, json.dumps(failed))}
        home = stack(tmp_path, flink(200, '{"state": "RUNNING"}', answers))
        expected = "the savepoint of job a1b2 failed, the job continues: IOException: disk full"
        with pytest.raises(ProcstreamError, match=expected):
            pipelines.stop(home, "lineage")
        assert home.read().pipelines["lineage"] == KNOWN

    def test_a_refusal_is_shown_with_flinks_reason(self, tmp_path: Path, flink: Flink) -> None:
        refusal = json.dumps({"errors": ["java.lang.IllegalStateException: no checkpoints"]})
        home = stack(tmp_path, flink(200, '{"state": "RUNNING"}', {"POST /jobs/a1b2/stop": (409, refusal)}))
        expected = "job a1b2 was not stopped: .*: IllegalStateException: no checkpoints"
        with pytest.raises(ProcstreamError, match=expected):
            pipelines.stop(home, "lineage")
        assert home.read().pipelines["lineage"] == KNOWN

    def test_after_an_interrupted_stop_up_does_not_resume_from_before_its_savepoint(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flink: Flink
    ) -> None:
        answers = {
            **STOPPING,
            "GET /jobs/a1b2/savepoints/t1": (200, '{"status": {"id": "IN_PROGRESS"}}'),
        }
        home = stack(tmp_path, flink(200, '{"state": "RUNNING"}', answers))

        def interrupt(_: float) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(jobs.time, "sleep", interrupt)
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
        self, tmp_path: Path, flink: Flink, answer: tuple[int, str], reason: str
    ) -> None:
        home = stack(tmp_path, flink(*answer))
        with pytest.raises(ProcstreamError, match=reason):
            pipelines.stop(home, "lineage")
        assert home.read().pipelines["lineage"] == KNOWN

    def test_an_unknown_name_gets_a_guess(self, tmp_path: Path) -> None:
        expected = re.escape("no pipeline named 'linage' ran on this stack; did you mean 'lineage'?")
        with pytest.raises(ProcstreamError, match=expected):
            pipelines.stop(stack(tmp_path, 1), "linage")


class TestCancel:
    def test_the_job_is_cancelled_and_up_does_not_resume_it(
        self, tmp_path: Path, flink: Flink, requests: list[tuple[str, Any]]
    ) -> None:
        home = stack(tmp_path, flink(202, ""))
        pipelines.cancel(home, "lineage")
        assert [request for request, _ in requests] == ["PATCH /jobs/a1b2?mode=cancel"]
        assert not home.read().pipelines["lineage"].active

    @pytest.mark.parametrize("answer", [(404, "{}"), (200, '{"state": "FINISHED"}')], ids=["gone", "ended"])
    def test_a_job_that_has_ended_needs_no_cancelling(
        self, tmp_path: Path, flink: Flink, answer: tuple[int, str]
    ) -> None:
        refusal = (409, '{"errors": ["job is FINISHED"]}')
        home = stack(tmp_path, flink(*answer, {"PATCH /jobs/a1b2?mode=cancel": refusal}))
        pipelines.cancel(home, "lineage")
        assert not home.read().pipelines["lineage"].active

    def test_a_running_job_that_flink_does_not_cancel_stays_recorded_as_running(
        self, tmp_path: Path, flink: Flink
    ) -> None:
        refusal = (400, '{"errors": ["not now"]}')
        answers = {"PATCH /jobs/a1b2?mode=cancel": refusal}
        home = stack(tmp_path, flink(200, '{"state": "RUNNING"}', answers))
        with pytest.raises(ProcstreamError, match="not now"):
            pipelines.cancel(home, "lineage")
        assert home.read().pipelines["lineage"] == KNOWN


class TestSubmission:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Home:
        home = Home(tmp_path)
        home.write(StackRecord(ports={**ports.USUAL, "flink-rest": 1}))
        return home

    def test_the_client_has_the_connections_in_its_environment_and_the_request_on_stdin(
        self, home: Home, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "kafka.example:9092")
        pipelines.run(home, "lineage")
        assert (client.folder / "arguments").read_text().split() == ["submit"]
        assert client.env["KAFKA_BOOTSTRAP_SERVERS"] == "kafka.example:9092"
        assert client.request["file"] == "lineage.yaml"

    def test_every_line_of_the_clients_error_its_warnings_and_its_exit_code_are_passed_on(
        self, home: Home, client: Client
    ) -> None:
        client.answers(job=None, error="a.yaml: one\na.yaml: two", exit_code=2, warnings=["x", "y"])
        warnings: list[str] = []
        with pytest.raises(ProcstreamError) as caught:
            pipelines.run(home, "lineage", warn=warnings.append)
        assert str(caught.value) == "a.yaml: one\na.yaml: two"
        assert caught.value.exit_code == 2
        assert warnings == ["x", "y"]
        assert home.read().pipelines == {}, "a pipeline that did not start is not recorded"

    def test_a_client_that_crashed_is_quoted(self, home: Home, client: Client) -> None:
        client.does("echo 'a stack trace' >&2; echo 'out of memory' >&2; exit 137")
        expected = "lineage.yaml: the Flink client ended with exit code 137 and without an answer: out of mem"
        with pytest.raises(ProcstreamError, match=expected):
            pipelines.run(home, "lineage")
        assert home.read().pipelines == {}

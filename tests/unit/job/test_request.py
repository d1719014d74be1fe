"""A submission as data: what goes to the client's process, and what comes back."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from procstream_common.errors import ProcstreamError
from procstream_job.file.reading import PipelineFile, read_pipeline, shipped_pipelines
from procstream_job.submitting import request
from procstream_job.submitting.flink_target import FlinkTarget
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.request import SubmitAnswer, SubmitRequest, answer
from procstream_job.submitting.submission import SubmittedJob

ENV = {"FLINK_ADDRESS": "127.0.0.1:1"}
JOB = SubmittedJob("lineage", "abc", ("/lake",))
CLIENT = Path(sys.executable).with_name("procstream-job")


class FakeSubmit:
    """Stands for `submit`; keeps what it was called with."""

    def __init__(self, error: ProcstreamError | None = None) -> None:
        self.error = error
        self.calls: list[dict[str, Any]] = []

    def __call__(
        self, files: Sequence[PipelineFile], target: FlinkTarget, env: Mapping[str, str], **options: Any
    ) -> Iterator[SubmittedJob]:
        self.calls.append({"files": files, "target": target, "env": env, **options})
        options["warn"]("few slots")
        if self.error:
            raise self.error
        yield JOB


@pytest.mark.parametrize("name", shipped_pipelines())
def test_a_pipeline_is_the_same_on_the_other_side(name: str) -> None:
    sent = SubmitRequest.of(read_pipeline(name, {}), patience=timedelta(seconds=90))
    assert SubmitRequest.model_validate_json(sent.model_dump_json()) == sent


def test_a_request_in_a_log_shows_no_values() -> None:
    pipeline = read_pipeline("fraud-alerts", {"FRAUD_THRESHOLD": "4711"}).pipeline
    sent = SubmitRequest.of(PipelineFile("f", pipeline), overrides={"s3.secret-key": "4711"})
    assert "4711" in sent.model_dump_json()
    assert "4711" not in repr(sent)


def test_what_is_asked_for_is_submitted(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSubmit()
    monkeypatch.setattr(request, "submit", fake)
    file = PipelineFile("mine.yaml", read_pipeline("lineage", {}).pipeline.with_flags(7), Path("/mine"))
    sent = SubmitRequest.of(
        file,
        overrides={"pipeline.name": "other"},
        from_savepoint="file:/savepoint",
        patience=timedelta(seconds=5),
    )
    found = answer(sent.model_dump_json(), ENV)
    assert found == SubmitAnswer(job=JOB, warnings=["few slots"])
    assert found.submitted() == JOB
    [call] = fake.calls
    assert call["files"] == [file]
    assert call["files"][0].pipeline.flink.parallelism == 7
    assert call["target"].address == "127.0.0.1:1"
    assert call["env"] == ENV
    assert call["overrides"] == {"pipeline.name": "other"}
    assert call["from_savepoint"] == "file:/savepoint"
    assert isinstance(call["patience"], Patience)
    assert call["patience"].timeout == timedelta(seconds=5)


def test_an_error_comes_back_with_its_exit_code_and_all_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    mistake = ProcstreamError("first line\nsecond line")
    mistake.exit_code = 2
    monkeypatch.setattr(request, "submit", FakeSubmit(mistake))
    found = answer(SubmitRequest.of(read_pipeline("lineage", {})).model_dump_json(), ENV)
    assert found == SubmitAnswer(error="first line\nsecond line", exit_code=2, warnings=["few slots"])
    with pytest.raises(ProcstreamError, match=r"^first line\nsecond line$") as raised:
        found.submitted()
    assert raised.value.exit_code == 2


def test_a_request_that_cannot_be_read_is_not_repeated_in_the_error() -> None:
    document = json.loads(SubmitRequest.of(read_pipeline("lineage", {})).model_dump_json())
    document["pipeline"]["name"] = "Secret Text"
    found = answer(json.dumps(document), ENV)
    assert found.exit_code == 1
    assert found.error is not None
    assert found.error == "stdin: pipeline.name: value_error; expected a request to submit"
    assert answer("{", ENV).error


def test_stdout_has_the_answer_alone(tmp_path: Path) -> None:
    (tmp_path / "loud.py").write_text("import os\nprint('loud')\nos.system('echo louder')\n")
    document = json.loads(SubmitRequest.of(read_pipeline("fraud-alerts", {})).model_dump_json())
    document["pipeline"]["functions"] = ["loud:missing"]
    document["folder"] = str(tmp_path)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from procstream_job.submitting import request\n"
        "def submit(*args, **options):\n"
        "    import loud\n"
        "    raise request.ProcstreamError('refused')\n"
        "request.submit = submit\n"
        "request.answer_stdin({'FLINK_ADDRESS': '127.0.0.1:1'})\n"
        "print('restored')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = result.stdout.splitlines()
    assert SubmitAnswer.model_validate_json(first) == SubmitAnswer(error="refused", exit_code=1)
    assert second == "restored"
    assert result.stderr.split() == ["loud", "louder"] or result.stderr.split() == ["louder", "loud"]


def test_the_command_answers_and_exits_with_0(tmp_path: Path) -> None:
    sent = SubmitRequest.of(read_pipeline("fraud-alerts", {})).model_dump_json()
    result = subprocess.run(
        [str(CLIENT), "submit"],
        input=sent,
        env={"PATH": os.environ["PATH"], "PROCSTREAM_HOME": str(tmp_path), "FLINK_ADDRESS": "127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = SubmitAnswer.model_validate_json(result.stdout)
    assert found.job is None
    assert found.error is not None
    assert found.error.startswith("KAFKA_BOOTSTRAP_SERVERS is not set")
    assert found.exit_code == 2

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from procstream_common.errors import Server, UnavailableError
from procstream_job.topics.sql_catalog import __main__ as command
from procstream_job.topics.sql_catalog import tables_file
from procstream_job.topics.sql_catalog.tables_file import RunningPipeline, document, update

from tests.unit.http_server import Answer, Request, serving
from tests.unit.job.reading_kafka import ReadingKafka
from tests.unit.kafka_cluster import Topic

NOBODY = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"}


def test_the_file_is_its_owners_alone_and_changes_only_when_its_tables_do(tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    assert update(file, {"tables": {"a": {}}})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.stat().st_mtime_ns
    assert not update(file, {"tables": {"a": {}}})
    assert file.stat().st_mtime_ns == first
    assert update(file, {"tables": {}})
    assert json.loads(file.read_text()) == {"tables": {}}
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("options", "pipelines", "mistake"),
    [
        ((), None, "error: KAFKA_BOOTSTRAP_SERVERS 127.0.0.1:1: listing topics for 5 s: no broker answered"),
        (("--every", "soon"), None, "error: --every: found 'soon'; expected a duration"),
        (("--pipelines", "no.json"), None, "error: --pipelines: no.json: No such file"),
        (("--pipelines", "p.json"), '[{"sauce": "lineage"}]', "error: --pipelines: p.json: 0.source: "),
        (("--pipelines", "p.json"), "[", "error: --pipelines: p.json: content: "),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, options: tuple[str, ...], pipelines: str | None, mistake: str
) -> None:
    if pipelines is not None:
        (tmp_path / "p.json").write_text(pipelines)
    command = [sys.executable, "-m", "procstream_job.topics.sql_catalog", "topics.json", *options]
    result = subprocess.run(command, cwd=tmp_path, env=NOBODY, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(mistake)
    assert len(result.stderr.splitlines()) == 1


SCHEMA = '{"type":"record","name":"R","fields":[{"name":"uuid","type":"string"}]}'
PIPELINE = """
name: declared
sources:
  payments: {topic: "${TOPIC}", format: json, columns: {amount: DOUBLE}}
sink: {print: {}}
"""


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> ReadingKafka:
    """Topics of all kinds: with a schema, declared by a pipeline, of JSON, internal."""
    fake = ReadingKafka({("events", 0): {0: b'{"id": 7}'}, ("payments", 0): {0: b'{"other": true}'}})
    fake.ends(events=(0, 1), payments=(0, 1))
    fake.topics |= {"samples": Topic(), "_internal": Topic(), "__consumer_offsets": Topic()}
    monkeypatch.setattr(tables_file, "KafkaCluster", lambda _settings, **options: fake.cluster(**options))
    return fake


@pytest.fixture
def env() -> Iterator[dict[str, str]]:
    def answer(request: Request) -> Answer:
        if "samples-value" in request.path:
            return Answer(200, {"id": 1, "version": 1, "schema": SCHEMA})
        return Answer(404, {"error_code": 40401, "message": "no"})

    with serving(answer) as registry:
        yield {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "SCHEMA_REGISTRY_URL": registry.url}


def columns(tables: dict[str, Any], topic: str) -> list[str]:
    return [column["name"] for column in tables["tables"][topic]["columns"] if "metadata" not in column]


def test_every_topic_but_internal_ones_is_a_table(
    kafka: ReadingKafka, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text(PIPELINE)
    running = [RunningPipeline(source=str(tmp_path / "p.yaml"), env={"TOPIC": "payments"})]
    tables = document(running, env)
    assert sorted(tables["tables"]) == ["events", "payments", "samples"]
    assert columns(tables, "samples") == ["uuid"]
    assert columns(tables, "payments") == ["amount"]
    assert columns(tables, "events") == ["id"]


def test_only_topics_whose_columns_nobody_knows_are_read(
    kafka: ReadingKafka, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text(PIPELINE)
    document([RunningPipeline(source=str(tmp_path / "p.yaml"), env={"TOPIC": "payments"})], env)
    assert kafka.assigned == [{("events", 0): 0}]


def test_a_pipeline_that_is_broken_by_now_declares_nothing(
    kafka: ReadingKafka, env: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text("name: [")
    tables = document([RunningPipeline(source=str(tmp_path / name)) for name in ("p.yaml", "no.yaml")], env)
    assert columns(tables, "payments") == ["other"]


def test_shipped_pipelines_declare_columns_after_those_that_run(
    kafka: ReadingKafka, env: dict[str, str], tmp_path: Path
) -> None:
    kafka.topics["transactions"] = Topic()
    assert "transaction_id" in columns(document([], env), "transactions")
    (tmp_path / "p.yaml").write_text(PIPELINE)
    own = RunningPipeline(source=str(tmp_path / "p.yaml"), env={"TOPIC": "transactions"})
    assert columns(document([own], env), "transactions") == ["amount"]


class Enough(Exception):  # noqa: N818
    """Ends the loop of the command."""


def test_a_failed_attempt_keeps_the_tables_and_the_next_one_follows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "topics.json"
    pauses: list[float] = []
    answers: list[Any] = [
        {"tables": {"a": {}}},
        UnavailableError(Server.KAFKA, "no broker"),
        {"tables": {"b": {}}},
    ]
    seen: list[Any] = []

    def attempt(_running: object, _env: object) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        seen.append(json.loads(file.read_text())["tables"])
        if not answers:
            raise Enough

    monkeypatch.setattr(command.tables_file, "document", attempt)
    monkeypatch.setattr(command, "time", SimpleNamespace(sleep=sleep))
    with pytest.raises(Enough):
        command.write(file, every="2 s")
    assert pauses == [2.0, 2.0, 2.0]
    assert seen == [{"a": {}}, {"a": {}}, {"b": {}}]


def test_once_means_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(command.tables_file, "document", lambda *_: {"tables": {}})
    command.write(tmp_path / "topics.json")
    assert (tmp_path / "topics.json").is_file()

"""`procstream pipeline init`: where the columns come from, and what is written."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_job.file.reading import load_pipeline
from procstream_job.topics import init_command
from procstream_job.topics.init_command import STDOUT, init

from tests.unit.http_server import Answer, HttpServer, Request, serving
from tests.unit.job.reading_kafka import ReadingKafka

SCHEMA = '{"type":"record","name":"R","fields":[{"name":"uuid","type":"string"}]}'


@pytest.fixture(autouse=True)
def kafka(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ReadingKafka:
    fake = ReadingKafka({("orders", 0): {0: b'{"id": 7}'}, ("samples", 0): {0: b"\x00\x00"}})
    fake.ends(orders=(0, 1), samples=(0, 1))
    monkeypatch.setattr(init_command, "KafkaCluster", lambda _settings, **options: fake.cluster(**options))
    monkeypatch.setitem(os.environ, "KAFKA_BOOTSTRAP_SERVERS", "broker:9092")
    monkeypatch.delenv("SCHEMA_REGISTRY_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return fake


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    def answer(request: Request) -> Answer:
        if "samples-value" in request.path:
            return Answer(200, {"id": 1, "version": 3, "schema": SCHEMA})
        return Answer(404, {"error_code": 40401, "message": "no"})

    with serving(answer) as server:
        monkeypatch.setitem(os.environ, "SCHEMA_REGISTRY_URL", server.url)
        yield server


def test_json_needs_no_registry(capsys: pytest.CaptureFixture[str]) -> None:
    init("orders", None, "print", None, 100, force=False)
    assert capsys.readouterr().out == (
        "orders.yaml: pipeline orders, 1 columns from 1 records\nnext: procstream pipeline run orders.yaml\n"
    )
    assert load_pipeline("orders.yaml", {}).sources["orders"].format == "json"


def test_a_registered_schema_wins_over_records(
    registry: HttpServer, kafka: ReadingKafka, capsys: pytest.CaptureFixture[str]
) -> None:
    init("samples", "mine", "print", "mine.yaml", 100, force=False)
    assert "1 columns from samples-value, version 3" in capsys.readouterr().out
    assert load_pipeline("mine.yaml", {}).sources["samples"].format == "avro"
    assert kafka.assigned == []


def test_without_a_schema_records_are_read(registry: HttpServer) -> None:
    init("orders", None, "print", None, 100, force=False)
    assert load_pipeline("orders.yaml", {}).sources["orders"].format == "json"


def test_a_kafka_sink_says_which_topic_must_exist(capsys: pytest.CaptureFixture[str]) -> None:
    init("orders", None, "kafka", "b.yaml", 100, force=False)
    assert "its rows go to topic orders-output, which must exist\n" in capsys.readouterr().out


def test_a_file_that_exists_is_kept_unless_forced(tmp_path: Path) -> None:
    file = tmp_path / "orders.yaml"
    file.write_text("mine")
    with pytest.raises(ProcstreamError, match=r"^--output: orders\.yaml exists; expected another path, or"):
        init("orders", None, "print", None, 100, force=False)
    assert file.read_text() == "mine"
    init("orders", None, "print", None, 100, force=True)
    assert file.read_text() != "mine"


def test_stdout_has_the_file_alone(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    init("orders", None, "print", STDOUT, 100, force=False)
    assert capsys.readouterr().out.splitlines()[0].startswith(("# yaml-language-server", "name: orders"))
    assert list(tmp_path.glob("*.yaml")) == []


@pytest.mark.parametrize(
    ("topic", "name", "output", "expected"),
    [
        ("no topic", None, None, "--topic: found 'no topic'"),
        ("orders", "Not A Name", None, "--name: found 'Not A Name'"),
        ("orders", "lineage", None, "--name: a shipped pipeline is called lineage"),
        ("order", None, None, "--topic: topic 'order' does not exist; did you mean 'orders'"),
        ("orders", None, "nowhere/x.yaml", "--output: nowhere/x.yaml: No such file or directory"),
    ],
)
def test_a_mistake_names_its_option(topic: str, name: str | None, output: str | None, expected: str) -> None:
    with pytest.raises(ProcstreamError) as raised:
        init(topic, name, "print", output, 100, force=False)
    assert str(raised.value).startswith(expected)

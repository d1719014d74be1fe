"""`procstream pipeline init`: a pipeline file to start from, with the columns of a topic."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration import commands, records
from tests.integration.conftest import free_port
from tests.integration.topics import MakeTopic

pytestmark = pytest.mark.usefixtures("home")

PlainTopic = Callable[..., str]

ORDER = {"id": "a-1", "user": {"name": "Zoë"}, "amount": 12.5, "at": 1_795_273_203_473}


def init(topic: str, file: Path | str, *options: str) -> str:
    """What a successful `init` prints."""
    result = commands.run("procstream", "pipeline", "init", "--topic", topic, "--output", str(file), *options)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refusal(*options: str, env: dict[str, str] | None = None) -> str:
    """The one line that `init` ends with."""
    result = commands.run("procstream", "pipeline", "init", *options, env=env)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr.removeprefix("error: ")


def validated(file: Path) -> str:
    """The output of `validate --online` for a valid file."""
    result = commands.run("procstream", "pipeline", "validate", "--online", str(file))
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture
def plain_topic(make_topic: MakeTopic) -> PlainTopic:
    """`plain_topic(*values)`: a topic without a schema; values are JSON, or bytes as they are."""

    def make(*values: Any) -> str:
        topic = make_topic("init", 2, None)
        for number, value in enumerate(values):
            data = value if value is None or isinstance(value, bytes) else json.dumps(value).encode()
            records.produce(topic, [data], partition=number % 2)
        return topic

    return make


@pytest.mark.parametrize("sink", ["print", "lake"])
def test_json_records(sink: str, plain_topic: PlainTopic, tmp_path: Path) -> None:
    topic, file = plain_topic(ORDER, {**ORDER, "amount": 7}, b"{", None), tmp_path / "mine.yaml"
    assert f"{file}: pipeline mine, 4 columns from 2 of 3 records" in init(
        topic, file, "--name", "mine", "--sink", sink
    )
    columns = "id STRING, user ROW<`name` STRING>, amount DOUBLE, at BIGINT"
    assert f"(topic {topic}): {columns}\n" in validated(file)


def test_avro_records(make_topic: MakeTopic, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    topic = make_topic("init-avro", 1)  # it needs no records
    init(topic, file)
    assert f"(topic {topic}): uuid STRING, timestamp TIMESTAMP(3)\n" in validated(file)


def test_columns_are_those_of_the_newest_records(plain_topic: PlainTopic) -> None:
    topic = plain_topic(*[{"before": 1}] * 8, {"new": 1}, {"new": 2})
    assert "      new: BIGINT # " in (text := init(topic, "-", "--records", "2"))
    assert "before" not in text


def test_records_below_tombstones_are_found(plain_topic: PlainTopic) -> None:
    assert "a: BIGINT # 1" in init(plain_topic({"a": 1}, *[None] * 8), "-", "--records", "2")


class TestMistakes:
    def test_topic_that_does_not_exist(self) -> None:
        line = refusal("--topic", "lineage-inptu")
        assert line.startswith("--topic: topic 'lineage-inptu' does not exist; did you mean 'lineage-input'?")

    def test_topic_without_records(self, plain_topic: PlainTopic) -> None:
        topic = plain_topic()
        assert refusal("--topic", topic).startswith(
            f"topic {topic}: found no record to infer its columns from;"
        )

    def test_topic_of_other_records(self, plain_topic: PlainTopic) -> None:
        topic = plain_topic(b"id;amount", b"[]")
        line = refusal("--topic", topic)
        assert line.startswith(f"topic {topic}: found no JSON object in 2 records; expected JSON, or Avro")

    def test_file_that_exists(self, plain_topic: PlainTopic, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text("precious")
        topic = plain_topic(ORDER)
        line = refusal("--topic", topic, "--output", str(file))
        assert line == f"--output: {file} exists; expected another path, or --force\n"
        assert file.read_text() == "precious"
        init(topic, file, "--force")
        assert validated(file)

    def test_name_of_a_shipped_pipeline(self) -> None:
        line = refusal("--topic", "lineage-input", "--name", "lineage")
        assert line.startswith("--name: a shipped pipeline is called lineage; ")

    def test_kafka_is_unavailable(self) -> None:
        nowhere = f"127.0.0.1:{free_port()}"
        line = refusal("--topic", "lineage-input", env={"KAFKA_BOOTSTRAP_SERVERS": nowhere})
        assert line.startswith(f"KAFKA_BOOTSTRAP_SERVERS {nowhere}: ")
        assert "no broker answered" in line

    def test_registry_is_unavailable(self) -> None:
        url = f"http://127.0.0.1:{free_port()}/apis/ccompat/v7"
        line = refusal("--topic", "lineage-input", env={"SCHEMA_REGISTRY_URL": url})
        assert line.startswith(f"SCHEMA_REGISTRY_URL {url}: looking for subject 'lineage-input-value', ")

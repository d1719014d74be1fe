"""A user's mistake or an unavailable service: one clear line and a non-zero exit code, within seconds."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration import commands
from tests.integration.conftest import free_port
from tests.integration.running import s3_lake
from tests.integration.servers.sasl_kafka import SecuredKafka

pytestmark = pytest.mark.usefixtures("home")

TOPIC = "lineage-input"
SECONDS = 60
"""Limit for every command; the slowest ones start Flink's client on a busy machine."""

_LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+Z (INFO|WARNING) ")

RUN = ("procstream", "pipeline", "run", "lineage")
PROCSTAT = ("procstream-producer", "procstat", "--startup-timeout", "2", "--metrics-port", "0")
GENERATE = ("procstream-producer", "generate", "lineage-input", "--count", "1", "--startup-timeout", "2")
TAIL = ("procstream-producer", "tail", TOPIC, "--startup-timeout", "2", "--timeout", "1")
VERIFY = ("procstream", "lineage", "verify", "lineage")
WRONG_SETTING = COULD_NOT_TELL = 2

kafka_clients = pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param(RUN, 1, id="run"),
        pytest.param(PROCSTAT, 1, id="procstat"),
        pytest.param(GENERATE, 1, id="generate"),
        pytest.param(TAIL, 1, id="tail"),
        pytest.param(VERIFY, COULD_NOT_TELL, id="verify"),
    ],
)


def mistake(*command: str, env: Mapping[str, str] | None = None, code: int = 1) -> str:
    """The last line of a failing command; other lines may only be log lines."""
    result = commands.run(*command, env=env, timeout=SECONDS)
    lines = [line for line in result.stderr.splitlines() if not _LOG_LINE.match(line)]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert result.stderr.endswith(f"{lines[0]}\n")
    assert result.returncode == code
    return lines[0].removeprefix("error: ")


def pipeline(folder: Path, **fields: Any) -> str:
    """Path of a file like the shipped `lineage`, with other fields."""
    document = {
        "name": "mistaken",
        "sources": {"records": {"topic": TOPIC, "format": "avro"}},
        "sink": {"lake": {"time": "timestamp"}},
        **fields,
    }
    path = folder / "mistaken.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return str(path)


@pytest.fixture
def nowhere() -> str:
    """An address at which nothing listens."""
    return f"127.0.0.1:{free_port()}"


class TestPipelineFile:
    def test_unknown_key_is_named_with_the_nearest_known_one(self, tmp_path: Path) -> None:
        file = pipeline(tmp_path, sink={"lake": {"tiem": "timestamp", "time": "timestamp"}})
        line = mistake("procstream", "pipeline", "run", file)
        assert line.startswith(f"{file}: sink.lake.tiem: unknown key; did you mean 'time'?")

    def test_yaml_syntax_error_is_placed(self, tmp_path: Path) -> None:
        file = tmp_path / "mistaken.yaml"
        file.write_text("name: mistaken\nsources: [\n")
        assert mistake("procstream", "pipeline", "run", str(file)).startswith(f"{file}:3:1: ")

    def test_unknown_topic_comes_with_the_nearest_name(self, tmp_path: Path) -> None:
        file = pipeline(tmp_path, sources={"records": {"topic": "lineage-inptu", "format": "avro"}})
        line = mistake("procstream", "pipeline", "run", file)
        assert line.startswith(f"{file}: sources.records.topic: topic 'lineage-inptu' does not exist")
        assert "did you mean 'lineage-input'?" in line

    def test_column_that_the_schema_lacks(self, tmp_path: Path) -> None:
        source = {"topic": TOPIC, "format": "avro", "columns": ["uuid", "timestmp"]}
        file = pipeline(tmp_path, sources={"records": source})
        line = mistake("procstream", "pipeline", "run", file)
        assert line.startswith(f"{file}: sources.records")
        assert "'timestmp'" in line
        assert "'timestamp'" in line

    def test_time_column_that_the_query_lacks(self, tmp_path: Path) -> None:
        file = pipeline(tmp_path, sink={"lake": {"time": "event_time"}})
        line = mistake("procstream", "pipeline", "run", file)
        assert line.startswith(f"{file}: sink.lake.time: ")
        assert "'event_time'" in line
        assert "timestamp" in line

    def test_query_with_an_unknown_column(self, tmp_path: Path) -> None:
        query = "SELECT uuidd, kafka_topic, kafka_partition, kafka_offset FROM records"
        line = mistake("procstream", "pipeline", "run", pipeline(tmp_path, query=query))
        assert line.startswith(f"{tmp_path}/mistaken.yaml: query: line 1, column 8: ")
        assert "'uuidd'" in line
        assert "did you mean 'uuid'?" in line


class TestSomethingIsUnavailable:
    @kafka_clients
    def test_broker(self, command: tuple[str, ...], code: int, nowhere: str) -> None:
        line = mistake(*command, env={"KAFKA_BOOTSTRAP_SERVERS": nowhere}, code=code)
        assert nowhere in line
        assert "Connection refused" in line

    @pytest.mark.parametrize("command", [RUN, PROCSTAT, GENERATE], ids=["run", "procstat", "generate"])
    def test_registry(self, command: tuple[str, ...], nowhere: str) -> None:
        url = f"http://{nowhere}/apis/ccompat/v7"
        line = mistake(*command, env={"SCHEMA_REGISTRY_URL": url})
        assert f"SCHEMA_REGISTRY_URL {url}" in line
        assert "Connection refused" in line

    def test_flink(self, nowhere: str) -> None:
        line = mistake(*RUN, env={"FLINK_ADDRESS": nowhere})
        assert f"Flink at {nowhere} did not answer" in line

    def test_topic_of_tail(self) -> None:
        line = mistake("procstream-producer", "tail", "no-such-topic", "--timeout", "1")
        assert "no topic 'no-such-topic'" in line

    def test_bucket(self) -> None:
        lake = {
            name: path.replace("s3://lake/", "s3://no-such-bucket/") for name, path in s3_lake("x").items()
        }
        assert "'no-such-bucket'" in mistake(*VERIFY, env=lake, code=COULD_NOT_TELL)

    def test_object_store(self, nowhere: str) -> None:
        line = mistake(*VERIFY, env={**s3_lake("x"), "S3_ENDPOINT": f"http://{nowhere}"}, code=COULD_NOT_TELL)
        assert nowhere in line


class TestProcFile:
    def test_absent(self) -> None:
        line = mistake(*PROCSTAT, "--path", "/proc/no-such-file", code=WRONG_SETTING)
        assert line.startswith("PROCSTAT_PATH: found '/proc/no-such-file' (No such file or directory)")

    def test_unreadable(self) -> None:
        # A folder, because root may read any file.
        line = mistake(*PROCSTAT, "--path", "/proc", code=WRONG_SETTING)
        assert line.startswith("PROCSTAT_PATH: found '/proc' (Is a directory)")

    def test_malformed(self, tmp_path: Path) -> None:
        file = tmp_path / "stat"
        file.write_text("cpu 1 2 3 4\ncpu0 1 two 3 4\n")
        line = mistake(*PROCSTAT, "--path", str(file))
        assert line.startswith(f"{file} line 2: found 'cpu0 1 two 3 4', expected ")


class TestSettings:
    @pytest.mark.parametrize("command", [RUN, PROCSTAT, VERIFY], ids=["run", "procstat", "verify"])
    def test_unknown_security_protocol(self, command: tuple[str, ...]) -> None:
        line = mistake(*command, env={"KAFKA_SECURITY_PROTOCOL": "FOO"}, code=WRONG_SETTING)
        assert line.startswith("KAFKA_SECURITY_PROTOCOL: found 'FOO', expected ")

    @kafka_clients
    def test_wrong_password(self, command: tuple[str, ...], code: int, secured_kafka: SecuredKafka) -> None:
        mechanism = "PLAIN" if command in (TAIL, VERIFY) else "SCRAM-SHA-512"
        line = self.refusal(command, secured_kafka.sasl_settings(mechanism, password="guessed"), code)
        assert "Authentication failed" in line
        assert "guessed" not in line

    @pytest.mark.parametrize(
        ("command", "code"),
        [(RUN, 1), (PROCSTAT, 1), (VERIFY, COULD_NOT_TELL)],
        ids=["run", "procstat", "verify"],
    )
    def test_authority_that_did_not_sign_the_brokers_certificate(
        self, command: tuple[str, ...], code: int, secured_kafka: SecuredKafka
    ) -> None:
        line = self.refusal(command, secured_kafka.tls_settings(secured_kafka.other_authority), code)
        assert "certificate verify failed" in line

    def refusal(self, command: tuple[str, ...], env: Mapping[str, str], code: int) -> str:
        # A refusal is not an outage: the command ends at once, however long it may wait for the broker.
        patience = {"STARTUP_TIMEOUT_SECONDS": str(10 * SECONDS)}
        command = tuple(word for word in command if word not in ("--startup-timeout", "2"))
        line = mistake(*command, env={**env, **patience}, code=code)
        assert env["KAFKA_BOOTSTRAP_SERVERS"] in line
        return line

    def test_wrong_s3_secret(self) -> None:
        line = mistake(*VERIFY, env={**s3_lake("x"), "AWS_SECRET_ACCESS_KEY": "guessed"}, code=COULD_NOT_TELL)
        assert "s3://lake/x" in line
        assert "access is refused" in line

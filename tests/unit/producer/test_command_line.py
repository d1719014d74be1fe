"""The command line: options, their variables, and mistakes."""

import json
import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from procstream_common import logs
from procstream_common.errors import ProcstreamError
from procstream_common.registry import RegisteredSchema, SchemaRegistry
from procstream_producer.cli import app, produce_app
from procstream_producer.generators.cli import Sending, rate
from procstream_producer.generators.json_source import JsonSource
from procstream_producer.generators.transactions import Transactions
from procstream_producer.procstat.config import CONFIG_VARIABLE, SamplerConfig
from procstream_producer.stop import StopSignal
from typer.testing import CliRunner, Result

SERVICES = {"KAFKA_BOOTSTRAP_SERVERS": "broker:9092", "SCHEMA_REGISTRY_URL": "http://registry:8081"}
Started = tuple[list[str], dict[str, str]]


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Commands set signals, the log and nothing else of this process."""
    handlers, term = logging.getLogger().handlers[:], signal.getsignal(signal.SIGTERM)
    yield
    logging.getLogger().handlers[:] = handlers
    signal.signal(signal.SIGTERM, term)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT])


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Started]:
    """What would have been executed instead of this process."""
    calls: list[Started] = []

    def execve(_path: str, argv: list[str], env: dict[str, str]) -> None:
        calls.append((argv, env))

    def wait_for_schema(_self: SchemaRegistry, subject: str, timeout: float) -> RegisteredSchema:
        return RegisteredSchema(7, 1, f"schema of {subject}")

    monkeypatch.setattr("os.execve", execve)
    monkeypatch.setattr(SchemaRegistry, "wait_for_schema", wait_for_schema)
    return calls


def invoke(*args: str, on: typer.Typer = app, **env: str) -> Result:
    return CliRunner().invoke(on, args, env=SERVICES | env)


def config_of(started: list[Started]) -> SamplerConfig:
    [(_, env)] = started
    return SamplerConfig.loads(env[CONFIG_VARIABLE])


def test_the_sampler_has_defaults_for_everything(started: list[Started]) -> None:
    assert invoke("procstat").exception is None
    config = config_of(started)
    assert config.topic == "procstat_snapshots"
    assert config.subject == "procstat_snapshots-value"
    assert config.schema_text == "schema of procstat_snapshots-value"
    assert config.path == "/proc/stat"
    assert config.interval == 1.0
    assert config.node == os.uname().nodename
    assert config.buffer_max_records == 3600
    assert config.kafka["bootstrap.servers"] == "broker:9092"


def test_the_environment_sets_everything(started: list[Started], tmp_path: Path) -> None:
    path = tmp_path / "stat"
    path.write_text("cpu  1 2 3 4\n")
    env = {
        "KAFKA_TOPIC": "samples",
        "PROCSTAT_PATH": str(path),
        "PRODUCER_INTERVAL_SECONDS": "0.25",
        "NODE_NAME": "n1",
        "BUFFER_MAX_RECORDS": "5",
        "METRICS_PORT": "0",
        "METRICS_HOST": "127.0.0.1",
        "STARTUP_TIMEOUT_SECONDS": "3",
        "FLUSH_TIMEOUT_SECONDS": "4",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "WARNING",
    }
    assert invoke("procstat", on=produce_app, **env).exception is None
    config = config_of(started)
    assert config.topic == "samples"
    assert config.path == str(path)
    assert config.interval == 0.25
    assert config.node == "n1"
    assert config.buffer_max_records == 5
    assert (config.metrics_host, config.metrics_port) == ("127.0.0.1", 0)
    assert (config.startup_timeout, config.flush_timeout) == (3, 4)
    assert (config.log_format, config.log_level) == ("json", "WARNING")


def test_metrics_can_be_turned_off(started: list[Started]) -> None:
    invoke("procstat", METRICS_ENABLED="false")
    assert config_of(started).metrics_port is None


def test_the_sampling_process_is_lean_and_shows_no_secret(started: list[Started]) -> None:
    invoke(
        "procstat",
        KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        KAFKA_SASL_MECHANISM="PLAIN",
        KAFKA_SASL_USERNAME="alice",
        KAFKA_SASL_PASSWORD="s3cret",
    )
    [(argv, env)] = started
    assert argv[1:] == ["-P", "-m", "procstream_producer.procstat"]
    assert env["MALLOC_ARENA_MAX"] == "1"
    assert config_of(started).kafka["sasl.password"] == "s3cret"
    assert "s3cret" not in " ".join(argv) + repr(config_of(started))


@pytest.mark.parametrize(
    ("args", "env", "message"),
    [
        (["procstat"], {"PROCSTAT_PATH": "/nowhere"}, "PROCSTAT_PATH: found '/nowhere' (No such file"),
        (["procstat"], {"PROCSTAT_PATH": "/etc/passwd"}, "/etc/passwd: found 'root:"),
        (["procstat", "--interval", "0"], {}, "PRODUCER_INTERVAL_SECONDS: found 0, expected more than 0"),
        (["procstat", "--interval", "nan"], {}, "PRODUCER_INTERVAL_SECONDS: found nan"),
        (["procstat"], {"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        (["procstat"], {"SCHEMA_REGISTRY_URL": ""}, "SCHEMA_REGISTRY_URL is not set"),
        (["generate", "lineage-input"], {"KAFKA_BOOTSTRAP_SERVERS": "x"}, "'x' is not host:port"),
        (["generate", "transactions", "--interval", "0"], {}, "PRODUCER_INTERVAL_SECONDS: found 0, expected"),
        (["generate", "transactions", "--malformed", "1.5"], {}, "--malformed: found 1.5, expected a share"),
        (["generate", "splitpay", "--repeat", "-0.1"], {}, "--repeat: found -0.1, expected a share of the"),
        (["generate", "orders", "--late", "nan"], {}, "--late: found nan, expected a share of the records"),
        (["generate", "orders", "--late-by", "0"], {}, "--late-by: found 0, expected more than 0 seconds"),
        (["generate", "orders"], {"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
        (["tail", "t"], {"KAFKA_BOOTSTRAP_SERVERS": ""}, "KAFKA_BOOTSTRAP_SERVERS is not set"),
    ],
)
def test_a_mistake_is_one_line(
    args: list[str], env: dict[str, str], message: str, started: list[Started]
) -> None:
    error = CliRunner().invoke(app, args, env=SERVICES | env).exception
    assert isinstance(error, ProcstreamError)
    assert message in str(error)
    assert "\n" not in str(error)
    assert started == []


def test_a_rate_is_a_number_or_max() -> None:
    assert rate("max") == math.inf
    assert rate("0.1") == 0.1
    for wrong in ("fast", "0", "-1", "nan"):
        with pytest.raises(typer.BadParameter, match="expected more than 0 records per second, or max"):
            rate(wrong)


def test_every_command_explains_itself() -> None:
    for args in (["procstat"], ["tail"]):
        assert invoke(*args, "--help").exit_code == 0
    for name in ("lineage-input", "transactions", "splitpay", "orders"):
        assert invoke("generate", name, "--help").exit_code == 0
        assert invoke(name, "--help", on=produce_app).exit_code == 0


Generated = tuple[JsonSource, Sending]


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> list[Generated]:
    """What would have been sent, and how."""
    calls: list[Generated] = []

    def generate(make_source: Callable[[], JsonSource], sending: Sending) -> None:
        calls.append((make_source(), sending))

    monkeypatch.setattr("procstream_producer.generators.cli._generate", generate)
    return calls


@pytest.mark.parametrize(
    ("name", "topic", "records_per_second"),
    [
        ("transactions", "transactions", 0.5),
        ("splitpay", "topic_splitpay", 5),
        ("orders", "partitioned-topic", 20),
    ],
)
def test_a_generator_has_defaults_for_everything(
    name: str, topic: str, records_per_second: float, generated: list[Generated]
) -> None:
    assert invoke(name, on=produce_app, SCHEMA_REGISTRY_URL="").exception is None
    [(source, sending)] = generated
    assert (sending.topic, sending.rate) == (topic, records_per_second)
    assert (sending.count, sending.duration) == (None, None)
    assert source.batch(100, 0).marks == {}


def test_an_interval_is_a_rate_unless_a_rate_is_given(generated: list[Generated]) -> None:
    invoke("generate", "transactions", PRODUCER_INTERVAL_SECONDS="0.25")
    invoke("generate", "transactions", "--interval", "4")
    invoke("generate", "transactions", "--interval", "4", "--rate", "7")
    invoke("generate", "transactions", "--rate", "max")
    assert [sending.rate for _, sending in generated] == [4, 0.25, 7, math.inf]


def test_the_options_of_the_records_reach_their_source(generated: list[Generated]) -> None:
    always = ("--seed", "5", "--malformed", "1")
    for name in ("transactions", "splitpay", "orders"):
        invoke("generate", name, *always)
    invoke("generate", "splitpay", "--repeat", "1")
    invoke("generate", "orders", "--late", "1", "--late-by", "10")
    marks = [set(source.batch(10, 0).marks.values()) for source, _ in generated]
    assert marks == [{"malformed"}, {"malformed"}, {"malformed"}, {"repeated"}, {"late"}]
    order = json.loads(generated[-1][0].batch(1, 60_000).values[0])
    assert 50_000 <= order["tsMillis"] <= 55_000
    again = Transactions(seed=5, malformed=1.0)
    again.batch(10, 0)
    assert generated[0][0].batch(10, 0) == again.batch(10, 0)


def test_a_signal_ends_a_wait_and_is_remembered() -> None:
    stop = StopSignal()
    assert not stop.wait(0.0)
    assert not stop.requested
    # To this thread: another one, left by an earlier test, would not have the signal blocked.
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    assert stop.wait(60.0)
    assert stop.requested
    assert stop.wait(60.0), "asked again it answers at once"


@pytest.mark.parametrize(
    ("log_format", "read"),
    [
        (logs.LogFormat.TEXT, lambda text: text.split(" ", 2)[1:]),
        (logs.LogFormat.JSON, lambda text: [json.loads(text)["level"], json.loads(text)["message"]]),
    ],
)
def test_a_log_line_is_text_or_json(
    log_format: logs.LogFormat, read: Callable[[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(log_format, logs.LogLevel.INFO)
    logging.getLogger("x").info("broker unavailable (%s)", "refused")
    logging.getLogger("x").debug("not shown")
    [text] = capsys.readouterr().err.splitlines()
    assert read(text) == ["INFO", "broker unavailable (refused)"]

"""The properties with which each command creates its client of Kafka."""

import logging
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from procstream_common.errors import RefusedError
from procstream_common.logs import LogFormat, LogLevel
from procstream_producer.cli import app
from procstream_producer.delivery import kafka
from procstream_producer.procstat import process
from procstream_producer.procstat.config import SamplerConfig
from typer.testing import CliRunner

SCHEMA = (
    '{"type": "record", "name": "R", "fields": [{"name": "node", "type": "string"}, '
    '{"name": "timestamp", "type": "long"}]}'
)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Commands set signals and the log of this process."""
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    term = signal.getsignal(signal.SIGTERM)
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    signal.signal(signal.SIGTERM, term)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM, signal.SIGINT])


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The properties of the clients. Creating one ends the command."""
    properties: list[dict[str, Any]] = []

    def create(given: dict[str, Any]) -> None:
        properties.append(given)
        raise ValueError("no client in this test")

    for name in ("procstream_common.kafka.Producer", "procstream_common.kafka.Consumer"):
        monkeypatch.setattr(name, create)
    monkeypatch.setattr(process, "Producer", create)
    monkeypatch.setattr(process.Reading, "take", lambda _: None)
    return properties


def properties_of(created: list[dict[str, Any]], *command: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, command, env={"KAFKA_BOOTSTRAP_SERVERS": "broker:9092"})
    assert isinstance(result.exception, RefusedError), result.output
    [properties] = created
    assert properties["bootstrap.servers"] == "broker:9092"
    return properties


def sampler_properties(created: list[dict[str, Any]], **changed: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "path": "/proc/stat",
        "interval": 1.0,
        "node": "n1",
        "topic": "t",
        "subject": "t-value",
        "schema_id": 7,
        "schema_text": SCHEMA,
        "kafka": {"bootstrap.servers": "broker:9092"},
        "msk_iam_region": None,
        "buffer_max_records": 10,
        "startup_timeout": 1.0,
        "flush_timeout": 1.0,
        "metrics_host": "127.0.0.1",
        "metrics_port": None,
        "log_format": LogFormat.TEXT,
        "log_level": LogLevel.INFO,
    }
    with pytest.raises(RefusedError, match="no client in this test"):
        process.sample(SamplerConfig(**values | changed))
    [properties] = created
    return properties


def test_the_sampler_is_an_idempotent_producer_with_the_settings_of_its_cluster(
    created: list[dict[str, Any]],
) -> None:
    properties = sampler_properties(created)
    assert properties.items() >= kafka.PRODUCER_PROPERTIES.items()
    assert properties["bootstrap.servers"] == "broker:9092"
    assert properties["client.id"] == "procstream-procstat-n1"
    assert properties["log_level"] == 0
    assert "oauth_cb" not in properties


def test_the_sampler_signs_tokens_for_msk(
    created: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "token_callback", lambda region: f"tokens of {region}")
    assert sampler_properties(created, msk_iam_region="eu-west-1")["oauth_cb"] == "tokens of eu-west-1"


def test_librdkafka_logs_at_the_level_debug_only(created: list[dict[str, Any]]) -> None:
    assert sampler_properties(created, log_level=LogLevel.DEBUG)["log_level"] == 6


def test_a_generator_is_an_idempotent_producer(created: list[dict[str, Any]]) -> None:
    properties = properties_of(created, "generate", "transactions")
    assert properties.items() >= kafka.PRODUCER_PROPERTIES.items()
    assert properties["delivery.report.only.error"] is True


def test_tail_commits_nothing_creates_no_topic_and_reads_what_is_committed(
    created: list[dict[str, Any]],
) -> None:
    properties = properties_of(created, "tail", "t")
    assert properties["enable.auto.commit"] is False
    assert properties["enable.auto.offset.store"] is False
    assert properties["allow.auto.create.topics"] is False
    assert properties["isolation.level"] == "read_committed"
    assert properties["auto.offset.reset"] == "earliest"
    assert properties["group.id"] == "procstream-tail"

"""Topics and schemas of a new stack: each is created when its server is ready, not before."""

from collections.abc import Iterable
from typing import Any

import pytest
from procstream_common import provisioning as common
from procstream_common.errors import RefusedError, Server
from procstream_common.kafka import KafkaCluster
from procstream_common.registry import SchemaRegistry
from procstream_local.stack import provisioning

ENV = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:19092", "SCHEMA_REGISTRY_URL": "http://127.0.0.1:18081"}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happened, in this order."""
    happened: list[str] = []

    def ensure_topics(cluster: KafkaCluster, topics: Iterable[Any]) -> list[str]:
        names = sorted(topic.topic_name for topic in topics)
        happened.append(f"{len(names)} topics at {cluster.servers}")
        return names

    def ensure_schema(_registry: SchemaRegistry, spec: Any) -> None:
        happened.append(f"schema {spec.subject}")

    monkeypatch.setattr(common, "ensure_topics", ensure_topics)
    monkeypatch.setattr(common, "ensure_schema", ensure_schema)
    return happened


def test_every_topic_and_schema_of_the_chart_is_created(events: list[str]) -> None:
    values = common.read_values(provisioning.VALUES)
    provisioning.provision(ENV, lambda _: None, lambda _: None)
    assert f"{len(values.topics)} topics at 127.0.0.1:19092" in events
    created = [event for event in events if event.startswith("schema ")]
    assert created == [f"schema {schema.subject}" for schema in values.schemas]


def test_topics_wait_for_kafka_and_schemas_for_the_registry(events: list[str]) -> None:
    provisioning.provision(
        ENV, lambda name: events.append(f"{name} ready"), lambda name: events.append(f"{name} created")
    )
    order = [event for event in events if not event.startswith("schema ")]
    assert order == [
        "kafka ready",
        f"{len(common.read_values(provisioning.VALUES).topics)} topics at 127.0.0.1:19092",
        "topics created",
        "registry ready",
        "schemas created",
    ]
    schemas = [at for at, event in enumerate(events) if event.startswith("schema ")]
    assert events.index("registry ready") < min(schemas)
    assert max(schemas) < events.index("schemas created")


def test_a_refusal_is_passed_on(events: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure_topics(_cluster: KafkaCluster, _topics: Iterable[Any]) -> list[str]:
        raise RefusedError(Server.KAFKA, "topic orders could not be created")

    monkeypatch.setattr(common, "ensure_topics", ensure_topics)
    with pytest.raises(RefusedError, match="topic orders could not be created"):
        provisioning.provision(ENV, lambda _: None, lambda name: events.append(f"{name} created"))
    assert events == []

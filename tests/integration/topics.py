"""Topics of a test's own, provisioned as the stack provisions its."""

import uuid
from collections.abc import Callable

import pytest
from procstream_common.kafka import KafkaCluster
from procstream_common.provisioning import SchemaSpec, TopicSpec, ensure_schema, ensure_topics
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_local import stack
from procstream_local.stack.home import Home

SCHEMAS = stack.VALUES.parent / "schemas"
LINEAGE_INPUT = (SCHEMAS / "lineage-input.avsc").read_text()
PROCSTAT = (SCHEMAS / "procstat_snapshots.avsc").read_text()

MakeTopic = Callable[..., str]


@pytest.fixture(scope="session")
def make_topic(home: Home) -> MakeTopic:
    """`make_topic(prefix, partitions=4, schema_text=LINEAGE_INPUT)`: a new topic, with a subject or none."""

    def make(name_prefix: str, partitions: int = 4, schema_text: str | None = LINEAGE_INPUT) -> str:
        topic = f"{name_prefix}-{uuid.uuid4().hex[:8]}"
        ensure_topics(KafkaCluster(load(KafkaSettings)), [TopicSpec(topic_name=topic, partitions=partitions)])
        if schema_text is not None:
            register(topic, schema_text)
        return topic

    return make


def register(topic: str, schema_text: str) -> int:
    """Register the next version of a topic's schema; returns its id."""
    with SchemaRegistry(load(RegistrySettings)) as registry:
        return ensure_schema(registry, SchemaSpec(subject=f"{topic}-value", definition=schema_text)).id

"""What the handlers work with. kopf hands it to them as `memo`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from procstream_operator.api import Api
from procstream_operator.connection import Connection
from procstream_operator.health import Health
from procstream_operator.metrics import Metrics
from procstream_operator.producers.daemon_sets import DaemonSets
from procstream_operator.schemas.subjects import Subjects
from procstream_operator.topics.kafka_topics import KafkaTopics


@dataclass
class Parts:
    """kopf gives every resource a shallow copy of its own."""

    topics: KafkaTopics
    schemas: Subjects
    daemon_sets: DaemonSets
    api: Api
    connection: Connection
    metrics: Metrics
    health: Health
    namespaces: Sequence[str]
    resync: timedelta
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    """What runs beside the handlers; a task that nobody refers to may be collected as garbage."""
    seen: object = None
    """What the last event about this resource showed; compared to find changes that matter to others."""

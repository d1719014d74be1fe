"""The parts put together, and kopf."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import kopf
from procstream_common.kubernetes import connected

from procstream_operator import handlers
from procstream_operator.api import FIELD_MANAGER, Api
from procstream_operator.connection import Connection, Settings
from procstream_operator.health import Health
from procstream_operator.metrics import Metrics
from procstream_operator.parts import Parts
from procstream_operator.producers.daemon_sets import DaemonSets
from procstream_operator.schemas.subjects import Subjects
from procstream_operator.server import serving
from procstream_operator.topics.kafka_topics import KafkaTopics

log = logging.getLogger("procstream.operator")


@dataclass(frozen=True)
class Options:
    """The options of the command line."""

    namespaces: Sequence[str]
    """Those to watch; none means all."""
    settings_folder: Path | None
    producer_image: str | None
    resync: timedelta
    deletion_patience: timedelta
    metrics_host: str
    metrics_port: int


async def run(options: Options, *, connection: Connection | None = None) -> None:
    """Run until SIGTERM, SIGINT or cancellation. Raises `ProcstreamError` when it cannot.

    `connection` replaces the clients of Kafka and the registry, for tests.
    """
    if connection is None:
        connection = Connection(Settings(options.settings_folder))
        connection.topic_admin()  # wrong settings end the operator before it starts
        connection.registry()
    metrics = Metrics()
    health = Health(resync=options.resync.total_seconds(), last_resync=time.monotonic())
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            connected(field_manager=FIELD_MANAGER, count=metrics.count_request)
        )
        await stack.enter_async_context(
            serving(options.metrics_host, options.metrics_port, metrics=metrics, health=health)
        )
        api = Api(server)
        await api.check_definitions(options.namespaces)
        patience = options.deletion_patience
        parts = Parts(
            topics=KafkaTopics(connection, metrics, patience=patience),
            schemas=Subjects(connection, metrics, patience=patience),
            daemon_sets=DaemonSets(api, options.producer_image),
            api=api,
            connection=connection,
            metrics=metrics,
            health=health,
            namespaces=options.namespaces,
            resync=options.resync,
        )
        log.info("watching %s", ", ".join(options.namespaces) or "all namespaces")
        try:
            await kopf.operator(
                memo=parts,
                standalone=True,  # there is one replica
                clusterwide=not options.namespaces,
                namespaces=options.namespaces,
            )
        finally:
            for task in parts.tasks:
                task.cancel()
            await asyncio.gather(*parts.tasks, return_exceptions=True)


__all__ = ["Options", "handlers", "run"]

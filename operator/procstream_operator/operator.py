"""The parts put together."""

import asyncio
import logging
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from procstream_common.api_server import ApiError, GoneError, connected

from procstream_operator.api import FIELD_MANAGER, Api
from procstream_operator.connection import Connection, Settings
from procstream_operator.controller import Key, Kind, Resource
from procstream_operator.controller.loop import Controller
from procstream_operator.health import Health, missed
from procstream_operator.leadership import Lease, lead
from procstream_operator.metrics import Metrics
from procstream_operator.producers import ProducerReconciler
from procstream_operator.schemas import SchemaReconciler
from procstream_operator.server import serving
from procstream_operator.topics import TopicReconciler
from procstream_operator.watching import watch

_POLL_SECONDS = 10.0

log = logging.getLogger("procstream.operator")


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    namespaces: Sequence[str]
    """Those to look after; none means all."""
    own_namespace: str
    lease: str
    identity: str
    settings_folder: Path | None
    producer_image: str | None
    resync: timedelta
    deletion_patience: timedelta
    metrics_host: str
    metrics_port: int


async def run(options: Options) -> None:
    """Work until SIGTERM or SIGINT. Raises `ProcstreamError` when it cannot."""
    connection = Connection(Settings(options.settings_folder))
    connection.topic_admin()  # wrong settings end the operator before it starts
    connection.registry()
    metrics, health = Metrics(), Health()
    main = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):  # while it stands by; kopf sets its own when it leads
        loop.add_signal_handler(number, lambda: main.cancel() if main is not None else None)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            connected(field_manager=FIELD_MANAGER, count=metrics.count_request)
        )
        await stack.enter_async_context(
            serving(options.metrics_host, options.metrics_port, metrics=metrics, health=health)
        )
        operator = Operator(options, Api(server), connection, metrics, health)
        lease = Lease(server, options.lease, options.own_namespace, options.identity)
        await lead(lease, operator.work)


class Operator:
    """The controllers and what keeps them informed."""

    def __init__(
        self, options: Options, api: Api, connection: Connection, metrics: Metrics, health: Health
    ) -> None:
        self._options = options
        self._api = api
        self._connection = connection
        self._metrics = metrics
        self._health = health
        patience = options.deletion_patience
        topics = Controller(Kind.TOPIC, TopicReconciler(connection, metrics, patience=patience), api, metrics)
        schemas = Controller(
            Kind.SCHEMA, SchemaReconciler(connection, metrics, patience=patience), api, metrics
        )
        producers = Controller(
            Kind.PRODUCER,
            ProducerReconciler(
                api,
                topics=topics.resources,
                schemas=schemas.resources,
                default_image=options.producer_image,
            ),
            api,
            metrics,
        )
        self._controllers = (topics, schemas, producers)
        topics.on_change(lambda topic: _look_at_users(producers, "topicRef", topic))
        schemas.on_change(lambda schema: _look_at_users(producers, "schemaRef", schema))

    async def work(self) -> None:
        """Watch and reconcile until a signal or cancellation."""
        self._metrics.leader.set(1)
        tasks: list[asyncio.Task[None]] = []

        async def start() -> None:
            tasks.extend(asyncio.create_task(controller.run()) for controller in self._controllers)
            tasks.extend(asyncio.create_task(self._resynchronize(one)) for one in self._controllers)
            tasks.append(asyncio.create_task(self._keep_alive()))

        for controller in self._controllers:
            for body in await self._list(controller):
                controller.observe(None, body)
        try:
            await watch(self._controllers, namespaces=self._options.namespaces, ready=start)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._metrics.leader.set(0)

    async def _resynchronize(self, controller: Controller) -> None:
        """Look at every resource anew from time to time, which repairs drift; finds a watch that is stuck."""
        shown: dict[Key, int] = {}
        while True:
            await asyncio.sleep(self._options.resync.total_seconds())
            try:
                bodies = await self._list(controller)
            except ApiError as error:
                log.warning("%s", error)
                continue
            listed = [Resource.read(controller.kind, body) for body in bodies]
            behind = missed(listed, controller.resources, shown)
            self._health.note_list(controller.kind.title, missed=behind, now=time.monotonic())
            shown = {resource.key: resource.generation for resource in listed}
            controller.look_again()

    async def _list(self, controller: Controller) -> list[Mapping[str, Any]]:
        try:
            return await self._api.resources(controller.kind, self._options.namespaces)
        except GoneError as error:
            raise GoneError(
                error.server, f"{error}; apply the CustomResourceDefinitions of the chart's crds/ first"
            ) from error

    async def _keep_alive(self) -> None:
        while True:
            self._connection.poll()
            for controller in self._controllers:
                self._health.last_turns[controller.kind.title] = controller.last_turn
            await asyncio.sleep(_POLL_SECONDS)


def _look_at_users(producers: Controller, reference: str, needed: Resource) -> None:
    producers.look_again(
        [
            key
            for key, producer in producers.resources.items()
            if key.namespace == needed.key.namespace and producer.spec[reference]["name"] == needed.key.name
        ]
    )

"""The operator with kopf, against an API server, a Kafka and a registry in this process."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from kubernetes.config import kube_config
from procstream_common.kubernetes import ApiServer, connected
from procstream_operator import operator, outcome
from procstream_operator.api import FIELD_MANAGER
from procstream_operator.connection import Connection

from tests.unit.custom_resources.fake_api import NAMESPACE, FakeApi, serving
from tests.unit.custom_resources.fake_servers import FakeConnection, FakeKafka, FakeRegistry

NEVER = timedelta(hours=1)
SOON = timedelta(seconds=0.2)


@dataclass
class World:
    """What the operator sees, and how it runs."""

    folder: Path
    api: FakeApi = field(default_factory=FakeApi)
    connection: FakeConnection = field(default_factory=FakeConnection)
    patience: timedelta = timedelta(minutes=5)
    port: int = 0
    """Of /metrics and /healthz."""

    @property
    def url(self) -> str:
        """Of /metrics and /healthz."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def kafka(self) -> FakeKafka:
        return self.connection.kafka

    @property
    def registry(self) -> FakeRegistry:
        return self.connection.schemas

    @asynccontextmanager
    async def operator(self, *, resync: timedelta = NEVER) -> AsyncIterator[None]:
        """The operator runs while the context is open."""
        options = operator.Options(
            namespaces=(NAMESPACE,),
            settings_folder=None,
            producer_image="producer:1",
            resync=resync,
            deletion_patience=self.patience,
            metrics_host="127.0.0.1",
            metrics_port=self.port,
        )
        task = asyncio.create_task(operator.run(options, connection=cast(Connection, self.connection)))
        scenario = asyncio.current_task()
        assert scenario is not None

        def end_scenario(_: object) -> None:
            scenario.cancel()

        task.add_done_callback(end_scenario)
        try:
            yield
        except asyncio.CancelledError:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise AssertionError(f"the operator ended: {error!r}") from error
            raise
        finally:
            task.remove_done_callback(end_scenario)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[ApiServer]:
        """A client of the API server other than the operator's."""
        async with connected(field_manager=FIELD_MANAGER) as server:
            yield server


Scenario = Callable[[World], Coroutine[Any, Any, None]]
Play = Callable[[Scenario], None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Runs a scenario in a world of its own. Retries follow at once."""
    monkeypatch.setattr(outcome, "_FIRST_DELAY", 0.05)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    async def run(scenario: Scenario) -> None:
        world = World(tmp_path)
        async with asyncio.timeout(30), serving(world.api) as url:
            path = tmp_path / "kubeconfig"
            path.write_text(json.dumps(_kubeconfig(url)))
            monkeypatch.setenv("KUBECONFIG", str(path))
            # The official client reads the variable when it is imported.
            monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))
            world.port = _free_port()
            await scenario(world)

    return lambda scenario: asyncio.run(run(scenario))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _kubeconfig(url: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "contexts": [
            {"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": NAMESPACE}}
        ],
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "fake", "user": {"token": "t"}}],
    }

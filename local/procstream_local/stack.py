"""The embedded stack as a whole: brought up, looked at, taken down."""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.schema_registry import SchemaRegistryClient
from procstream_common import provisioning
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_job.mistakes import did_you_mean

from procstream_local import artifacts, ports, processes
from procstream_local.artifacts import Artifacts
from procstream_local.home import Home, StackRecord
from procstream_local.services import Service, flink, kafka, postgres, registry

VALUES = Path(__file__).parents[2] / "helm" / "procstream" / "values.yaml"

Progress = Callable[[str], None]
"""Called with the name of each part that has become ready."""

_PORTS_OF = {
    "kafka": ("kafka", "kafka-controller"),
    "registry": ("registry", "registry-management"),
    "jobmanager": ("flink-rest", "flink-rpc"),
    "taskmanager": (),
    "postgres": ("postgres",),
}

OPTIONAL = ("postgres",)
"""Services that a stack has only when it was asked for them once."""


@dataclass(frozen=True)
class ServiceStatus:
    """One line of `procstream status`."""

    name: str
    pid: int | None
    """None: not running."""
    ready: bool
    address: str | None
    memory_bytes: int
    uptime_seconds: float


def up(home: Home, progress: Progress = lambda _: None, optional: Collection[str] = ()) -> StackRecord:
    """Start what is not running, all at once, and provision topics and schemas.

    `optional` services (see `OPTIONAL`) belong to the stack from then on. Harmless when all is up; after a
    crash it starts what is gone, with the data it had. Returns once every service is ready. Raises
    `ProcstreamError` naming the service and its log.
    """
    for name in optional:
        if name not in OPTIONAL:
            raise ProcstreamError(
                f"--with: found {name!r}{did_you_mean(name, OPTIONAL)} expected {' or '.join(OPTIONAL)}"
            )
    with home.locked():
        parts = artifacts.find()
        progress("artifacts")
        record = _with_ports(home, optional)
        services = _services(home, record, parts)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda service: service.prepare(), _absent(record, services)))
        _start(home, record, services, progress)
        return record


def down(home: Home) -> list[str]:
    """Stop every process of the stack; data, logs and the record of pipelines stay.

    Returns the names of what was running.
    """
    with home.locked():
        record = home.read()
        return _stop(home, record)


def status(home: Home) -> list[ServiceStatus]:
    """Each service: whether its process lives, whether it answers, and where."""
    record = home.read()
    parts = artifacts.find()
    record.ports = record.ports or dict(ports.USUAL)
    return [_status(record, service) for service in _services(home, record, parts)]


def environment(home: Home, record: StackRecord) -> dict[str, str]:
    """The variables by which every procstream command, and Flink's own, finds this stack."""
    if not record.ports:
        return {}
    return {
        "PROCSTREAM_HOME": str(home.path),
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{record.ports['kafka']}",
        "SCHEMA_REGISTRY_URL": registry.url(record.ports["registry"]),
        "FLINK_ADDRESS": f"127.0.0.1:{record.ports['flink-rest']}",
        **flink.environment(home.path / "flink", artifacts.find()),
        **(
            postgres.environment(home.path / "postgres", record.ports["postgres"])
            if "postgres" in record.optional
            else {}
        ),
    }


def _with_ports(home: Home, optional: Collection[str]) -> StackRecord:
    record = home.read()
    record.optional = sorted({*record.optional, *optional})
    wanted = [
        port
        for name, names in _PORTS_OF.items()
        if name not in OPTIONAL or name in record.optional
        for port in names
    ]
    alive = {name for name, process in record.processes.items() if processes.find(process)}
    in_use = {port for name in alive for port in _PORTS_OF[name]}
    chosen = ports.choose(record.ports, in_use, wanted)
    if alive and any(chosen[name] != port for name, port in record.ports.items()):
        # What still runs was told the old ports.
        _stop(home, record)
        chosen = ports.choose(record.ports, set(), wanted)
    record.ports = chosen
    home.write(record)
    return record


def _services(home: Home, record: StackRecord, parts: Artifacts) -> list[Service]:
    services = [
        kafka.service(home.path / "kafka", record.ports, parts),
        registry.service(home.path / "registry", record.ports, parts),
        *flink.services(home.path / "flink", record.ports, parts),
    ]
    if "postgres" in record.optional:
        services.append(postgres.service(home.path / "postgres", record.ports["postgres"]))
    return services


def _absent(record: StackRecord, services: list[Service]) -> list[Service]:
    return [service for service in services if processes.find(record.processes.get(service.name)) is None]


def _start(home: Home, record: StackRecord, services: list[Service], progress: Progress) -> None:
    writing = threading.Lock()
    started: dict[str, Future[None]] = {}

    def start(service: Service) -> None:
        log = home.logs / f"{service.name}.log"
        process = record.processes.get(service.name)
        if process is None or processes.find(process) is None:
            process = service.start(log)
            with writing:
                record.processes[service.name] = process
                home.write(record)
        processes.wait_until_ready(service.name, process, service.ready, log, service.timeout)
        progress(service.name)

    def provision() -> None:
        values = provisioning.read_values(VALUES)
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{record.ports['kafka']}",
            "SCHEMA_REGISTRY_URL": registry.url(record.ports["registry"]),
        }
        started["kafka"].result()
        provisioning.ensure_topics(AdminClient(load(KafkaSettings, env).librdkafka()), values.topics)
        progress("topics")
        started["registry"].result()
        client = SchemaRegistryClient(load(RegistrySettings, env).confluent())
        for schema in values.schemas:
            provisioning.ensure_schema(client, schema)
        progress("schemas")

    with ThreadPoolExecutor(len(services) + 1) as pool:
        for service in services:
            started[service.name] = pool.submit(start, service)
        provisioned = pool.submit(provision)
    for future in (*started.values(), provisioned):
        future.result()


def _stop(home: Home, record: StackRecord) -> list[str]:
    running = [name for name, process in record.processes.items() if processes.find(process)]
    processes.stop(record.processes.values())
    record.processes.clear()
    home.write(record)
    return running


def _status(record: StackRecord, service: Service) -> ServiceStatus:
    process = processes.find(record.processes.get(service.name))
    names = _PORTS_OF[service.name]
    return ServiceStatus(
        name=service.name,
        pid=process.pid if process else None,
        ready=process is not None and service.ready(),
        address=f"127.0.0.1:{record.ports[names[0]]}" if names and record.ports else None,
        memory_bytes=process.memory_info().rss if process else 0,
        uptime_seconds=time.time() - process.create_time() if process else 0,
    )

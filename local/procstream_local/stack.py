"""The embedded stack as a whole: brought up, looked at, taken down."""

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
from procstream_common.errors import ProcstreamError
from procstream_common.kafka import KafkaCluster
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load
from procstream_job.mistakes import did_you_mean

from procstream_local import artifacts, ports, processes
from procstream_local.artifacts import Artifacts
from procstream_local.home import Home, StackRecord
from procstream_local.services import Service, flink, kafka, postgres, registry, sql_gateway
from procstream_local.status.model import ServiceStatus

VALUES = Path(__file__).parents[2] / "helm" / "procstream" / "values.yaml"

_LOCK_SECONDS = 5

Progress = Callable[[str], None]
"""Called with the name of each part that has become ready."""

_PORTS_OF = {
    "kafka": ("kafka", "kafka-controller"),
    "registry": ("registry", "registry-management"),
    "jobmanager": ("flink-rest", "flink-rpc"),
    "taskmanager": (),
    postgres.NAME: ("postgres",),
    sql_gateway.NAME: ("sql-gateway",),
}

OPTIONAL = (postgres.NAME, sql_gateway.NAME)
"""Services that a stack has only when it was asked for them once."""


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


def start_optional(home: Home, name: str, progress: Progress = lambda _: None) -> StackRecord:
    """Start one optional service of a stack that is up, until `down`; harmless when it runs.

    Raises `ProcstreamError` when the stack is not up, or the service does not start.
    """
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        missing = [
            required
            for required in _PORTS_OF
            if required not in OPTIONAL and processes.find(record.processes.get(required)) is None
        ]
        if missing:
            raise ProcstreamError(
                f"{home.path}: the stack is not up ({', '.join(missing)}); run `procstream up` first"
            )
        if processes.find(record.processes.get(name)) is None:
            in_use = set(record.ports) - set(_PORTS_OF[name])
            record.ports |= ports.choose(record.ports, in_use, [*record.ports, *_PORTS_OF[name]])
            service = _optional_service(home, record, name, artifacts.find())
            service.prepare()
            _start_service(home, record, service, progress, threading.Lock())
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
    services = _services(home, record, parts)
    with ThreadPoolExecutor(len(services)) as pool:  # one that hangs takes seconds to tell
        return list(pool.map(partial(_status, record), services))


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
            if _includes(record, postgres.NAME)
            else {}
        ),
    }


def _with_ports(home: Home, optional: Collection[str]) -> StackRecord:
    record = home.read()
    record.optional = sorted({*record.optional, *optional})
    services = [name for name in _PORTS_OF if name not in OPTIONAL or _includes(record, name)]
    wanted = [port for name in services for port in _PORTS_OF[name]]
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
    return [
        kafka.service(home.path / "kafka", record.ports, parts),
        registry.service(home.path / "registry", record.ports, parts),
        *flink.services(home.path / "flink", record.ports, parts),
        *(_optional_service(home, record, name, parts) for name in OPTIONAL if _includes(record, name)),
    ]


def _optional_service(home: Home, record: StackRecord, name: str, parts: Artifacts) -> Service:
    port = record.ports[name]
    if name == postgres.NAME:
        return postgres.service(home.path / "postgres", port)
    return sql_gateway.service(home.path / "sql", home.path / "flink", port, parts)


def _includes(record: StackRecord, optional: str) -> bool:
    """Whether the stack has an optional service: for good, or until `down`."""
    return optional in record.optional or optional in record.processes


def _absent(record: StackRecord, services: list[Service]) -> list[Service]:
    return [service for service in services if processes.find(record.processes.get(service.name)) is None]


def _start_service(
    home: Home,
    record: StackRecord,
    service: Service,
    progress: Progress,
    writing: threading.Lock,
) -> None:
    """Start a service unless it runs, note it, and wait until it is ready."""
    log = home.logs / f"{service.name}.log"
    process = record.processes.get(service.name)
    if process is None or processes.find(process) is None:
        process = service.start(log)
        with writing:
            record.processes[service.name] = process
            home.write(record)
    processes.wait_until_ready(service.name, process, service.ready, log, service.timeout)
    progress(service.name)


def _start(home: Home, record: StackRecord, services: list[Service], progress: Progress) -> None:
    writing = threading.Lock()
    started: dict[str, Future[None]] = {}

    def provision() -> None:
        # Only here: it takes half a second, and most commands start nothing.
        from procstream_common import provisioning

        values = provisioning.read_values(VALUES)
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{record.ports['kafka']}",
            "SCHEMA_REGISTRY_URL": registry.url(record.ports["registry"]),
        }
        started["kafka"].result()
        provisioning.ensure_topics(KafkaCluster(load(KafkaSettings, env)), values.topics)
        progress("topics")
        started["registry"].result()
        with SchemaRegistry(load(RegistrySettings, env)) as client:
            for schema in values.schemas:
                provisioning.ensure_schema(client, schema)
        progress("schemas")

    with ThreadPoolExecutor(len(services) + 1) as pool:
        for service in services:
            started[service.name] = pool.submit(_start_service, home, record, service, progress, writing)
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
    address = f"127.0.0.1:{record.ports[names[0]]}" if names and record.ports else None
    try:
        if process is not None:
            return ServiceStatus(
                name=service.name,
                pid=process.pid,
                ready=service.ready(),
                address=address,
                memory_bytes=process.memory_info().rss,
                uptime_seconds=time.time() - process.create_time(),
            )
    except psutil.NoSuchProcess:  # it ended meanwhile
        pass
    return ServiceStatus(service.name, None, False, address, 0, 0)

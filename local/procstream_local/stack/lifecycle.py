"""The embedded stack as a whole: start it, start one more service, stop it."""

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from procstream_common.errors import ProcstreamError
from procstream_job.language.mistakes import did_you_mean

from procstream_local.stack import composition, ports, processes, provisioning
from procstream_local.stack.composition import ADDITIONS, METRICS_PORT_OF, PORTS_OF, REQUIRED, ports_of
from procstream_local.stack.environment import servers
from procstream_local.stack.home import Home
from procstream_local.stack.records import StackRecord
from procstream_local.stack.services import Service, flink

_LOCK_SECONDS = 5

Progress = Callable[[str], None]
"""Called with the name of each part when it is ready."""


def up(
    home: Home,
    progress: Progress = lambda _: None,
    optional: Collection[str] = (),
    *,
    compose: composition.Compose = composition.services,
    provision: provisioning.Provision = provisioning.provision,
) -> StackRecord:
    """Start all services that are not running, at the same time, and create topics and schemas.

    `optional` parts (see `ADDITIONS`) belong to the stack from then on. If all services run, nothing
    changes; after a crash, only the missing ones start, with the data they had. Returns when every service
    is ready. Raises `ProcstreamError` with the name of the service and its log, or if monitoring is added
    while Flink runs.
    """
    for name in optional:
        if name not in ADDITIONS:
            raise ProcstreamError(
                f"--with: found {name!r}{did_you_mean(name, ADDITIONS)} expected {' or '.join(ADDITIONS)}"
            )
    with home.locked():
        record = _with_ports(home, optional)
        services = compose(home, record, composition.names(record))
        home.write(record)
        progress("artifacts")
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda service: service.prepare(), _absent(record, services)))
        _start(home, record, services, progress, provision)
        return record


def start_optional(
    home: Home,
    name: str,
    progress: Progress = lambda _: None,
    *,
    compose: composition.Compose = composition.services,
) -> StackRecord:
    """Start one optional service of a running stack, until `down`; nothing changes if it runs.

    Raises `ProcstreamError` if the stack is not up, or the service does not start.
    """
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        missing = [
            required for required in REQUIRED if processes.find(record.processes.get(required)) is None
        ]
        if missing:
            raise ProcstreamError(
                f"{home.path}: the stack is not up ({', '.join(missing)}); run `procstream up` first"
            )
        if processes.find(record.processes.get(name)) is None:
            in_use = set(record.ports) - set(PORTS_OF[name])
            record.ports |= ports.choose(record.ports, in_use, [*record.ports, *PORTS_OF[name]])
            [service] = compose(home, record, [name])
            service.prepare()
            _start_service(home, record, service, progress, threading.Lock())
        return record


def down(home: Home) -> list[str]:
    """Stop every process of the stack; data, logs and the record of pipelines stay.

    Returns the names of the services that were running.
    """
    with home.locked():
        return _stop(home, home.read())


def _with_ports(home: Home, optional: Collection[str]) -> StackRecord:
    """The record with all optional parts and a port for each service; not written yet."""
    record = home.read()
    alive = {name for name, process in record.processes.items() if processes.find(process)}
    added = set(optional) - set(record.optional)
    if flink.MONITORING in added and alive & METRICS_PORT_OF.keys():
        raise ProcstreamError(
            f"--with {flink.MONITORING}: Flink runs without it in {home.path}; run `procstream down` first"
        )
    record.optional = sorted({*record.optional, *added})
    wanted = [port for name in composition.names(record) for port in ports_of(record, name)]
    in_use = {port for name in alive for port in ports_of(record, name)}
    chosen = ports.choose(record.ports, in_use, wanted)
    if alive and any(chosen.get(name, port) != port for name, port in record.ports.items()):
        # The running services were configured with the old ports.
        _stop(home, record)
        chosen = ports.choose(record.ports, set(), wanted)
    record.ports = chosen
    return record


def _absent(record: StackRecord, services: list[Service]) -> list[Service]:
    return [service for service in services if processes.find(record.processes.get(service.name)) is None]


def _start(
    home: Home,
    record: StackRecord,
    services: list[Service],
    progress: Progress,
    provision: provisioning.Provision,
) -> None:
    writing = threading.Lock()
    started: dict[str, Future[None]] = {}

    def until_ready(name: str) -> None:
        started[name].result()

    with ThreadPoolExecutor(len(services) + 1) as pool:
        for service in services:
            started[service.name] = pool.submit(_start_service, home, record, service, progress, writing)
        provisioned = pool.submit(partial(provision, servers(record.ports), until_ready, progress))
    for future in (*started.values(), provisioned):
        future.result()


def _start_service(
    home: Home,
    record: StackRecord,
    service: Service,
    progress: Progress,
    writing: threading.Lock,
) -> None:
    """Start a service if it does not run, record its process, and wait until it is ready."""
    log = home.logs / f"{service.name}.log"
    process = record.processes.get(service.name)
    if process is None or processes.find(process) is None:
        process = service.start(log)
        with writing:
            record.processes[service.name] = process
            home.write(record)
    processes.wait_until_ready(service.name, process, service.ready, log, service.timeout)
    progress(service.name)


def _stop(home: Home, record: StackRecord) -> list[str]:
    running = [name for name, process in record.processes.items() if processes.find(process)]
    processes.stop(record.processes.values())
    record.processes.clear()
    home.write(record)
    return running

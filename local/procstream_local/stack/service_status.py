"""Each service of the stack: whether its process runs, whether it answers, and where."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import psutil

from procstream_local.stack import composition, ports, processes
from procstream_local.stack.home import Home
from procstream_local.stack.records import StackRecord
from procstream_local.stack.services import Service


@dataclass(frozen=True)
class ServiceStatus:
    """A process of the stack."""

    name: str
    pid: int | None
    """None: not running."""
    ready: bool
    address: str | None
    memory_bytes: int
    uptime_seconds: float

    @property
    def state(self) -> str:
        """`ready`, `not answering` or `down`."""
        if self.pid is None:
            return "down"
        return "ready" if self.ready else "not answering"


def status(home: Home, *, compose: composition.Compose = composition.services) -> list[ServiceStatus]:
    """The status of each service. It is read only: nothing is started or recorded."""
    record = home.read()
    record.ports = record.ports or dict(ports.USUAL)
    services = compose(home, record, composition.names(record))
    with ThreadPoolExecutor(len(services)) as pool:  # one that hangs takes seconds
        return list(pool.map(partial(_status, record), services))


def _status(record: StackRecord, service: Service) -> ServiceStatus:
    process = processes.find(record.processes.get(service.name))
    names = composition.PORTS_OF[service.name]
    address = f"127.0.0.1:{record.ports[names[0]]}" if names else None
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

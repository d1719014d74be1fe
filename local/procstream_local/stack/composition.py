"""Which services a stack has, which ports they use, and how each of them is built."""

from collections.abc import Callable, Iterable

from procstream_local.stack import artifacts
from procstream_local.stack.home import Home
from procstream_local.stack.records import StackRecord
from procstream_local.stack.services import Service, flink, kafka, postgres, registry, sql_gateway

PORTS_OF = {
    "kafka": ("kafka", "kafka-controller"),
    "registry": ("registry",),
    "apicurio": ("apicurio",),
    "jobmanager": ("flink-rest", "flink-rpc"),
    "taskmanager": (),
    postgres.NAME: ("postgres",),
    sql_gateway.NAME: ("sql-gateway",),
}
"""The names of each service's ports; clients connect to the first one."""

OPTIONAL = (postgres.NAME, sql_gateway.NAME)
"""Services that a stack has only if they were requested."""

ADDITIONS = (*OPTIONAL, flink.MONITORING)
"""What `up --with` adds to a stack."""

REQUIRED = tuple(name for name in PORTS_OF if name not in OPTIONAL)

METRICS_PORT_OF = {"jobmanager": "jobmanager-metrics", "taskmanager": "taskmanager-metrics"}
"""The name of the port at which a service serves metrics, in a stack with monitoring."""

Compose = Callable[[Home, StackRecord, Iterable[str]], list[Service]]
"""Builds the named services for the ports in the record."""


def includes(record: StackRecord, name: str) -> bool:
    """Whether the stack has an optional service: permanently, or until `down`."""
    return name in record.optional or name in record.processes


def names(record: StackRecord) -> list[str]:
    """The services of a stack."""
    return [*REQUIRED, *(name for name in OPTIONAL if includes(record, name))]


def ports_of(record: StackRecord, name: str) -> tuple[str, ...]:
    """The names of a service's ports in this stack; see `PORTS_OF`."""
    metrics = METRICS_PORT_OF.get(name) if flink.MONITORING in record.optional else None
    return (*PORTS_OF[name], metrics) if metrics else PORTS_OF[name]


def services(home: Home, record: StackRecord, names: Iterable[str]) -> list[Service]:
    """The named services; see `Compose`. Raises `ProcstreamError` if a part of them is not installed."""
    parts = artifacts.find()
    ports = record.ports
    flink_folder = home.path / "flink"
    guard, apicurio = registry.services(home.path / "registry", ports, parts)
    monitoring = flink.MONITORING in record.optional
    jobmanager, taskmanager = flink.services(flink_folder, ports, parts, monitoring=monitoring)
    builders: dict[str, Callable[[], Service]] = {
        "kafka": lambda: kafka.service(home.path / "kafka", ports, parts),
        "registry": lambda: guard,
        "apicurio": lambda: apicurio,
        "jobmanager": lambda: jobmanager,
        "taskmanager": lambda: taskmanager,
        postgres.NAME: lambda: postgres.service(home.path / "postgres", ports["postgres"]),
        sql_gateway.NAME: lambda: sql_gateway.service(
            home.path / "sql", flink_folder, ports["sql-gateway"], parts
        ),
    }
    return [builders[name]() for name in names]

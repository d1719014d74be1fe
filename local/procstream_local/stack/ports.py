"""Ports on 127.0.0.1 for the embedded services."""

import socket
from collections.abc import Iterable

# The usual port of each service, used if it is free.
USUAL = {
    "kafka": 9092,
    "kafka-controller": 9093,
    "registry": 8080,
    "apicurio": 8443,
    "flink-rest": 8081,
    "flink-rpc": 6123,
    "postgres": 5432,
    "sql-gateway": 8083,
    "jobmanager-metrics": 9249,
    "taskmanager-metrics": 9250,
}


def choose(known: dict[str, int], in_use: set[str], wanted: Iterable[str] = tuple(USUAL)) -> dict[str, int]:
    """A port for each of `wanted`: the one that it had before, so that clients find it; else the usual one;
    else any free port.

    Ports that are `in_use` by running services stay. A port that another program uses is replaced.
    """
    wanted = list(wanted)
    chosen = {service: known[service] for service in wanted if service in in_use and service in known}
    for service in wanted:
        if service in chosen:
            continue
        candidates = [port for port in (known.get(service), USUAL[service]) if port]
        free = [port for port in candidates if is_free(port) and port not in chosen.values()]
        chosen[service] = free[0] if free else _any_free()
    return chosen


def is_free(port: int) -> bool:
    """Whether no program listens at a port of 127.0.0.1."""
    with socket.socket() as probe:
        # Like the servers themselves: a port in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _any_free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

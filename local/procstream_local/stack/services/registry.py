"""Apicurio Registry, with its Confluent-compatible API.

It keeps its data in a file (H2), so that it starts beside Kafka and not after it; its storage in Kafka,
which the chart uses, takes another ten seconds to start.
"""

from pathlib import Path

import httpx

from procstream_local.stack import processes
from procstream_local.stack.artifacts import Artifacts
from procstream_local.stack.services import Service


def url(port: int) -> str:
    """The Confluent-compatible API."""
    return f"http://127.0.0.1:{port}/apis/ccompat/v7"


def service(folder: Path, ports: dict[str, int], artifacts: Artifacts) -> Service:
    """The registry, with its data in `folder`."""
    port = ports["registry"]
    argv = [
        str(artifacts.java_for_registry),
        "-Xmx384m",
        "-XX:+UseSerialGC",
        # It is small and short-lived here: quick to start matters more than peak speed.
        "-XX:TieredStopAtLevel=1",
        "-jar",
        str(artifacts.apicurio / "quarkus-run.jar"),
    ]
    env = {
        "QUARKUS_HTTP_HOST": "127.0.0.1",
        "QUARKUS_HTTP_PORT": str(port),
        "QUARKUS_MANAGEMENT_HOST": "127.0.0.1",
        "QUARKUS_MANAGEMENT_PORT": str(ports["registry-management"]),
        "APICURIO_STORAGE_KIND": "sql",
        "APICURIO_STORAGE_SQL_KIND": "h2",
        # H2 writes half a second late by default. A schema that a crash takes back would make good
        # records look bad, and its id would be given to another.
        "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{folder / 'registry'};WRITE_DELAY=0",
    }
    return Service(
        name="registry",
        start=lambda log: processes.start(argv, env=env, log=log),
        prepare=lambda: folder.mkdir(parents=True, exist_ok=True),
        ready=lambda: is_ready(port),
    )


def is_ready(port: int) -> bool:
    """Whether the API lists subjects, which it does only when its storage is ready."""
    try:
        return httpx.get(f"{url(port)}/subjects", timeout=2).is_success
    except httpx.HTTPError:
        return False

"""Apicurio Registry, with its Confluent-compatible API.

It keeps its data in a file (H2), so that it starts at the same time as Kafka. Its storage in Kafka, which the
chart uses, would take another ten seconds after Kafka's start.
"""

from pathlib import Path

from procstream_common.errors import ServerError
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import RegistrySettings, load

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
        # Its load is small here: a quick start matters more than peak speed.
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
        # By default H2 writes after half a second. If a crash lost a schema, good records would be dead
        # letters, and another schema would get its id.
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
    settings = load(RegistrySettings, {"SCHEMA_REGISTRY_URL": url(port)})
    with SchemaRegistry(settings, timeout=2) as registry:
        try:
            registry.subjects()
        except ServerError:
            return False
    return True

"""Flink's SQL Gateway, an optional service: SQL over REST, on the stack's session cluster.

Its sessions start in the catalog `procstream`, whose tables are the topics. The options are the gateway's own
and not in Flink's configuration file: pipelines need a catalog that they can create tables in.
"""

import os
from pathlib import Path

import yaml
from procstream_common.errors import ProcstreamError, ServerError
from procstream_common.flink import FlinkRest

from procstream_local.stack import processes
from procstream_local.stack.artifacts import Artifacts
from procstream_local.stack.records import ProcessRecord
from procstream_local.stack.services import Service, flink
from procstream_local.stack.services.flink import link

NAME = "sql-gateway"
CATALOG = "procstream"
_JVM = "-Xmx512m -XX:+UseSerialGC"


def service(folder: Path, flink_folder: Path, port: int, artifacts: Artifacts) -> Service:
    """The gateway, with its catalogs in `folder`; `flink_folder` is the session cluster's folder."""
    return Service(
        name=NAME,
        start=lambda log: _start(folder, flink_folder, port, artifacts, log),
        prepare=lambda: _prepare(folder, artifacts),
        ready=lambda: is_ready(port),
    )


def client_environment(folder: Path, artifacts: Artifacts) -> dict[str, str]:
    """Variables of Flink's client script. It does not need a stack."""
    (folder / "log").mkdir(parents=True, exist_ok=True)
    _link_jars(folder, artifacts)
    return {
        "FLINK_HOME": str(artifacts.flink),
        "FLINK_CONF_DIR": str(artifacts.flink / "conf"),
        "FLINK_LOG_DIR": str(folder / "log"),
        "FLINK_OPT_DIR": str(folder / "opt"),
        "JAVA_HOME": str(artifacts.java.resolve().parents[1]),
    }


def tables_file(folder: Path) -> Path:
    """The file with the catalog's tables; the catalog reads it again when it changes."""
    return folder / "topics.json"


def is_ready(port: int) -> bool:
    """Whether the gateway's REST interface answers."""
    with FlinkRest(f"127.0.0.1:{port}", timeout=2, name="the SQL gateway") as gateway:
        try:
            gateway.get("info")
        except ServerError:
            return False
    return True


def _link_jars(folder: Path, artifacts: Artifacts) -> None:
    jars = [*(artifacts.flink / "opt").glob("*.jar"), *artifacts.opt.glob("*.jar")]
    if not any(jar.name.startswith("flink-sql-gateway") for jar in jars):
        raise ProcstreamError(f"{artifacts.opt}: found no flink-sql-gateway jar; run `make setup` first")
    link(folder / "opt", jars)


def _prepare(folder: Path, artifacts: Artifacts) -> None:
    (folder / "catalogs").mkdir(parents=True, exist_ok=True)
    _link_jars(folder, artifacts)
    tables = tables_file(folder)
    if not tables.exists():
        tables.write_text('{"tables": {}}')
    # One file per catalog, with its options (Flink's FileCatalogStore).
    catalog = {"type": "procstream-topics", "path": str(tables)}
    (folder / "catalogs" / f"{CATALOG}.yaml").write_text(yaml.safe_dump(catalog))


def _start(folder: Path, flink_folder: Path, port: int, artifacts: Artifacts, log: Path) -> ProcessRecord:
    options = {
        "sql-gateway.endpoint.rest.address": "127.0.0.1",
        "sql-gateway.endpoint.rest.bind-address": "127.0.0.1",
        "sql-gateway.endpoint.rest.port": str(port),
        "table.catalog-store.kind": "file",
        "table.catalog-store.file.path": (folder / "catalogs").as_uri(),
        # Sessions start in the catalog of the store with this name.
        "table.builtin-catalog-name": CATALOG,
    }
    script = str(artifacts.flink / "bin" / "sql-gateway.sh")
    argv = ["bash", script, "start-foreground", *(f"-D{key}={value}" for key, value in options.items())]
    env = {**flink.environment(flink_folder, artifacts), "FLINK_OPT_DIR": str(folder / "opt")}
    jvm = f"{_JVM} {os.environ.get('JVM_ARGS', '')}".strip()
    return processes.start(argv, env={**env, "JVM_ARGS": jvm}, log=log)

"""Flink: a standalone session cluster of one JobManager and one TaskManager.

Nothing in the installed package changes: its scripts read configuration, jars and plugins from folders of the
stack.
"""

import os
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from procstream_common.errors import ServerError
from procstream_common.flink import FlinkRest
from procstream_common.settings import S3Settings, load

from procstream_local.stack import processes
from procstream_local.stack.artifacts import Artifacts
from procstream_local.stack.ports import is_free
from procstream_local.stack.records import ProcessRecord
from procstream_local.stack.services import Service

TASK_SLOTS = 4
MONITORING = "monitoring"
"""Both processes serve metrics for Prometheus. It is an option of Flink, not a service."""
# Heartbeats come every 2 s; those of a busy TaskManager may be late.
_HEARTBEAT_SECONDS = 8
_REPORTER = "metrics.reporter.prometheus"
# Flink's own listens on every interface.
_REPORTER_FACTORY = "org.apache.flink.metrics.prometheus.LoopbackPrometheusReporterFactory"
_DEFAULTS = Path(__file__).parents[4] / "helm" / "procstream" / "files" / "flink-defaults.yaml"


def environment(folder: Path, artifacts: Artifacts) -> dict[str, str]:
    """Variables that Flink's scripts and clients read."""
    return {
        "FLINK_HOME": str(artifacts.flink),
        "FLINK_CONF_DIR": str(folder / "conf"),
        "FLINK_LIB_DIR": str(folder / "lib"),
        "FLINK_PLUGINS_DIR": str(folder / "plugins"),
        "FLINK_LOG_DIR": str(folder / "log"),
        "FLINK_PID_DIR": str(folder / "pid"),
        "JAVA_HOME": str(artifacts.java.resolve().parents[1]),
    }


def services(
    folder: Path, ports: dict[str, int], artifacts: Artifacts, *, monitoring: bool = False
) -> tuple[Service, Service]:
    """JobManager and TaskManager. Both start at the same time; the JobManager's `prepare` is for both.

    With `monitoring`, they serve metrics at the ports `jobmanager-metrics` and `taskmanager-metrics`.
    """
    rest = ports["flink-rest"]
    jobmanager_metrics = ports["jobmanager-metrics"] if monitoring else None
    taskmanager_metrics = ports["taskmanager-metrics"] if monitoring else None
    jobmanager = Service(
        name="jobmanager",
        start=lambda log: _start_script(
            folder, artifacts, "jobmanager.sh", log, _reporter(jobmanager_metrics)
        ),
        prepare=lambda: _prepare(folder, ports, artifacts),
        ready=lambda: _get(rest, "overview") is not None and _listens(jobmanager_metrics),
    )
    taskmanager = Service(
        name="taskmanager",
        start=lambda log: _start_taskmanager(folder, artifacts, log, _reporter(taskmanager_metrics)),
        ready=lambda: _is_registered(folder, rest) and _listens(taskmanager_metrics),
    )
    return jobmanager, taskmanager


def _reporter(port: int | None) -> dict[str, str]:
    """Options that serve metrics for Prometheus at a port."""
    # For the command line of one process: other programs read the configuration file, too.
    if port is None:
        return {}
    return {f"{_REPORTER}.factory.class": _REPORTER_FACTORY, f"{_REPORTER}.port": str(port)}


def _listens(port: int | None) -> bool:
    """Whether something listens at the port. Flink runs without a reporter that it could not start."""
    return port is None or not is_free(port)


def _start_script(
    folder: Path, artifacts: Artifacts, script: str, log: Path, options: Mapping[str, str]
) -> ProcessRecord:
    argv = ["bash", str(artifacts.flink / "bin" / script), "start-foreground"]
    # In two arguments: jobmanager.sh takes a first argument other than "-D" for its host.
    argv += [text for key, value in options.items() for text in ("-D", f"{key}={value}")]
    return processes.start(argv, env=environment(folder, artifacts), log=log)


def _start_taskmanager(
    folder: Path, artifacts: Artifacts, log: Path, options: Mapping[str, str]
) -> ProcessRecord:
    # For some seconds a JobManager still counts a killed TaskManager and its slots: each start has an id.
    resource_id = f"taskmanager-{uuid.uuid4().hex[:8]}"
    _replace(_resource_id(folder), resource_id.encode())
    options = {**options, "taskmanager.resource-id": resource_id}
    return _start_script(folder, artifacts, "taskmanager.sh", log, options)


def _resource_id(folder: Path) -> Path:
    return folder / "taskmanager.id"


def _is_registered(folder: Path, rest_port: int) -> bool:
    """Whether the TaskManager that was started last has registered at the JobManager."""
    try:
        resource_id = _resource_id(folder).read_text()
    except FileNotFoundError:
        return False
    known = (_get(rest_port, "taskmanagers") or {}).get("taskmanagers", [])
    return any(found["id"] == resource_id and _is_alive(found) for found in known)


def _is_alive(taskmanager: Mapping[str, Any]) -> bool:
    # Despite its name this is the time of the last heartbeat, in ms since 1970; 0 before the first one.
    heartbeat = taskmanager["timeSinceLastHeartbeat"] / 1000
    recent = heartbeat <= 0 or time.time() - heartbeat < _HEARTBEAT_SECONDS
    return bool(recent and taskmanager["slotsNumber"] == TASK_SLOTS)


def _get(rest_port: int, path: str) -> dict[str, Any] | None:
    """An answer of the JobManager, or None if it returns none."""
    with FlinkRest(f"127.0.0.1:{rest_port}", timeout=2) as flink:
        try:
            found: dict[str, Any] = flink.get(path)
        except ServerError:
            return None
    return found


def _prepare(folder: Path, ports: dict[str, int], artifacts: Artifacts) -> None:
    for name in ("conf", "log", "pid", "tmp", "checkpoints"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for original in (artifacts.flink / "conf").glob("*.properties"):
        (folder / "conf" / original.name).write_bytes(original.read_bytes())
    configuration = _configuration(folder, ports)
    _replace(folder / "conf" / "config.yaml", yaml.safe_dump(configuration, width=10_000).encode())
    link(folder / "lib", [*(artifacts.flink / "lib").glob("*.jar"), *artifacts.connectors.glob("*.jar")])
    # A copy: another build of the module must not change a jar that a running JVM reads.
    _replace(folder / "lib" / artifacts.job_jar.name, artifacts.job_jar.read_bytes())
    link(folder / "plugins", [path for path in artifacts.plugins.iterdir() if path.is_dir()])


def _configuration(folder: Path, ports: dict[str, int]) -> dict[str, object]:
    return {
        "jobmanager.rpc.address": "127.0.0.1",
        "jobmanager.rpc.port": ports["flink-rpc"],
        "jobmanager.bind-host": "127.0.0.1",
        "jobmanager.memory.process.size": "1024m",
        "rest.address": "127.0.0.1",
        "rest.bind-address": "127.0.0.1",
        "rest.port": ports["flink-rest"],
        # By default "*". The Flink module refuses requests of other sites in any case (flink.web).
        "web.access-control-allow-origin": f"http://127.0.0.1:{ports['flink-rest']}",
        "taskmanager.host": "127.0.0.1",
        "taskmanager.bind-host": "127.0.0.1",
        "taskmanager.numberOfTaskSlots": TASK_SLOTS,
        "taskmanager.memory.process.size": "2560m",
        "taskmanager.memory.managed.fraction": 0.25,
        # A killed TaskManager is noticed by its broken connection; 15 s are for one that hangs.
        "heartbeat.interval": "2 s",
        "heartbeat.timeout": "15 s",
        # The greatest age of the numbers that `procstream status` shows; ten seconds by default.
        "metrics.fetcher.update-interval": "1 s",
        "execution.target": "remote",
        "execution.checkpointing.dir": (folder / "checkpoints").as_uri(),
        "io.tmp.dirs": str(folder / "tmp"),
        # Uploads; otherwise in Java's temporary folder, which is outside the stack's.
        "web.tmpdir": str(folder / "tmp"),
        # What the chart's clusters have, too: options of Java.
        **yaml.safe_load(_DEFAULTS.read_text()),
        **load(S3Settings, os.environ).flink(),
    }


def link(folder: Path, targets: list[Path]) -> None:
    """Let `folder` have links to `targets`, and nothing else."""
    folder.mkdir(exist_ok=True)
    wanted = {target.name: target for target in targets}
    for found in folder.iterdir():
        if not found.is_symlink() or found.readlink() != wanted.get(found.name):
            found.unlink()
    for name, target in wanted.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(target)


def _replace(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)

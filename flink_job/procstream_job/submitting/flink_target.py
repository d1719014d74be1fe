"""Which Flink a job goes to: an address, a configuration folder, or the cluster this process runs in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from procstream_common.errors import ProcstreamError, RefusedError, Server
from procstream_common.flink import FlinkRest

_TIMEOUT_SECONDS = 5
_IN_APPLICATION_CLUSTER = {
    # Flink's driver would make each job send the jar that runs Python, which the image has in its lib. Every
    # JobManager sends it under another key, and TaskManagers that outlived the previous one would refuse the
    # job: it "references a different set of library BLOBs".
    "pipeline.jars": "",
}


class FlinkTargetError(ProcstreamError):
    """No cluster is set, or it is set wrongly."""


@dataclass(frozen=True)
class FlinkTarget:
    """`options` are for Flink's client; without `address` the client finds the cluster by itself."""

    options: Mapping[str, str]
    address: str | None = None

    @property
    def url(self) -> str | None:
        """The REST interface, which is also the UI."""
        return f"http://{self.address}" if self.address else None


@dataclass(frozen=True)
class SlotCount:
    """Task slots of a cluster."""

    total: int
    free: int


def flink_target(address: str | None, env: Mapping[str, str]) -> FlinkTarget:
    """The target that `address` (host:port) names, else `FLINK_CONF_DIR`, else the surrounding cluster.

    In an application cluster Flink's own driver starts this process and has the configuration already.

    Raises:
        FlinkTargetError: none of them is set, or the address is not one.
    """
    if address is not None:
        host, _, port = address.removeprefix("http://").rstrip("/").rpartition(":")
        if not host or not port.isdecimal():
            raise FlinkTargetError(f"--flink-address: found {address!r}; expected HOST:PORT of Flink's REST")
        return _remote(host, port, _client_options(env))
    if "PYFLINK_GATEWAY_PORT" in env:
        return FlinkTarget(_IN_APPLICATION_CLUSTER)
    options = _client_options(env)
    match options.get("execution.target"):
        case None | "local":
            raise FlinkTargetError(
                "no Flink to run on: set --flink-address HOST:PORT, or FLINK_CONF_DIR to a folder whose"
                " config.yaml has execution.target"
            )
        case "remote":
            host = options.get("rest.address", options.get("jobmanager.rpc.address", "localhost"))
            return _remote(host, options.get("rest.port", "8081"), options)
    return FlinkTarget(options)


def slots(target: FlinkTarget) -> SlotCount | None:
    """Slots of the target's cluster; None if only Flink's own client can find it.

    Raises:
        UnavailableError: it does not answer within some seconds.
        ServerError: the answer is not that of Flink.
    """
    if target.address is None:
        return None
    with FlinkRest(target.address, timeout=_TIMEOUT_SECONDS) as flink:
        overview = flink.get("v1/overview")
    try:
        return SlotCount(overview["slots-total"], overview["slots-available"])
    except (KeyError, TypeError):
        raise RefusedError(
            Server.FLINK,
            f"Flink at {target.address}: found no task slots in its answer, expected its REST address",
        ) from None


def _remote(host: str, port: str, options: Mapping[str, str]) -> FlinkTarget:
    remote = {"execution.target": "remote", "rest.address": host, "rest.port": port}
    return FlinkTarget({**options, **remote}, f"{host}:{port}")


def _client_options(env: Mapping[str, str]) -> dict[str, str]:
    folder = env.get("FLINK_CONF_DIR")
    if not folder:
        return {}
    path = Path(folder) / "config.yaml"
    try:
        document = yaml.safe_load(path.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise FlinkTargetError(
            f"FLINK_CONF_DIR: {path}: not readable: {str(error).splitlines()[0]}"
        ) from None
    return dict(_flat(document, ""))


def _flat(document: Mapping[str, Any], prefix: str) -> list[tuple[str, str]]:
    """Nested keys joined by dots, as Flink reads its config.yaml."""
    options = []
    for key, value in document.items():
        if isinstance(value, dict):
            options += _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            options.append((f"{prefix}{key}", ";".join(str(part) for part in value)))
        elif value is not None:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            options.append((f"{prefix}{key}", text))
    return options

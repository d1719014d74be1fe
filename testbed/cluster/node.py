"""Starting and stopping the node."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
from procstream_common.errors import ProcstreamError
from procstream_local.stack import processes
from procstream_local.stack.home import Home
from procstream_local.stack.records import ProcessRecord

from testbed.cluster import (
    components,
    configuration,
    containers,
    host,
    images,
    packages,
    programs,
    readiness,
    trees,
)
from testbed.cluster.client import Cluster
from testbed.cluster.layout import API_PORT, NODE_NAME, PORTS, STATE, Layout

_COMPONENTS: dict[str, Callable[[Layout], list[str]]] = {
    "containerd": components.containerd,
    "etcd": components.etcd,
    "kube-apiserver": components.api_server,
    "kube-controller-manager": components.controller_manager,
    "kube-scheduler": components.scheduler,
    "kubelet": components.kubelet,
    "kube-proxy": components.kube_proxy,
}
# Each step needs the processes of the later ones to end cleanly.
_STOP_STEPS = (
    ("kubelet", "kube-proxy", "kube-controller-manager", "kube-scheduler"),
    ("kube-apiserver",),
    ("etcd", "containerd"),
)
_PROCESS_SECONDS = 60
_READY_SECONDS = 180
_LOCK_SECONDS = 300


def build() -> tuple[dict[str, Path], list[Path]]:
    """The node's programs by name and its image archives, built on first use. Raises `ProcstreamError`."""
    if os.geteuid() != 0:
        raise ProcstreamError("the test cluster needs root; otherwise name one of yours in KUBECONFIG")
    packages.install()
    commands = {name: programs.build(program) for name, program in programs.COMMANDS.items()}
    return commands, images.archives()


def start(state: Path = STATE) -> Cluster:
    """Start the node and wait until it and its pods are ready. What already runs is left as it is.

    Needs root, on Debian or Ubuntu. The first start on a machine installs packages and builds programs and
    images, which takes minutes. Raises `ProcstreamError`.
    """
    commands, archives = build()
    node = Layout(state.absolute())
    home = Home(node.state)
    with home.locked(patience=_LOCK_SECONDS):
        _check_ports(home)
        _link(node, commands)
        configuration.write(node)
        host.prepare(node)
        for name in ("containerd", "etcd", "kube-apiserver"):
            _start(home, node, name)
        _wait(home, "containerd", lambda: containers.is_ready(node.containerd), _PROCESS_SECONDS)
        containers.load(node.containerd, archives)
        cluster = _cluster(node)
        with _api(node) as api:
            _wait(home, "kube-apiserver", lambda: _answers(api), _PROCESS_SECONDS)
            for name in _COMPONENTS:
                _start(home, node, name)
            cluster.run("apply", "--server-side", "--force-conflicts", f"--filename={node.manifests}")
            _wait(home, "kubelet", lambda: _all_run(home) and _is_ready(node, api), _READY_SECONDS)
    return cluster


def stop(state: Path = STATE, *, wipe: bool = False) -> None:
    """Stop the node and all its containers, and undo its changes to this machine.

    Objects, volumes and images are kept for the next `start`, unless `wipe` is set.
    """
    node = Layout(state.absolute())
    if not node.state.is_dir():
        return
    if os.geteuid() != 0:
        raise ProcstreamError("the test cluster needs root")
    home = Home(node.state)
    with home.locked(patience=_LOCK_SECONDS):
        for number, step in enumerate(_STOP_STEPS):
            record = home.read()
            processes.stop(record.processes.pop(name) for name in step if name in record.processes)
            home.write(record)
            if number == 0:  # containerd still runs, and nothing restarts containers any more
                if processes.find(record.processes.get("containerd")) is not None:
                    containers.remove_all(node.containerd)
                containers.kill_all(node.containerd)
        host.restore(node)
        if wipe:
            trees.remove(node.state)


def running(state: Path = STATE) -> Cluster | None:
    """The cluster of a running node; None when one of its processes does not run."""
    node = Layout(state.absolute())
    if not node.state.is_dir():
        return None
    records = Home(node.state).read().processes
    if any(processes.find(records.get(name)) is None for name in _COMPONENTS):
        return None
    return _cluster(node)


def _check_ports(home: Home) -> None:
    # Before anything is changed: our `stop` would break another cluster on this machine.
    ours = {record.pid for record in home.read().processes.values()}
    for connection in psutil.net_connections("tcp"):
        port = connection.laddr.port if connection.laddr else None
        if port in PORTS and connection.status == psutil.CONN_LISTEN and connection.pid not in ours:
            raise ProcstreamError(
                f"port {port}: found process {connection.pid}, but the test cluster needs it"
            )


def _cluster(node: Layout) -> Cluster:
    return Cluster(
        kubeconfig=node.kubeconfig,
        kubectl=node.bin / "kubectl",
        helm=node.bin / "helm",
        node_name=NODE_NAME,
        containerd=node.containerd,
    )


def _link(node: Layout, commands: dict[str, Path]) -> None:
    node.bin.mkdir(parents=True, exist_ok=True)
    for name, program in commands.items():
        link = node.bin / name
        if not link.is_symlink() or link.readlink() != program:
            link.unlink(missing_ok=True)
            link.symlink_to(program)


def _start(home: Home, node: Layout, name: str) -> None:
    record = home.read()
    if processes.find(record.processes.get(name)) is None:
        record.processes[name] = processes.start(_COMPONENTS[name](node), env={}, log=_log(home, name))
        home.write(record)


def _wait(home: Home, name: str, probe: Callable[[], bool], timeout: float) -> None:
    record: ProcessRecord = home.read().processes[name]
    processes.wait_until_ready(name, record, probe, _log(home, name), timeout)


def _all_run(home: Home) -> bool:
    records = home.read().processes
    for name in _COMPONENTS:
        if processes.find(records[name]) is None:
            raise ProcstreamError(f"{name} has exited; its log is {_log(home, name)}")
    return True


def _log(home: Home, name: str) -> Path:
    return home.logs / f"{name}.log"


def _api(node: Layout) -> httpx.Client:
    # A request takes milliseconds; as many kubectl processes would take the CPU from what is starting.
    keys = node.certificates
    context = ssl.create_default_context(cafile=str(keys / "ca.crt"))
    context.load_cert_chain(keys / "apiserver-kubelet-client.crt", keys / "apiserver-kubelet-client.key")
    return httpx.Client(base_url=f"https://127.0.0.1:{API_PORT}", verify=context, trust_env=False)


def _answers(api: httpx.Client) -> bool:
    try:
        return api.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _is_ready(node: Layout, api: httpx.Client) -> bool:
    def items(path: str) -> list[dict[str, Any]]:
        response = api.get(path)
        found: list[dict[str, Any]] = response.json().get("items", []) if response.is_success else []
        return found

    try:
        return readiness.is_ready(
            nodes=items("/api/v1/nodes"),
            deployments=items("/apis/apps/v1/deployments"),
            pods=items("/api/v1/pods"),
            running=containers.running(node.containerd),
        )
    except httpx.TransportError:
        return False

"""What the node changes on this machine, and how it is undone."""

import contextlib
import subprocess
from pathlib import Path

from procstream_common.errors import ProcstreamError
from pydantic import BaseModel

from testbed.cluster import trees
from testbed.cluster.layout import BRIDGE, NETWORK, NODE_ADDRESS, POD_RANGE, Layout

_SYSCTL = Path("/proc/sys")
# Minimum values; higher ones are kept.
_LEAST = {
    "net/ipv4/ip_forward": 1,
    "net/bridge/bridge-nf-call-iptables": 1,
    "fs/inotify/max_user_instances": 8192,
    "fs/inotify/max_user_watches": 524288,
}
_MODULES = {"br_netfilter": _SYSCTL / "net/bridge", "overlay": Path("/sys/module/overlay")}
_TABLES = (f"ip {NETWORK}", "ip kube-proxy", "ip6 kube-proxy")
# The bridge plugin could do this itself, but its rules would stay when the node stops.
_MASQUERADE = f"""\
add table ip {NETWORK}
flush table ip {NETWORK}
table ip {NETWORK} {{
  chain postrouting {{
    type nat hook postrouting priority srcnat;
    ip saddr {POD_RANGE} oifname != "{BRIDGE}" masquerade
  }}
}}
"""
# Fixed paths of the kubelet. They are deleted with the node if they did not exist before.
_KUBELET_FOLDERS = (Path("/var/lib/kubelet"), Path("/var/log/containers"))
_CNI_RESULTS = Path("/var/lib/cni/results")
_CGROUPS = Path("/sys/fs/cgroup")


class _Before(BaseModel):
    """The state of the machine before the node started."""

    sysctls: dict[str, int]
    root_is_shared: bool
    absent: list[Path]


def prepare(node: Layout) -> None:
    """Prepare the machine for a node; its previous state is kept in the state folder. Needs root."""
    for module, sign in _MODULES.items():
        if not sign.exists():
            _run("modprobe", module)
    _remember(node)
    for name, least in _LEAST.items():
        if int((_SYSCTL / name).read_text()) < least:
            (_SYSCTL / name).write_text(str(least))
    # Pods may ask for volumes that show later mounts of the host. On most machines `/` is already shared.
    _run("mount", "--make-rshared", "/")
    # The API server's certificate contains the node's address, so the address is the same on every machine.
    _run("ip", "address", "replace", f"{NODE_ADDRESS}/32", "dev", "lo")
    _run("nft", "--file", "-", text=_MASQUERADE)


def restore(node: Layout) -> None:
    """Undo what `prepare`, the kubelet, kube-proxy and the network plugin did. No container may still run."""
    record = _record(node)
    if not record.exists():
        return
    trees.unmount_below(node.state)
    # A process with a copy of our mounts (buildah) keeps pods' networks: delete their interfaces first.
    for end in (Path("/sys/class/net") / BRIDGE / "brif").glob("*"):
        _try("ip", "link", "delete", end.name)
    _try("ip", "link", "delete", BRIDGE)
    _try("ip", "address", "delete", f"{NODE_ADDRESS}/32", "dev", "lo")
    for table in _TABLES:
        _try("nft", "delete", "table", *table.split())
    trees.remove(node.leases)
    for result in _CNI_RESULTS.glob("*"):
        if str(node.state) in result.read_text():
            result.unlink()
    _remove_cgroups()
    before = _Before.model_validate_json(record.read_text())
    for name, value in before.sysctls.items():
        (_SYSCTL / name).write_text(str(value))
    if not before.root_is_shared:
        _run("mount", "--make-rprivate", "/")
    for folder in before.absent:
        trees.remove(folder)
    record.unlink()


def _remember(node: Layout) -> None:
    record = _record(node)
    if record.exists():  # left by a node that was not stopped: the current values are its own
        return
    propagation = _run("findmnt", "--noheadings", "--output", "PROPAGATION", "/")
    before = _Before(
        sysctls={name: int((_SYSCTL / name).read_text()) for name in _LEAST},
        root_is_shared="shared" in propagation,
        absent=[folder for folder in _KUBELET_FOLDERS if not folder.exists()],
    )
    record.write_text(before.model_dump_json(indent=2))


def _record(node: Layout) -> Path:
    return node.state / "host.json"


def _remove_cgroups() -> None:
    # One hierarchy in version 2, one for each controller in version 1.
    for root in (*_CGROUPS.glob("kubepods"), *_CGROUPS.glob("*/kubepods")):
        folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
        for folder in sorted(folders, reverse=True):
            with contextlib.suppress(OSError):  # busy: not ours
                folder.rmdir()


def _try(*argv: str) -> None:
    subprocess.run(argv, capture_output=True, check=False)


def _run(*argv: str, text: str | None = None) -> str:
    result = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise ProcstreamError(f"{' '.join(argv)}: {result.stderr.strip() or 'failed'}")
    return result.stdout

"""Images and containers of the node's containerd."""

import contextlib
import json
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from procstream_common.errors import ProcstreamError

_SHIM = "containerd-shim-runc-v2"
_SHIM_SECONDS = 5
_REFERENCE = "org.opencontainers.image.ref.name"


def is_ready(address: Path) -> bool:
    """Whether a containerd answers at the address."""
    return _ctr(address, "version").returncode == 0


def load(address: Path, archives: Sequence[Path]) -> None:
    """Import the OCI archives whose image the node does not have in this version.

    Raises `ProcstreamError` when a file is not an OCI archive.
    """
    present = _digests(address)
    for archive in archives:
        found = image(archive)
        if found is not None and present.get(found[0]) == found[1]:
            continue
        result = _ctr(address, "images", "import", str(archive))
        if result.returncode != 0:
            raise ProcstreamError(f"{archive}: cannot be imported: {_last_line(result.stderr)}")


def image(archive: Path) -> tuple[str, str] | None:
    """Name and digest of an archive's one image (OCI image-layout.md); None when it has another layout."""
    try:
        with tarfile.open(archive) as tar:
            index = tar.extractfile("index.json")
            manifests: list[dict[str, Any]] = json.load(index)["manifests"] if index else []
    except KeyError:
        return None
    except (OSError, tarfile.TarError) as error:
        raise ProcstreamError(f"{archive}: expected an OCI archive; {error}") from error
    if len(manifests) != 1 or _REFERENCE not in manifests[0].get("annotations", {}):
        return None
    return manifests[0]["annotations"][_REFERENCE], manifests[0]["digest"]


def remove_all(address: Path) -> None:
    """Stop and remove every container and sandbox. containerd must be reachable."""
    tasks = _ctr(address, "tasks", "list", "--quiet").stdout.split()
    if tasks:
        _ctr(address, "tasks", "delete", "--force", *tasks)
    containers = _ctr(address, "containers", "list", "--quiet").stdout.split()
    if containers:
        _ctr(address, "containers", "delete", *containers)
    psutil.wait_procs(_shims(address), timeout=_SHIM_SECONDS)  # each exits with its last container


def kill_all(address: Path) -> None:
    """Kill shims and their containers, when containerd is not running."""
    left = [
        process for shim in _shims(address) for process in (*reversed(shim.children(recursive=True)), shim)
    ]
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=_SHIM_SECONDS)


def running(address: Path) -> set[str]:
    """Ids of running containers."""
    lines = _ctr(address, "tasks", "list").stdout.splitlines()[1:]
    return {fields[0] for line in lines if (fields := line.split())[-1] == "RUNNING"}


def _shims(address: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if (command := process.info["cmdline"]) and Path(command[0]).name == _SHIM and str(address) in command
    ]


def _digests(address: Path) -> dict[str, str]:
    lines = _ctr(address, "images", "list").stdout.splitlines()[1:]
    return {fields[0]: fields[2] for line in lines if (fields := line.split())}


def _ctr(address: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["ctr", f"--address={address}", "--namespace=k8s.io", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    return text.strip().splitlines()[-1] if text.strip() else "no reason was given"

"""Debian packages that the node, its images and some tests need."""

import os
import shutil
import subprocess
from collections.abc import Sequence

from procstream_common.errors import ProcstreamError

from testbed.cluster import cache

REQUIRED = (
    "buildah",
    "busybox-static",
    "conntrack",
    "containerd",
    "containernetworking-plugins",
    "debootstrap",
    "iproute2",
    "nftables",
    "runc",
    "socat",
)


def install(packages: Sequence[str] = REQUIRED) -> None:
    """Install the missing packages. Raises `ProcstreamError` when that fails.

    Other processes wait meanwhile: apt-get fails if another one runs.
    """
    if not _missing(packages):
        return
    with cache.lock("debian-packages", "Debian packages"):
        missing = _missing(packages)
        if not missing:  # another process has installed them meanwhile
            return
        if os.geteuid() != 0:
            raise ProcstreamError(f"missing Debian packages, install them as root: {' '.join(missing)}")
        with_defaults = {"DEBIAN_FRONTEND": "noninteractive"}
        cache.run("Debian packages", ["apt-get", "update", "--quiet"], env=with_defaults)
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
        cache.run("Debian packages", command, env=with_defaults)


def _missing(packages: Sequence[str]) -> list[str]:
    if shutil.which("dpkg-query") is None:
        raise ProcstreamError("dpkg-query: not found; the test cluster expects Debian or Ubuntu")
    result = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *packages],
        capture_output=True,
        text=True,
        check=False,  # fails when a package is unknown
    )
    installed = {line.split()[0] for line in result.stdout.splitlines() if line.endswith(" installed")}
    return [package for package in packages if package not in installed]

"""The programs of the node. Each is a small Go module here that pins its sources."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from procstream_common.errors import ProcstreamError

from testbed.cluster import cache

_SOURCES = Path(__file__).parent / "programs"

KUBERNETES_VERSION = "v1.34.4"
HELM_VERSION = "v3.19.5"


@dataclass(frozen=True)
class Program:
    """A Go module in `programs/`, and how it is built."""

    name: str
    package: str = "."
    variables: Mapping[str, str] = field(default_factory=dict)
    """Set by the linker: versions that the programs report."""
    notice: str = ""

    @property
    def sources(self) -> Path:
        """Its folder."""
        return _SOURCES / self.name

    @property
    def linker_flags(self) -> str:
        """Without symbols, which halves the size."""
        return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in self.variables.items())])


_VERSION = "k8s.io/component-base/version"
KUBERNETES = Program(
    "kubernetes",
    variables={
        f"{_VERSION}.gitVersion": KUBERNETES_VERSION,
        f"{_VERSION}.gitMajor": "1",
        f"{_VERSION}.gitMinor": "34",
        f"{_VERSION}.gitTreeState": "clean",
        f"{_VERSION}.gitCommit": "0000000000000000000000000000000000000000",
        f"{_VERSION}.buildDate": "2026-01-01T00:00:00Z",
    },
    notice=f"Kubernetes {KUBERNETES_VERSION} (about 8 minutes on 2 cores)",
)
HELM = Program(
    "helm",
    package="helm.sh/helm/v3/cmd/helm",
    variables={"helm.sh/helm/v3/internal/version.version": HELM_VERSION},
    notice=f"helm {HELM_VERSION} (about a minute)",
)
COREDNS = Program("coredns", notice="CoreDNS (about a minute)")
PROVISIONER = Program(
    "local_path_provisioner",
    package="github.com/rancher/local-path-provisioner",
    notice="the storage provisioner (about a minute)",
)
PAUSE = Program("pause", notice="pause")

# Command names of the node. The Kubernetes program acts by the name under which it is started.
COMMANDS = {
    **dict.fromkeys(
        (
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-proxy",
            "kube-scheduler",
            "kubeadm",
            "kubectl",
            "kubelet",
        ),
        KUBERNETES,
    ),
    "helm": HELM,
}


def build(program: Program) -> Path:
    """Path of the program, built on first use."""

    def compile_to(target: Path) -> None:
        command = ["nice", go(), "build", "-buildvcs=false", "-trimpath"]
        command += ["-ldflags", program.linker_flags, "-o", str(target), program.package]
        environment = {"CGO_ENABLED": "0", "GOWORK": "off"}
        cache.run(program.name, command, env=environment, cwd=program.sources)

    key = cache.key(program.sources, program.package, program.linker_flags)
    return cache.built(f"{program.name}-{key}", program.notice, compile_to)


def go() -> str:
    """The Go compiler of `PATH`, or that of the pinned development packages. Raises `ProcstreamError`."""
    pinned = Path(sys.executable).with_name("go")
    found = shutil.which("go") or (str(pinned) if pinned.exists() else None)
    if found is None:
        raise ProcstreamError("go: not found on PATH; expected Go 1.25 or later (`make setup` installs one)")
    return found

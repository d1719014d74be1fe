"""What a test sees of a cluster."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from procstream_common.errors import ProcstreamError

from testbed.cluster import containers

LOAD_VARIABLE = "PROCSTREAM_E2E_LOAD"
"""Names the command that brings an archive into somebody else's cluster: `kind load image-archive`."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers, ours or another."""

    kubeconfig: Path
    kubectl: Path
    helm: Path
    node_name: str
    """The node; in a cluster of several, one of them."""
    containerd: Path | None = None
    """Where the node's containerd listens; None when the cluster is not ours."""

    @property
    def environment(self) -> dict[str, str]:
        """All variables for a process that is to talk to this cluster."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def run(
        self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl. Raises `ProcstreamError` when it takes `timeout` s, or fails unless `check` is off."""
        return self._run(self.kubectl, arguments, stdin, check, timeout)

    def run_helm(
        self, *arguments: str, check: bool = True, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run helm, like `run`."""
        return self._run(self.helm, arguments, None, check, timeout)

    def load(self, *archives: Path) -> None:
        """Bring images (OCI archives) to the node. What is there already, in the same version, costs nothing.

        Raises `ProcstreamError` when that cannot be done.
        """
        if self.containerd is not None:
            containers.load(self.containerd, archives)
            return
        command = os.environ.get(LOAD_VARIABLE)
        if not command:
            raise ProcstreamError(
                f"{self.kubeconfig}: images cannot be loaded into a cluster that was not started here; "
                f"name a command for it in {LOAD_VARIABLE}, such as `kind load image-archive`"
            )
        for archive in archives:
            result = subprocess.run(
                [*shlex.split(command), str(archive)],
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if result.returncode != 0:
                raise ProcstreamError(f"{command} {archive}: {result.stderr.strip()}")

    def _run(
        self, program: Path, arguments: tuple[str, ...], stdin: str | None, check: bool, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        told = f"{program.name} {shlex.join(arguments)}"
        try:
            result = subprocess.run(
                [program, *arguments],
                env=self.environment,
                input=stdin or "",
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise ProcstreamError(f"{told}: not done after {timeout:g} s") from None
        if check and result.returncode != 0:
            raise ProcstreamError(f"{told}: {result.stderr.strip() or result.stdout.strip()}")
        return result


def attach(environment: Mapping[str, str]) -> Cluster:
    """The cluster that `KUBECONFIG` names, with the kubectl and helm of `PATH`. Raises `ProcstreamError`."""
    kubeconfig = Path(environment["KUBECONFIG"]).absolute()
    if not kubeconfig.is_file():
        raise ProcstreamError(f"KUBECONFIG={kubeconfig}: no such file")
    cluster = Cluster(kubeconfig, _on_path("kubectl"), _on_path("helm"), node_name="")
    names = cluster.run("get", "nodes", "--output=jsonpath={.items[*].metadata.name}").stdout.split()
    if not names:
        raise ProcstreamError(f"{kubeconfig}: the cluster has no node")
    return Cluster(kubeconfig, cluster.kubectl, cluster.helm, node_name=names[0])


def _on_path(program: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise ProcstreamError(f"{program}: not found on PATH; a cluster named by KUBECONFIG needs it")
    return Path(found)

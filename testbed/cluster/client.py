"""A cluster as its users see it: kubectl, helm and images."""

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
"""Variable with the command that loads an archive into another cluster: `kind load image-archive`."""


@dataclass(frozen=True)
class Cluster:
    """A reachable cluster: the node of this package, or another cluster."""

    kubeconfig: Path
    kubectl: Path
    helm: Path
    node_name: str
    """The node, or one of several."""
    containerd: Path | None = None
    """Socket of the node's containerd; None for a cluster that was not started here."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a process that uses this cluster."""
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig)}

    def run(
        self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl. Raises `ProcstreamError` after `timeout` s, or on failure unless `check` is off."""
        return self._run(self.kubectl, arguments, stdin, check, timeout)

    def run_helm(
        self, *arguments: str, check: bool = True, timeout: float = 600
    ) -> subprocess.CompletedProcess[str]:
        """Run helm, like `run`."""
        return self._run(self.helm, arguments, None, check, timeout)

    def load(self, *archives: Path) -> None:
        """Load images (OCI archives) into the node. An image that it already has is skipped.

        Raises `ProcstreamError` when an image cannot be loaded.
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
        command = f"{program.name} {shlex.join(arguments)}"
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
            raise ProcstreamError(f"{command}: still running after {timeout:g} s") from None
        if check and result.returncode != 0:
            raise ProcstreamError(f"{command}: {result.stderr.strip() or result.stdout.strip()}")
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

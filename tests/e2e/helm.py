"""The chart in a namespace, installed with helm."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from testbed.cluster import Cluster
from tests.e2e.namespaces import Namespace

CHART = Path(__file__).parents[2] / "helm" / "procstream"
LOCAL = CHART / "values-local.yaml"
_DEFINITIONS = CHART / "crds"

Values = Path | Mapping[str, Any]
"""A values file, or values."""


@contextmanager
def installed(namespace: Namespace, release: str, *values: Values, wait: bool = False) -> Iterator[None]:
    """The chart with these values, later ones win; uninstalled afterwards, without a wait for its pods."""
    try:
        upgrade(namespace, release, *values, wait=wait)
        yield
    finally:
        uninstall(namespace, release, wait=False)


def upgrade(namespace: Namespace, release: str, *values: Values, wait: bool = False) -> None:
    """`helm upgrade --install`; with `wait`, returns when everything is ready, after 5 min at most."""
    _upgrade_definitions(namespace.cluster)
    with tempfile.TemporaryDirectory() as folder:
        files = [_file(given, Path(folder, f"{index}.yaml")) for index, given in enumerate(values)]
        namespace.cluster.run_helm(
            *("upgrade", "--install", release, str(CHART), f"--namespace={namespace.name}"),
            *(f"--values={file}" for file in files),
            *(("--wait", "--timeout=5m") if wait else ()),
        )


def uninstall(namespace: Namespace, release: str, *, wait: bool = True) -> None:
    """`helm uninstall`, if it is installed; with `wait`, returns when its objects are deleted."""
    options = (f"--namespace={namespace.name}", "--ignore-not-found", *(("--wait",) if wait else ()))
    namespace.cluster.run_helm("uninstall", release, *options)


def _upgrade_definitions(cluster: Cluster) -> None:
    """Bring the CustomResourceDefinitions up to date if the cluster has any, because helm only installs them.

    With old definitions the API server drops fields that the operator needs.
    """
    names = (yaml.safe_load(file.read_text())["metadata"]["name"] for file in _DEFINITIONS.glob("*.yaml"))
    if cluster.run("get", "crd", *names, "--ignore-not-found", "--output=name").stdout:
        cluster.run("apply", "--server-side", "--force-conflicts", f"--filename={_DEFINITIONS}")


def _file(values: Values, path: Path) -> Path:
    if isinstance(values, Path):
        return values
    path.write_text(yaml.safe_dump(dict(values)))
    return path

"""The chart in a namespace, installed with helm."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.namespaces import Namespace

CHART = Path(__file__).parents[2] / "helm" / "procstream"
LOCAL = CHART / "values-local.yaml"

Values = Path | Mapping[str, Any]
"""A values file, or values."""


@contextmanager
def installed(namespace: Namespace, release: str, *values: Values, wait: bool = False) -> Iterator[None]:
    """The chart with these values, of which later ones win; uninstalled afterwards."""
    try:
        upgrade(namespace, release, *values, wait=wait)
        yield
    finally:
        uninstall(namespace, release)


def upgrade(namespace: Namespace, release: str, *values: Values, wait: bool = False) -> None:
    """`helm upgrade --install`; with `wait`, returns when everything is ready, after 5 min at most."""
    with tempfile.TemporaryDirectory() as folder:
        files = [_file(given, Path(folder, f"{index}.yaml")) for index, given in enumerate(values)]
        namespace.cluster.run_helm(
            *("upgrade", "--install", release, str(CHART), f"--namespace={namespace.name}"),
            *(f"--values={file}" for file in files),
            *(("--wait", "--timeout=5m") if wait else ()),
        )


def uninstall(namespace: Namespace, release: str) -> None:
    """`helm uninstall`, if it is installed; returns when its objects are deleted."""
    namespace.cluster.run_helm(
        "uninstall", release, f"--namespace={namespace.name}", "--ignore-not-found", "--wait"
    )


def _file(values: Values, path: Path) -> Path:
    if isinstance(values, Path):
        return values
    path.write_text(yaml.safe_dump(dict(values)))
    return path

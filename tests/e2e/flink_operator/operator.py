"""Flink's Kubernetes operator: the cluster's own, or the one that the environment names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from procstream_common.errors import ProcstreamError

from testbed.cluster import Cluster, containers

CHART_VARIABLE = "FLINK_OPERATOR_CHART"
"""Variable with its helm chart (1.16 or later), a path or an address, as in `scripts/kind-up.sh`."""
IMAGE_VARIABLE = "FLINK_OPERATOR_IMAGE"
"""Variable with its image, an OCI archive, for clusters that cannot pull the chart's image."""

_GROUP = "flink.apache.org"
_RELEASE = "flink-kubernetes-operator"
_NAMESPACE = "flink-operator"


def is_installed(cluster: Cluster) -> bool:
    """Whether the cluster has the operator already."""
    return bool(
        cluster.run("get", "crd", f"flinkdeployments.{_GROUP}", "--ignore-not-found", "--output=name").stdout
    )


@contextmanager
def installed(cluster: Cluster, chart: str, image: Path | None) -> Iterator[None]:
    """Install the operator with this chart, and uninstall it afterwards with its resource definitions.

    Raises `ProcstreamError` when it does not become ready, or when the image is not an OCI archive of one
    image.
    """
    values = ["--set=webhook.create=false"]  # it would need cert-manager
    if image is not None:
        repository, tag = _reference(image)
        cluster.load(image)
        values += [f"--set=image.repository={repository}", f"--set-string=image.tag={tag}"]
    place = f"--namespace={_NAMESPACE}"
    try:
        cluster.run_helm(
            *("upgrade", "--install", _RELEASE, chart, place, "--create-namespace"),
            *(*values, "--wait", "--timeout=5m"),
        )
        yield
    finally:
        cluster.run_helm("uninstall", _RELEASE, place, "--ignore-not-found", "--wait")
        cluster.run("delete", "namespace", _NAMESPACE, "--ignore-not-found", "--timeout=100s")
        # helm leaves the definitions; the next run would conclude from them that there is an operator.
        cluster.run("delete", *_definitions(cluster))


def _definitions(cluster: Cluster) -> list[str]:
    found = cluster.run("get", "crd", "--output=name").stdout.split()
    return [name for name in found if name.endswith(f".{_GROUP}")]


def _reference(image: Path) -> tuple[str, str]:
    found = containers.image(image)
    if found is None:
        raise ProcstreamError(f"{IMAGE_VARIABLE}={image}: expected an OCI archive of one named image")
    repository, _, tag = found[0].rpartition(":")
    return repository, tag


def named() -> tuple[str, Path | None] | None:
    """The chart and the image of the environment; None when it has no chart."""
    chart, image = os.environ.get(CHART_VARIABLE), os.environ.get(IMAGE_VARIABLE)
    return (chart, Path(image) if image else None) if chart else None

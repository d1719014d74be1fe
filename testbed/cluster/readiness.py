"""Whether a node is ready, from objects of the API server."""

from collections.abc import Iterable, Mapping, Set
from typing import Any

Object = Mapping[str, Any]

SYSTEM = {("kube-system", "coredns"), ("local-path-storage", "local-path-provisioner")}
"""Deployments, as (namespace, name), that every test needs."""


def is_ready(
    *, nodes: Iterable[Object], deployments: Iterable[Object], pods: Iterable[Object], running: Set[str]
) -> bool:
    """Whether the node and the system's pods are ready.

    After a restart the API server still reports the old state, so each container that it reports as running
    must be one of the ids in `running`.
    """
    available = {_name(deployment) for deployment in deployments if _condition(deployment, "Available")}
    return (
        any(_condition(node, "Ready") for node in nodes)
        and available >= SYSTEM
        and all(_is_current(pod, running) for pod in pods)
    )


def _is_current(pod: Object, running: Set[str]) -> bool:
    if pod["status"].get("phase") in ("Succeeded", "Failed"):
        return True
    reported = {
        container["containerID"].rpartition("/")[2]  # containerd://<id>
        for container in pod["status"].get("containerStatuses", [])
        if "running" in container["state"]
    }
    of_system = any(_name(pod)[0] == namespace for namespace, _ in SYSTEM)
    return reported <= running and (_condition(pod, "Ready") or not of_system)


def _condition(thing: Object, kind: str) -> bool:
    conditions = thing.get("status", {}).get("conditions", [])
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


def _name(thing: Object) -> tuple[str, str]:
    return thing["metadata"].get("namespace", ""), thing["metadata"]["name"]

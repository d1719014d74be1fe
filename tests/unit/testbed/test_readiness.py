"""When the node counts as ready."""

from typing import Any

import pytest

from testbed.cluster.readiness import SYSTEM, is_ready


def thing(namespace: str, name: str, *conditions: str) -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name},
        "status": {"conditions": [{"type": kind, "status": "True"} for kind in conditions]},
    }


def pod(namespace: str, container: str, *conditions: str, phase: str = "Running") -> dict[str, Any]:
    found = thing(namespace, "pod", *conditions)
    found["status"] |= {
        "phase": phase,
        "containerStatuses": [{"containerID": f"containerd://{container}", "state": {"running": {}}}],
    }
    return found


NODES = [thing("", "node", "Ready")]
DEPLOYMENTS = [thing(namespace, name, "Available") for namespace, name in SYSTEM]
PODS = [pod("kube-system", "one", "Ready")]


def ready(**changed: Any) -> bool:
    return is_ready(
        **{"nodes": NODES, "deployments": DEPLOYMENTS, "pods": PODS, "running": {"one"}, **changed}
    )


def test_node_system_and_pods_are_ready() -> None:
    assert ready()


@pytest.mark.parametrize(
    "changed",
    [
        {"nodes": [thing("", "node")]},
        {"deployments": DEPLOYMENTS[1:]},
        {"deployments": [*DEPLOYMENTS[1:], thing(*DEPLOYMENTS[0]["metadata"].values())]},
        {"running": set()},
        {"pods": [pod("kube-system", "one")]},
        {"pods": [*PODS, pod("default", "from-before-the-restart", "Ready")]},
    ],
    ids=["node", "deployment missing", "deployment", "container ended", "pod of the system", "old container"],
)
def test_one_that_is_not_ready_is_enough(changed: dict[str, Any]) -> None:
    assert not ready(**changed)


def test_pods_of_users_need_not_be_ready() -> None:
    assert ready(
        pods=[*PODS, pod("default", "two"), pod("default", "x", phase="Succeeded")], running={"one", "two"}
    )

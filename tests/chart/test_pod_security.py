from typing import Any

import pytest

from tests.chart.pod_security import violations


def pod(**changes: Any) -> dict[str, Any]:
    security = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        **changes.pop("security", {}),
    }
    return {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "main", "securityContext": security, **changes.pop("container", {})}],
        **changes,
    }


def test_a_pod_as_it_should_be() -> None:
    assert violations(pod(volumes=[{"name": "tmp", "emptyDir": {}}])) == []


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"hostNetwork": True}, "hostNetwork is set"),
        ({"volumes": [{"name": "proc", "hostPath": {"path": "/proc"}}]}, "volume proc: hostPath"),
        ({"security": {"privileged": True}}, "main: privileged"),
        ({"security": {"allowPrivilegeEscalation": True}}, "main: privileges can be escalated"),
        ({"security": {"readOnlyRootFilesystem": False}}, "main: the root file system can be written"),
        ({"security": {"capabilities": {}}}, "main: not all capabilities are dropped"),
        (
            {"security": {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}},
            "main: capability SYS_ADMIN",
        ),
        ({"security": {"runAsNonRoot": False}}, "main: may run as root"),
        ({"security": {"runAsUser": 0}}, "main: runs as root"),
        ({"security": {"seccompProfile": {"type": "Unconfined"}}}, "main: no seccomp profile"),
        ({"container": {"ports": [{"hostPort": 80}]}}, "main: host port 80"),
    ],
)
def test_a_violation(changes: dict[str, Any], violation: str) -> None:
    assert violations(pod(**changes)) == [violation]


def test_containers_of_the_start_count() -> None:
    first = {"name": "first", "securityContext": {}}
    assert "first: not all capabilities are dropped" in violations(pod(initContainers=[first]))

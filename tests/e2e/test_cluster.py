"""The cluster itself: what the other tests rely on."""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from procstream_common.errors import ProcstreamError

from testbed.cluster import Cluster, images
from tests.integration.waiting import until

NAMESPACE = f"cluster-test-{os.getpid()}"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
USER = 10001
CONTAINER = {
    "imagePullPolicy": "Never",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    "volumeMounts": [{"name": "pages", "mountPath": "/pages"}],
}
SERVER = "echo serving; exec httpd -f -p 8080 -h /pages"
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app": "web"}},
    "spec": {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {"name": "server", "image": images.BUSYBOX, "command": ["sh", "-c", SERVER], **CONTAINER},
            {"name": "shell", "image": images.DEBIAN_BASE, "command": ["sleep", "infinity"], **CONTAINER},
        ],
        "volumes": [{"name": "pages", "persistentVolumeClaim": {"claimName": "pages"}}],
    },
}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "pages"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "pages"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
}


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    cluster.load(images.busybox(), images.debian_base())
    metadata = {"name": NAMESPACE, "labels": RESTRICTED}
    apply(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    yield NAMESPACE
    cluster.run("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module")
def pod(cluster: Cluster, namespace: str) -> str:
    apply(cluster, CLAIM, POD, SERVICE, namespace=namespace)
    cluster.run("wait", "pod/web", "--for=condition=Ready", "--timeout=60s", f"--namespace={namespace}")
    return "web"


def test_the_node_and_the_system_are_ready(cluster: Cluster) -> None:
    assert "Ready" in true_conditions(cluster, "node", cluster.node_name)
    pods = json.loads(cluster.run("get", "pods", "--namespace=kube-system", "--output=json").stdout)["items"]
    assert pods
    for pod in pods:
        assert "Ready" in {c["type"] for c in pod["status"]["conditions"] if c["status"] == "True"}


def test_a_restricted_pod_has_logs_and_runs_commands(cluster: Cluster, pod: str) -> None:
    logs = cluster.run("logs", pod, "--container=server", f"--namespace={NAMESPACE}")
    assert logs.stdout == "serving\n"
    assert execute(cluster, pod, "id -u") == f"{USER}\n"


def test_a_claim_is_bound_and_written(cluster: Cluster, pod: str) -> None:
    execute(cluster, pod, "echo kept > /pages/index.html")
    claim = json.loads(cluster.run("get", "pvc", "pages", f"--namespace={NAMESPACE}", "--output=json").stdout)
    assert claim["status"]["phase"] == "Bound"
    assert execute(cluster, pod, "cat /pages/index.html") == "kept\n"


def test_a_service_answers_by_its_name(cluster: Cluster, pod: str) -> None:
    execute(cluster, pod, "echo found > /pages/name.html")
    request = "exec 3<>/dev/tcp/pages/80 && printf 'GET /name.html HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
    # kube-proxy learns of a ready pod a little later.
    answer = until(lambda: execute(cluster, pod, request, check=False), "an answer of the service")
    assert answer.endswith("\n\nfound\n")
    address = execute(cluster, pod, f"getent hosts pages.{NAMESPACE}.svc.cluster.local").split()[0]
    service = json.loads(cluster.run("get", "svc/pages", f"--namespace={NAMESPACE}", "--output=json").stdout)
    assert address == service["spec"]["clusterIP"]


def test_a_pod_that_is_not_restricted_is_refused(cluster: Cluster, namespace: str) -> None:
    privileged = copy.deepcopy(POD)
    privileged["metadata"]["name"] = "privileged"
    privileged["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    with pytest.raises(ProcstreamError, match='violates PodSecurity "restricted:latest": privileged'):
        apply(cluster, privileged, namespace=namespace)


def test_only_an_archive_is_loaded(cluster: Cluster, tmp_path: Path) -> None:
    if cluster.containerd is None:
        pytest.skip("only the cluster of `make cluster` checks archives")
    (tmp_path / "image.tar").write_text("not an archive")
    with pytest.raises(ProcstreamError, match=r"image\.tar: expected an OCI archive"):
        cluster.load(tmp_path / "image.tar")


def apply(cluster: Cluster, *objects: dict[str, Any], namespace: str = "default") -> None:
    cluster.run("apply", "--filename=-", f"--namespace={namespace}", stdin=yaml.safe_dump_all(objects))


def execute(cluster: Cluster, pod: str, script: str, *, check: bool = True) -> str:
    command = ["exec", pod, "--container=shell", f"--namespace={NAMESPACE}", "--", "bash", "-c", script]
    return cluster.run(*command, check=check).stdout


def true_conditions(cluster: Cluster, kind: str, name: str) -> set[str]:
    conditions = json.loads(cluster.run("get", kind, name, "--output=json").stdout)["status"]["conditions"]
    return {condition["type"] for condition in conditions if condition["status"] == "True"}

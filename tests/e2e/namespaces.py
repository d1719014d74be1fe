"""A namespace as the tests use it: objects, waiting, forwarded ports."""

import json
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from testbed.cluster import Cluster
from tests.integration.waiting import until

RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
"""Label of a namespace that admits only pods of the Pod Security Standard `restricted`."""


@contextmanager
def new_namespace(cluster: Cluster, name: str, *labels: str) -> Iterator["Namespace"]:
    """A new namespace, deleted afterwards."""
    namespace = Namespace(cluster, name)
    # An interrupted run may have left one.
    namespace.delete()
    cluster.run("create", "namespace", name)
    try:
        if labels:
            cluster.run("label", "namespace", name, *labels)
        yield namespace
    finally:
        namespace.delete()


@dataclass(frozen=True)
class Namespace:
    """A namespace."""

    cluster: Cluster
    name: str

    def kubectl(
        self, *arguments: str, stdin: str | None = None, check: bool = True, timeout: float = 180
    ) -> str:
        """The output of kubectl, with its errors if `check` is off."""
        result = self.cluster.run(
            f"--namespace={self.name}", *arguments, stdin=stdin, check=check, timeout=timeout
        )
        return result.stdout + ("" if check else result.stderr)

    def delete(self) -> None:
        """Delete the namespace and everything in it, if it exists. Its pods have a second to end."""
        self.cluster.run("delete", "namespace", self.name, "--ignore-not-found", "--wait=false")
        self.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false")
        self.cluster.run("wait", "--for=delete", f"namespace/{self.name}", "--timeout=100s")

    def apply(self, *objects: Mapping[str, Any], check: bool = True) -> str:
        return self.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(objects), check=check)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", kind, name, "--output=json")))

    def all(self, kind: str, *selectors: str) -> list[dict[str, Any]]:
        return list(json.loads(self.kubectl("get", kind, *selectors, "--output=json"))["items"])

    def objects(self) -> set[str]:
        """KIND/NAME of all objects except events and those that every namespace has."""
        kinds = self.cluster.run("api-resources", "--namespaced", "--verbs=list,delete", "--output=name")
        found = self.kubectl("get", ",".join(kinds.stdout.split()), "--output=name").split()
        others = ("configmap/kube-root-ca.crt", "serviceaccount/default", "event/", "event.events.k8s.io/")
        return {name for name in found if not name.startswith(others)}

    def exists(self, kind: str, name: str) -> bool:
        return bool(self.kubectl("get", kind, name, "--output=name", "--ignore-not-found"))

    def patch(self, kind: str, name: str, patch: Mapping[str, Any], *, check: bool = True) -> str:
        return self.kubectl("patch", kind, name, "--type=merge", f"--patch={json.dumps(patch)}", check=check)

    def events(self, kind: str, name: str) -> list[str]:
        """Reasons of the events about an object, oldest first."""
        selector = f"--field-selector=involvedObject.kind={kind},involvedObject.name={name}"
        events = self.all("events", selector)
        events.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [event["reason"] for event in events]

    def wait(self, condition: str, *objects: str, timeout: float = 60) -> None:
        """`kubectl wait`. It would fail at once if a named object did not exist yet, so that is awaited."""
        named = all("/" in found for found in objects)
        for event in ("create", condition) if named and condition.startswith("condition=") else (condition,):
            self.kubectl("wait", f"--for={event}", *objects, f"--timeout={timeout:g}s", timeout=timeout + 30)

    def replace(self, *selectors: str, timeout: float = 120) -> None:
        """Delete pods, which must not be those of a Job; returns when others are ready in their place."""
        before = {pod["metadata"]["uid"] for pod in self.all("pods", *selectors)}
        self.kubectl("delete", "pod", *selectors, "--wait=false")

        def replaced() -> bool:
            pods = {pod["metadata"]["uid"]: pod for pod in self.all("pods", *selectors)}
            return len(pods) == len(before) and before.isdisjoint(pods) and all(map(_is_ready, pods.values()))

        until(replaced, f"other pods of {selectors}", timeout=timeout, every=1)

    def scale(self, stateful_set: str, replicas: int) -> None:
        self.kubectl("scale", f"statefulset/{stateful_set}", f"--replicas={replicas}")

    @contextmanager
    def forwarded(self, target: str, remote: int, local: int) -> Iterator[int]:
        """Forward a port of a Service or pod to a local port."""
        command = [
            self.cluster.kubectl,
            "port-forward",
            target,
            f"{local}:{remote}",
            "--namespace",
            self.name,
        ]
        process = subprocess.Popen(
            command, env=self.cluster.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: _listens(local), f"{target} at port {local}")
            yield local
        finally:
            process.terminate()
            process.wait()


def _is_ready(pod: Mapping[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

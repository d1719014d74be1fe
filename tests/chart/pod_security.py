"""The Pod Security Standard "restricted", as far as pods of a chart can break it.

Source: Kubernetes, "Pod Security Standards"; beyond it a read-only root file system is asked for.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SECCOMP = {"RuntimeDefault", "Localhost"}


def violations(pod: Mapping[str, Any]) -> list[str]:
    """What a pod's specification does that it may not do; nothing when it is as it should be."""
    return [*_of_the_pod(pod), *(text for one in _containers(pod) for text in _of_a_container(one, pod))]


def _of_the_pod(pod: Mapping[str, Any]) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(field):
            yield f"{field} is set"
    for volume in pod.get("volumes", ()):
        for kind in volume.keys() - {"name"} - _VOLUMES:
            yield f"volume {volume['name']}: {kind}"
    for sysctl in pod.get("securityContext", {}).get("sysctls", ()):
        yield f"sysctl {sysctl['name']}"


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def _of_a_container(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    name = container["name"]
    own = container.get("securityContext", {})
    # What a container says of itself wins over what its pod says.
    effective = {**pod.get("securityContext", {}), **own}
    if own.get("privileged"):
        yield f"{name}: privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: privileges can be escalated"
    if not own.get("readOnlyRootFilesystem"):
        yield f"{name}: the root file system can be written"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", ()):
        yield f"{name}: not all capabilities are dropped"
    for added in set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"}:
        yield f"{name}: capability {added}"
    if effective.get("runAsNonRoot") is not True:
        yield f"{name}: may run as root"
    if effective.get("runAsUser") == 0:
        yield f"{name}: runs as root"
    if effective.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield f"{name}: no seccomp profile"
    for port in container.get("ports", ()):
        if port.get("hostPort"):
            yield f"{name}: host port {port['hostPort']}"

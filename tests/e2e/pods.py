"""How often containers were restarted, from pods as the API server describes them. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Container(NamedTuple):
    """A container of one pod. A pod that replaces another of the same name has another uid."""

    pod: str
    name: str
    uid: str


_STATUSES = ("initContainerStatuses", "containerStatuses")


def restarts(pods: Iterable[Mapping[str, Any]]) -> dict[Container, int]:
    """The restarts of all containers, init containers included, of pods that run without end.

    Omitted are pods of Jobs, because a CronJob may start one at any moment, pods without an owner, which
    nothing starts again, and pods that are being deleted.
    """
    return {
        Container(pod["metadata"]["name"], container["name"], pod["metadata"]["uid"]): container[
            "restartCount"
        ]
        for pod in pods
        if _runs_without_end(pod)
        for statuses in _STATUSES
        for container in pod.get("status", {}).get(statuses, ())
    }


def disturbed(before: Mapping[Container, int], after: Mapping[Container, int]) -> list[str]:
    """What happened to the containers of `before`: they were restarted, or their pods are gone.

    A new pod beside them is no disturbance.
    """
    found = []
    for container, count in before.items():
        now = after.get(container)
        if now is None:
            found.append(f"{container.pod}/{container.name}: its pod is gone")
        elif now != count:
            found.append(f"{container.pod}/{container.name}: {now} restarts, expected {count}")
    return found


def _runs_without_end(pod: Mapping[str, Any]) -> bool:
    metadata = pod["metadata"]
    owners = {owner["kind"] for owner in metadata.get("ownerReferences", ())}
    return bool(owners - {"Job"}) and "deletionTimestamp" not in metadata

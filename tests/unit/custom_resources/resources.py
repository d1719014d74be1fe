"""Resources as the API server returns them, for the tests."""

from collections.abc import Mapping
from typing import Any

from procstream_operator.resource import Kind, Resource

CREATED = "2026-01-31T12:00:00Z"


def resource(
    kind: Kind,
    spec: Mapping[str, Any],
    *,
    name: str = "orders",
    status: Mapping[str, Any] | None = None,
    generation: int = 1,
    **metadata: Any,
) -> Resource:
    body = {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": f"uid-{name}",
            "generation": generation,
            "resourceVersion": "1",
            "creationTimestamp": CREATED,
            **metadata,
        },
        "spec": spec,
        "status": status or {},
    }
    return Resource.read(kind, body)


def ready_status(
    *, status: str = "True", reason: str = "TopicReady", generation: int = 1, **more: Any
) -> dict[str, Any]:
    condition = {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": "",
        "observedGeneration": generation,
        "lastTransitionTime": CREATED,
    }
    return {"observedGeneration": generation, "conditions": [condition], **more}

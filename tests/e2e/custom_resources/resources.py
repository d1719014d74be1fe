"""Custom resources of the tests, and their conditions."""

import json
from typing import Any

from tests.e2e.namespaces import Namespace
from tests.integration.waiting import until

API_VERSION = "procstream.io/v1alpha1"


def topic(name: str, *, partitions: int = 1, **spec: Any) -> dict[str, Any]:
    return _resource("Topic", name, {"partitions": partitions, **spec})


def schema(name: str, definition: object, **spec: Any) -> dict[str, Any]:
    return _resource("Schema", name, {"subject": name, "definition": json.dumps(definition), **spec})


def record(*fields: tuple[str, object]) -> dict[str, Any]:
    """An Avro record of fields (name, type); one whose type is a list is optional."""
    return {
        "type": "record",
        "name": "Order",
        "fields": [
            {"name": name, "type": kind, **({"default": None} if isinstance(kind, list) else {})}
            for name, kind in fields
        ],
    }


def producer(name: str, topic: str, schema: str, **spec: Any) -> dict[str, Any]:
    refs = {"topicRef": {"name": topic}, "schemaRef": {"name": schema}}
    return _resource("ProcstatProducer", name, {**refs, **spec})


def ready(namespace: Namespace, kind: str, name: str) -> dict[str, Any]:
    """The condition Ready; empty before the first."""
    return _ready(namespace.get(kind, name))


def until_ready(
    namespace: Namespace, kind: str, name: str, status: str, reason: str, *, timeout: float = 60
) -> dict[str, Any]:
    """The condition Ready once it has this status and reason for the current specification."""

    def look() -> dict[str, Any] | None:
        found = namespace.get(kind, name)
        condition = _ready(found)
        if condition.get("observedGeneration") != found["metadata"]["generation"]:
            return None
        return condition if (condition["status"], condition["reason"]) == (status, reason) else None

    return until(look, f"{kind} {name} with Ready {status} ({reason})", timeout=timeout, every=0.3) or {}


def _ready(resource: dict[str, Any]) -> dict[str, Any]:
    conditions = resource.get("status", {}).get("conditions", [])
    return next((dict(one) for one in conditions if one["type"] == "Ready"), {})


def _resource(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}

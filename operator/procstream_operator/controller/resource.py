"""A custom resource as the operator sees it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

GROUP = "procstream.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"


class Kind(Enum):
    """The kinds of custom resources; a value is the plural that the API server knows them by."""

    TOPIC = "topics"
    SCHEMA = "schemas"
    PRODUCER = "procstatproducers"

    @property
    def title(self) -> str:
        """As in `kind:` of a manifest."""
        return {"topics": "Topic", "schemas": "Schema", "procstatproducers": "ProcstatProducer"}[self.value]


class Key(NamedTuple):
    """What tells resources of one kind apart."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class Resource:
    """A custom resource."""

    kind: Kind
    key: Key
    uid: str
    generation: int
    resource_version: str
    created: datetime
    deleted: datetime | None
    """When its deletion was asked for."""
    finalizers: tuple[str, ...]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @classmethod
    def read(cls, kind: Kind, body: Mapping[str, Any]) -> "Resource":
        """From what the API server gives."""
        metadata = body["metadata"]
        deleted = metadata.get("deletionTimestamp")
        return cls(
            kind=kind,
            key=Key(metadata["namespace"], metadata["name"]),
            uid=metadata["uid"],
            generation=metadata.get("generation", 0),
            resource_version=metadata["resourceVersion"],
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            deleted=None if deleted is None else datetime.fromisoformat(deleted),
            finalizers=tuple(metadata.get("finalizers", ())),
            spec=body.get("spec", {}),
            status=body.get("status", {}),
        )

    @property
    def title(self) -> str:
        """For logs: `Topic shop/orders`."""
        return f"{self.kind.title} {self.key}"

    @property
    def is_ready(self) -> bool:
        """Whether its Ready condition is True, for the specification that it has now."""
        ready = self.ready_condition
        return (
            ready.get("status") == "True"
            and self.status.get("observedGeneration") == self.generation
            and self.deleted is None
        )

    @property
    def ready_condition(self) -> Mapping[str, Any]:
        """Its Ready condition; empty before the first."""
        conditions = self.status.get("conditions", ())
        return next((one for one in conditions if one.get("type") == "Ready"), {})

"""A custom resource as the operator sees it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

GROUP = "procstream.io"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

FINALIZER = f"{GROUP}/retained-data"
"""On resources whose data are deleted with them. Others have none, so that nothing delays their deletion."""


class Kind(Enum):
    """The kinds of custom resources. A value is the plural in the API."""

    TOPIC = "topics"
    SCHEMA = "schemas"
    PRODUCER = "procstatproducers"

    @property
    def title(self) -> str:
        """As in `kind:` of a manifest."""
        return {"topics": "Topic", "schemas": "Schema", "procstatproducers": "ProcstatProducer"}[self.value]


class Key(NamedTuple):
    """Identifies a resource among those of its kind."""

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
    created: datetime
    deleted: datetime | None
    """When its deletion was requested."""
    finalizers: tuple[str, ...]
    spec: Mapping[str, Any]
    status: Mapping[str, Any]

    @classmethod
    def read(cls, kind: Kind, body: Mapping[str, Any]) -> "Resource":
        """From an object of the API."""
        metadata = body["metadata"]
        deleted = metadata.get("deletionTimestamp")
        return cls(
            kind=kind,
            key=Key(metadata["namespace"], metadata["name"]),
            uid=metadata["uid"],
            generation=metadata.get("generation", 0),
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            deleted=None if deleted is None else datetime.fromisoformat(deleted),
            finalizers=tuple(metadata.get("finalizers", ())),
            spec=dict(body.get("spec", {})),
            status=dict(body.get("status", {})),
        )

    @property
    def title(self) -> str:
        """For logs: `Topic shop/orders`."""
        return f"{self.kind.title} {self.key}"

    @property
    def is_ready(self) -> bool:
        """Whether its condition Ready is True for the current specification."""
        return self.is_observed and self.ready_condition.get("status") == "True" and self.deleted is None

    @property
    def is_observed(self) -> bool:
        """Whether its status describes the current specification."""
        return bool(self.status.get("observedGeneration") == self.generation)

    @property
    def ready_condition(self) -> Mapping[str, Any]:
        """Its condition Ready; empty before the first."""
        conditions = self.status.get("conditions", ())
        return next((one for one in conditions if one.get("type") == "Ready"), {})

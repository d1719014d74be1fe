"""What kopf notes in the status of a resource, instead of in annotations: field `status.kopf`.

`lastHandled` is a digest of what was last handled, `recheck` a value that the operator changes to have a
resource handled again, and `progress` the state of a handler that is being retried.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, cast

import kopf

_FIELD = "status.kopf"


class SpecificationDigest(kopf.StatusDiffBaseStorage):
    """Notes a digest: the definition of a Schema may have 512 KiB, which the status must not store again.

    What counts as a change is the specification and `status.kopf.recheck`, but no label or annotation.
    """

    def __init__(self) -> None:
        super().__init__(field=f"{_FIELD}.lastHandled")

    def build(self, *, body: kopf.Body, extra_fields: Iterable[Any] | None = None) -> kopf.BodyEssence:
        """The essence of a resource, see `kopf.DiffBaseStorage`."""
        text = json.dumps(body.get("spec", {}), sort_keys=True)
        recheck = body.get("status", {}).get("kopf", {}).get("recheck")
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return cast(kopf.BodyEssence, {"spec": digest, "recheck": recheck})


class ProgressOfGeneration(kopf.StatusProgressStorage):
    """Forgets the progress of a handler when the specification changes.

    kopf would put off a new specification until the delay of an attempt for the previous one is over.
    """

    def __init__(self) -> None:
        super().__init__(field=f"{_FIELD}.progress", touch_field=f"{_FIELD}.touched")

    def fetch(self, *, key: Any, body: kopf.Body) -> Any:
        """The progress of a handler, see `kopf.ProgressStorage`."""
        record = super().fetch(key=key, body=body)
        if record is None or record.get("generation") != body.metadata.get("generation"):
            return None
        return {name: value for name, value in record.items() if name != "generation"}

    def store(self, *, key: Any, record: Any, body: kopf.Body, patch: kopf.Patch) -> None:
        """Note the progress of a handler, see `kopf.ProgressStorage`."""
        generation = body.metadata.get("generation")
        noted: Any = {**record, "generation": generation}
        super().store(key=key, record=noted, body=body, patch=patch)

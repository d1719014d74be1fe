"""Sample records at a chosen rate; each kind of record is a module of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded records.

    Attributes:
        values: one a record.
        keys: one a record; None sends the whole batch to one partition, each batch to the next.
        marks: what is special about a record, e.g. `malformed`, by its index.
    """

    values: Sequence[bytes]
    keys: Sequence[bytes] | None = None
    marks: Mapping[int, str] = field(default_factory=dict)


class RecordSource(Protocol):
    """Makes the records of one topic."""

    @property
    def marks(self) -> Sequence[str]:
        """Every mark that its records may have."""

    def batch(self, size: int, timestamp_ms: int) -> Batch:
        """`size` records, made at `timestamp_ms` (milliseconds since 1970 UTC)."""

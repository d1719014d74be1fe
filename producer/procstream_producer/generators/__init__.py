"""Sample records at a chosen rate; each kind of record has its own module."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded records.

    Attributes:
        values: one per record.
        keys: one per record; None sends each batch as a whole to the next partition.
        marks: the special records, e.g. `malformed`, by index.
    """

    values: Sequence[bytes]
    keys: Sequence[bytes] | None = None
    marks: Mapping[int, str] = field(default_factory=dict)


class RecordSource(Protocol):
    """Generates the records of one topic."""

    @property
    def marks(self) -> Sequence[str]:
        """Every mark that its records may have."""

    def batch(self, size: int, timestamp_ms: int) -> Batch:
        """`size` records of the time `timestamp_ms` (milliseconds since 1970 UTC)."""

"""Sample records at a chosen rate; each kind of record is a module of its own."""

from collections.abc import Sequence
from typing import Protocol


class RecordSource(Protocol):
    """Makes the records of one topic."""

    def batch(self, size: int, timestamp_ms: int) -> Sequence[bytes]:
        """`size` encoded values, made at `timestamp_ms` (milliseconds since 1970 UTC)."""

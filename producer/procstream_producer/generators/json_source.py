"""The base of the JSON record sources: a key, and a share of malformed records."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from procstream_producer.generators import Batch
from procstream_producer.generators.malformed import Malformer, to_json

MALFORMED = "malformed"


@dataclass(slots=True)
class JsonRecord:
    """A record before it is encoded; `mark` names what is special about it."""

    key: str
    value: dict[str, Any]
    mark: str | None = None


class JsonSource(ABC):
    """Generates JSON records one by one: their values do not depend on the batch size.

    Args:
        seed: the same seed generates the same values, except for times; None selects a new seed.
        malformed: share of malformed records, from 0 to 1.
    """

    required: ClassVar[str]
    """The field that some malformed records lack."""
    number: ClassVar[tuple[str, ...]]
    """Path of the field that is not a number in some malformed records."""
    marks: Sequence[str] = (MALFORMED,)

    def __init__(self, *, seed: int | None = None, malformed: float = 0.0) -> None:
        self._rng = rng = random.Random(seed)  # noqa: S311 - not for secrets
        self._malformed = malformed
        self._malformer = Malformer(required=self.required, number=self.number, rng=rng)

    def batch(self, size: int, timestamp_ms: int) -> Batch:
        """`size` records of this time."""
        values: list[bytes] = []
        keys: list[bytes] = []
        marks: dict[int, str] = {}
        for index in range(size):
            if self._rng.random() < self._malformed:
                record = self._plain(timestamp_ms)
                values.append(self._malformer.spoil(record.value))
                marks[index] = MALFORMED
            else:
                record = self._next(timestamp_ms)
                values.append(to_json(record.value))
                if record.mark is not None:
                    marks[index] = record.mark
            keys.append(record.key.encode())
        return Batch(values, keys, marks)

    @abstractmethod
    def _plain(self, timestamp_ms: int) -> JsonRecord:
        """A new record with nothing special about it."""

    def _next(self, timestamp_ms: int) -> JsonRecord:
        """A well-formed record; sources with special ones override this."""
        return self._plain(timestamp_ms)

"""Arithmetic on Kafka offsets. Sets of offsets are sorted runs: a million offsets without a gap are one run.

Every operation is one sweep over the edges of the runs (numpy, O(n log n) in the number of runs), for two
sets as well as for ten thousand.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class TopicPartition(NamedTuple):
    """One partition of a topic; written `topic/partition`."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}"


@dataclass(frozen=True, eq=False, slots=True)
class Runs:
    """An immutable set of offsets of one partition.

    `bounds` has a row `[first, stop)` for each run; rows are sorted, do not overlap and do not touch.
    Create one with `of`, `between` or `from_offsets`, which ensure that.
    """

    bounds: Ints

    @classmethod
    def of(cls, bounds: Sequence[tuple[int, int]] | Ints) -> "Runs":
        """The offsets of half-open runs `[first, stop)`, in any order, overlapping or not."""
        array = np.asarray(bounds, dtype=np.int64).reshape(-1, 2)
        if bool(np.all(array[1:, 0] > array[:-1, 1])) and bool(np.all(array[:, 0] < array[:, 1])):
            return cls(array)
        positions, level = _sweep([(array, 1)])
        return _where(positions, level >= 1)

    @classmethod
    def between(cls, first: int, stop: int) -> "Runs":
        """All offsets from `first` up to, not including, `stop`."""
        return cls.of([(first, stop)]) if first < stop else EMPTY

    @classmethod
    def from_offsets(cls, offsets: Ints) -> tuple["Runs", "Runs"]:
        """The set of single offsets in any order, and those that occur more than once."""
        if len(offsets) == 0:
            return EMPTY, EMPTY
        ordered = np.sort(offsets)
        again = np.zeros(len(ordered), dtype=bool)
        again[1:] = ordered[1:] == ordered[:-1]
        return _runs_of_distinct(ordered[~again]), _runs_of_distinct(np.unique(ordered[again]))

    def __bool__(self) -> bool:
        return len(self.bounds) > 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Runs) and np.array_equal(self.bounds, other.bounds)

    def __hash__(self) -> int:
        return hash(self.bounds.tobytes())

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Runs as `(first, last)`, both included, as the commit log writes them."""
        return ((int(first), int(stop) - 1) for first, stop in self.bounds)

    def __contains__(self, offset: int) -> bool:
        index = int(np.searchsorted(self.bounds[:, 0], offset, side="right")) - 1
        return index >= 0 and offset < int(self.bounds[index, 1])

    @property
    def count(self) -> int:
        """The number of offsets."""
        return int((self.bounds[:, 1] - self.bounds[:, 0]).sum())

    @property
    def first(self) -> int:
        """The lowest offset; the set must not be empty."""
        return int(self.bounds[0, 0])

    @property
    def stop(self) -> int:
        """One more than the highest offset; the set must not be empty."""
        return int(self.bounds[-1, 1])

    def __or__(self, other: "Runs") -> "Runs":
        return coverage([self, other])[0]

    def __and__(self, other: "Runs") -> "Runs":
        if not self or not other:
            return EMPTY
        positions, level = _sweep([(self.bounds, 1), (other.bounds, 2)])
        return _where(positions, level == 3)

    def __sub__(self, other: "Runs") -> "Runs":
        if not self or not other:
            return self
        positions, level = _sweep([(self.bounds, 1), (other.bounds, 2)])
        return _where(positions, level == 1)

    def below(self, stop: int) -> "Runs":
        """The offsets lower than `stop`."""
        kept = self.bounds[self.bounds[:, 0] < stop]
        return Runs(np.minimum(kept, stop))

    def at_least(self, first: int) -> "Runs":
        """The offsets not lower than `first`."""
        kept = self.bounds[self.bounds[:, 1] > first]
        return Runs(np.maximum(kept, first))

    def joined(self, distance: int) -> "Runs":
        """Also the offsets between runs that are at most `distance` apart."""
        if not self:
            return self
        apart = self.bounds[1:, 0] - self.bounds[:-1, 1] > distance
        first = self.bounds[np.concatenate(([True], apart)), 0]
        stop = self.bounds[np.concatenate((apart, [True])), 1]
        return Runs(np.column_stack((first, stop)))


EMPTY = Runs(np.empty((0, 2), dtype=np.int64))


def coverage(parts: Iterable[Runs]) -> tuple[Runs, Runs]:
    """The offsets in at least one of `parts`, and those in more than one."""
    bounds = [part.bounds for part in parts if part]
    if not bounds:
        return EMPTY, EMPTY
    if len(bounds) == 1:
        return Runs(bounds[0]), EMPTY
    positions, level = _sweep([(np.concatenate(bounds), 1)])
    return _where(positions, level >= 1), _where(positions, level >= 2)


def _sweep(layers: Sequence[tuple[Ints, int]]) -> tuple[Ints, Ints]:
    """Each position where a run begins or ends, and the summed weight of the runs open from there."""
    edges = np.concatenate([bounds.ravel() for bounds, _ in layers])
    steps = np.concatenate([np.tile(np.array([weight, -weight]), len(bounds)) for bounds, weight in layers])
    order = np.argsort(edges, kind="stable")
    edges, level = edges[order], np.cumsum(steps[order])
    last_of_equals = np.append(edges[1:] != edges[:-1], True)
    return edges[last_of_equals], level[last_of_equals]


def _where(positions: Ints, holds: NDArray[np.bool_]) -> Runs:
    """The runs in which `holds` is true; it is false from the last position on, where no run is open."""
    turns = np.flatnonzero(np.diff(holds.astype(np.int8), prepend=0))
    return Runs(positions[turns].reshape(-1, 2))


def _runs_of_distinct(ordered: Ints) -> Runs:
    """Runs of offsets that are sorted and all different."""
    breaks = np.flatnonzero(np.diff(ordered) != 1)
    first = ordered[np.concatenate(([0], breaks + 1))] if len(ordered) else ordered
    last = ordered[np.concatenate((breaks, [len(ordered) - 1]))] if len(ordered) else ordered
    return Runs(np.column_stack((first, last + 1)))

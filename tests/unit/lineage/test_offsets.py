"""Interval arithmetic against the plain model: Python's sets of single offsets."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from procstream_lineage.offsets import EMPTY, Runs, coverage

offsets = st.sets(st.integers(min_value=0, max_value=60))


def runs(found: set[int]) -> Runs:
    return Runs.of([(offset, offset + 1) for offset in sorted(found)])


def members(found: Runs) -> set[int]:
    return {offset for first, last in found for offset in range(first, last + 1)}


def is_normal(found: Runs) -> bool:
    spans = list(found)
    return all(first <= last for first, last in spans) and all(a[1] + 1 < b[0] for a, b in pairwise(spans))


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8)), max_size=20))
def test_runs_may_be_given_in_any_order_and_overlap(spans: list[tuple[int, int]]) -> None:
    made = Runs.of([(first, first + length) for first, length in spans])
    assert is_normal(made)
    assert members(made) == {first + n for first, length in spans for n in range(length)}


@given(st.lists(st.integers(0, 60), max_size=40))
def test_repeated_offsets_are_found_in_any_order(found: list[int]) -> None:
    once, again = Runs.from_offsets(np.array(found, dtype=np.int64))
    assert is_normal(once)
    assert is_normal(again)
    assert members(once) == set(found)
    assert members(again) == {offset for offset in found if found.count(offset) > 1}


@given(offsets, offsets)
def test_union_difference_and_intersection(one: set[int], other: set[int]) -> None:
    a, b = runs(one), runs(other)
    for result, expected in ((a | b, one | other), (a - b, one - other), (a & b, one & other)):
        assert is_normal(result)
        assert members(result) == expected
        assert result.count == len(expected)


@given(st.lists(offsets, max_size=6))
def test_coverage_has_all_offsets_and_the_repeated_ones(parts: list[set[int]]) -> None:
    covered, doubled = coverage([runs(part) for part in parts])
    every = [offset for part in parts for offset in part]
    assert members(covered) == set(every)
    assert members(doubled) == {offset for offset in every if every.count(offset) > 1}
    assert is_normal(covered)
    assert is_normal(doubled)


@given(offsets, st.integers(0, 62))
def test_cutting_and_membership(found: set[int], at: int) -> None:
    made = runs(found)
    assert members(made.below(at)) == {offset for offset in found if offset < at}
    assert members(made.at_least(at)) == {offset for offset in found if offset >= at}
    assert (at in made) == (at in found)


@given(offsets, st.integers(0, 10))
def test_joining_fills_only_short_distances(found: set[int], distance: int) -> None:
    joined = runs(found).joined(distance)
    assert is_normal(joined)
    assert found <= members(joined)
    assert all(b[0] - a[1] - 1 > distance for a, b in pairwise(joined))


def test_first_and_stop_are_the_ends() -> None:
    made = Runs.of([(5, 7), (1, 3)])
    assert (made.first, made.stop, list(made)) == (1, 7, [(1, 2), (5, 6)])
    assert not EMPTY
    assert Runs.between(4, 4) == EMPTY


def test_a_million_runs_are_no_trouble() -> None:
    even = Runs.of(np.column_stack((np.arange(0, 2_000_000, 2), np.arange(1, 2_000_001, 2))))
    everything = Runs.between(0, 2_000_000)
    assert (everything - even).count == 1_000_000
    assert coverage([even, even])[1] == even

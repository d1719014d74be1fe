"""The account of a partition against the plain model: Python's sets of single offsets."""

from hypothesis import given
from hypothesis import strategies as st
from procstream_lineage.account import Landed, account
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.topic import Bounds

PARTITION = TopicPartition("orders", 0)
offsets = st.sets(st.integers(min_value=0, max_value=40))


def runs(found: set[int]) -> Runs:
    return Runs.of([(offset, offset + 1) for offset in sorted(found)])


def members(found: Runs) -> set[int]:
    return {offset for first, last in found for offset in range(first, last + 1)}


@given(offsets, offsets, offsets, offsets, st.integers(0, 20), st.integers(20, 45), st.booleans())
def test_each_record_is_in_exactly_one_class(
    kept: set[int], bad: set[int], empty: set[int], unread: set[int], start: int, end: int, final: bool
) -> None:
    there = kept | bad
    empty -= there
    found = account(
        PARTITION,
        Bounds(start, end),
        Landed(kept=runs(kept), bad=runs(bad)),
        empty=runs(empty),
        unread=runs(unread),
        final=final,
    )
    expected = set(range(start, end)) - empty
    gap = expected - there
    reached = max((offset for offset in there if offset < end), default=-1)
    assert members(found.pending) == (set() if final else {offset for offset in gap if offset > reached})
    assert members(found.missing) == gap - members(found.pending) - unread
    assert members(found.untold) == (gap - members(found.pending)) & unread
    assert members(found.in_both) == kept & bad
    assert members(found.expired) == {o for o in range(min(there, default=start), start) if o not in there}
    landed = {offset for offset in there if offset < end}
    assert found.produced == len(landed | expected)
    assert found.produced == len(landed) + found.missing.count + found.pending.count + found.untold.count


@given(offsets, offsets, st.integers(0, 45))
def test_what_may_be_there_is_neither_missing_nor_pending(
    kept: set[int], perhaps: set[int], end: int
) -> None:
    landed = Landed(kept=runs(kept), perhaps=runs(perhaps))
    found = account(PARTITION, Bounds(0, end), landed)
    gap = set(range(end)) - kept
    assert members(found.untold) == gap & perhaps
    assert members(found.missing) | members(found.pending) == gap - perhaps


@given(offsets, st.integers(1, 45))
def test_from_committed_nothing_is_missing_before_the_first(kept: set[int], end: int) -> None:
    found = account(PARTITION, Bounds(0, end), Landed(kept=runs(kept)), from_committed=True)
    assert all(offset > min(kept) for offset in members(found.missing))

"""The account of one partition: each offset is committed, dropped, missing, pending or unknown."""

from dataclasses import dataclass

from procstream_lineage.offsets import EMPTY, Runs, TopicPartition
from procstream_lineage.report import PartitionReport
from procstream_lineage.topic import Bounds


@dataclass(frozen=True)
class Landed:
    """The offsets of a partition in the lake.

    `kept` are in the output, `bad` in the dropped path, `repeated` more than once in one of them. `perhaps`
    may be in a file whose exact offsets are not in the log.
    """

    kept: Runs = EMPTY
    bad: Runs = EMPTY
    repeated: Runs = EMPTY
    perhaps: Runs = EMPTY

    @property
    def all(self) -> Runs:
        """The offsets in the output or in the dropped path."""
        return self.kept | self.bad


@dataclass(frozen=True)
class Account:
    """The offsets of a partition by class; see Report for the names."""

    partition: TopicPartition
    bounds: Bounds
    produced: int
    kept: Runs
    bad: Runs
    in_both: Runs
    doubled: Runs
    missing: Runs
    pending: Runs
    untold: Runs
    expired: Runs
    beyond_end: Runs

    def report(self) -> PartitionReport:
        """The counts."""
        return PartitionReport(
            topic=self.partition.topic,
            partition=self.partition.partition,
            start=self.bounds.start,
            end=self.bounds.end,
            produced=self.produced,
            committed=self.kept.count,
            dropped=self.bad.count,
            missing=self.missing.count,
            doubled=self.doubled.count,
            pending=self.pending.count,
            untold=self.untold.count,
        )


def account(
    partition: TopicPartition,
    bounds: Bounds,
    landed: Landed,
    *,
    empty: Runs = EMPTY,
    unread: Runs = EMPTY,
    from_committed: bool = False,
    final: bool = False,
) -> Account:
    """Assign each offset in `bounds` to one class.

    `empty` are offsets that hold no record, `unread` those for which this is not known. For the
    other arguments see `judge`.
    """
    start, end = bounds.start, bounds.end
    there = landed.all
    if from_committed and there:
        start = max(start, there.first)
    expected = Runs.between(start, end) - empty
    gap = expected - there
    untold = gap & landed.perhaps
    if from_committed and final and not there:
        untold = gap  # the job may have started before or after these
    if not final:
        # A partition's records are read in order, so those after the last committed one may be pending. Those
        # before it are not, unless a checkpoint is being committed at the moment.
        reached = (there | landed.perhaps).below(end)
        pending = (gap - untold).at_least(reached.stop if reached else start)
    else:
        pending = EMPTY
    missing = gap - untold - pending
    untold |= missing & unread
    expired = Runs.between(there.first, start) - there - landed.perhaps if there else EMPTY
    return Account(
        partition=partition,
        bounds=bounds,
        produced=expected.count + there.below(start).count,
        kept=landed.kept.below(end),
        bad=landed.bad.below(end),
        in_both=landed.kept & landed.bad,
        doubled=landed.repeated | (landed.kept & landed.bad),
        missing=missing - unread,
        pending=pending,
        untold=untold,
        expired=expired,
        beyond_end=there.at_least(end),
    )

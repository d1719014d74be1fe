"""Judges the evidence, as a pure function: the offsets of a topic against the files of a lake and its log.

Every record of the topic must be in exactly one committed row, in the output or in the dropped path.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice

from procstream_lineage.account import Account, Landed, account
from procstream_lineage.commit_log import LogEntry
from procstream_lineage.lake_side import LakeSide, Tally
from procstream_lineage.offsets import EMPTY, Runs, TopicPartition, coverage
from procstream_lineage.report import Evidence, Offsets, Report, Verdict, percent
from procstream_lineage.topic import Bounds, GapReading

SAMPLES = 5
"""Number of examples of each fault in a report."""

_FAULTS = {
    "missing": "{} records of the topic are in no file, although later ones are",
    "doubled": "{} offsets are in more than one row",
    "unlogged": "{} files are not in the commit log",
    "foreign": "{} committed offsets were never in the topic: was it recreated?",
    "mismatched": "{} rows have a checkpoint_id other than that of their file in the log",
    "wrong_entries": "{} files have rows other than those in the log",
    "corrupt": "{} files cannot be read",
    "conflicts": "{} log entries contradict another one for the same file",
}
_DOUBTS = {
    "pending": "{} records are not committed yet",
    "inexact": "the log does not have the exact offsets of {} files: use --deep",
    "expired": "{} offsets between committed ones are gone from the topic and in no file",
    "untold": "it is unknown whether {} offsets were to be committed, and were",
}


def judge(
    topic_offsets: Mapping[TopicPartition, Bounds],
    output: LakeSide,
    dropped: LakeSide,
    *,
    gaps: GapReading | None = None,
    high_watermarks: Mapping[TopicPartition, int] | None = None,
    from_committed: bool = False,
    final: bool = False,
) -> Report:
    """Compare what a topic has with what a lake has.

    `topic_offsets` has all partitions of the topics, read before the lake. `gaps` is what is known about
    offsets that were not found in the lake. `high_watermarks`, read after the lake, distinguish committed
    offsets that were produced meanwhile from those that the topic never had.
    `from_committed` expects nothing before the lowest committed offset of each partition, for a job that did
    not start at the earliest. `final`: no job will continue; what is pending is missing.
    """
    gaps = gaps or GapReading()
    kept, bad = output.tally(), dropped.tally()
    accounts = [
        account(
            partition,
            bounds,
            _landed(partition, kept, bad, bounds),
            empty=gaps.empty.get(partition, EMPTY),
            unread=gaps.unread.get(partition, EMPTY),
            from_committed=from_committed,
            final=final,
        )
        for partition, bounds in sorted(topic_offsets.items())
    ]
    return _Case(output, dropped, kept, bad, accounts, high_watermarks).report()


def limit_dropped(report: Report, most: float) -> Report:
    """The report, not proven if more than this share (0 to 1) of the records was dropped."""
    if report.dropped_share <= most:
        return report
    reason = (
        f"{report.dropped:,} of {report.produced:,} records were dropped, {percent(report.dropped_share)};"
        f" expected at most {percent(most)}"
    )
    return replace(report, verdict=Verdict.NOT_PROVEN, reasons=[reason, *report.reasons])


def _landed(partition: TopicPartition, kept: Tally, bad: Tally, bounds: Bounds) -> Landed:
    blind = kept.blind or bad.blind
    return Landed(
        kept=kept.offsets(partition),
        bad=bad.offsets(partition),
        repeated=kept.doubled(partition) | bad.doubled(partition),
        perhaps=Runs.between(0, bounds.end) if blind else kept.hull(partition) | bad.hull(partition),
    )


@dataclass(frozen=True)
class _Case:
    """All evidence: what was found in the lake, its tallies, and the account of each partition."""

    output: LakeSide
    dropped: LakeSide
    kept: Tally
    bad: Tally
    accounts: Sequence[Account]
    high_watermarks: Mapping[TopicPartition, int] | None

    def report(self) -> Report:
        sides = (self.output, self.dropped)
        counts = self.counts()
        verdict, reasons = _judged(counts, has_log=any(side.log.log_files for side in sides))
        missing = self.offsets("missing")
        return Report(
            topic=", ".join(sorted(self.topics)),
            verdict=verdict,
            reasons=reasons,
            **counts,
            causes={},
            absent_entries=len(self.absent),
            replayed_entries=sum(side.log.replayed for side in sides),
            cut_off_logs=sum(len(side.log.cut_off) for side in sides),
            checkpoints=len({entry.checkpoint_id for entry in self.committed}),
            files=len(self.committed),
            bytes=sum(side.bytes for side in sides),
            deep=self.output.rows is not None,
            partitions=[account.report() for account in self.accounts],
            other_topics=_by_topic(self.unasked, besides=self.topics),
            samples={fault: examples[:SAMPLES] for fault, examples in self.examples().items() if examples},
            evidence=Evidence(
                missing=missing,
                pending=self.offsets("pending"),
                settling=_settling(missing, self.committed, self.absent),
                beyond_end=self.beyond_end,
            ),
        )

    def counts(self) -> dict[str, int]:
        """The counts that decide, by their names in the report."""
        kept, bad = self.kept, self.bad
        logs = (self.output.log, self.dropped.log)
        return {
            "produced": sum(account.produced for account in self.accounts),
            "committed": _count(self.offsets("kept")) + kept.inexact_records,
            "dropped": _count(self.offsets("bad")) + bad.inexact_records,
            "doubled": _count(self.offsets("doubled")) + kept.surplus + bad.surplus,
            **{
                name: _count(self.offsets(name))
                for name in ("missing", "in_both", "pending", "untold", "expired")
            },
            "unlogged": len(self.unlogged),
            "foreign": _count(self.foreign),
            "mismatched": kept.mismatched + bad.mismatched,
            "wrong_entries": len(kept.wrong_entries + bad.wrong_entries),
            "corrupt": len(kept.corrupt + bad.corrupt),
            "conflicts": sum(len(log.conflicts) for log in logs),
            "inexact": kept.inexact + bad.inexact,
        }

    def examples(self) -> dict[str, list[str]]:
        """Examples by the name of the fault."""
        kept, bad = self.kept, self.bad
        absent = "in the log for {}, which does not exist"
        return {
            "missing": _described(self.offsets("missing"), self.absent, absent),
            "doubled": [
                *_described(self.offsets("doubled"), self.committed, "in {}"),
                *kept.surpluses,
                *bad.surpluses,
            ],
            "unlogged": self.unlogged,
            "foreign": _described(self.foreign, self.committed, "in {}"),
            "mismatched": kept.mismatches + bad.mismatches,
            "wrong_entries": kept.wrong_entries + bad.wrong_entries,
            "corrupt": kept.corrupt + bad.corrupt,
            "conflicts": [*self.output.log.conflicts, *self.dropped.log.conflicts],
            **{name: _described(self.offsets(name)) for name in ("pending", "untold", "expired")},
        }

    def offsets(self, name: str) -> dict[TopicPartition, Runs]:
        """The offsets of one class, without partitions that have none."""
        by_partition = {account.partition: getattr(account, name) for account in self.accounts}
        return {partition: runs for partition, runs in by_partition.items() if runs}

    @cached_property
    def topics(self) -> set[str]:
        return {account.partition.topic for account in self.accounts}

    @cached_property
    def committed(self) -> list[LogEntry]:
        return self.output.committed + self.dropped.committed

    @cached_property
    def absent(self) -> list[LogEntry]:
        return self.output.absent + self.dropped.absent

    @cached_property
    def unlogged(self) -> list[str]:
        return self.output.unlogged + self.dropped.unlogged

    @cached_property
    def unasked(self) -> dict[TopicPartition, Runs]:
        """Offsets in the lake of partitions that were not verified, or that the topic does not have."""
        asked = {account.partition for account in self.accounts}
        others = {*self.kept.partitions(), *self.bad.partitions()} - asked
        return {other: self.kept.offsets(other) | self.bad.offsets(other) for other in others}

    @cached_property
    def beyond_end(self) -> dict[TopicPartition, Runs]:
        unknown = {other: runs for other, runs in self.unasked.items() if other.topic in self.topics}
        return self.offsets("beyond_end") | unknown

    @cached_property
    def foreign(self) -> dict[TopicPartition, Runs]:
        """Unknown without the present end of the topic: the job may have committed more."""
        if self.high_watermarks is None:
            return {}
        ends = self.high_watermarks
        foreign = {at: runs.at_least(ends.get(at, 0)) for at, runs in self.beyond_end.items()}
        return {at: runs for at, runs in foreign.items() if runs}


def _judged(counts: Mapping[str, int], *, has_log: bool) -> tuple[Verdict, list[str]]:
    faults = [text.format(f"{counts[name]:,}") for name, text in _FAULTS.items() if counts[name]]
    doubts = [text.format(f"{counts[name]:,}") for name, text in _DOUBTS.items() if counts[name]]
    if not has_log:
        doubts.append("there is no commit log")
    if faults:
        return Verdict.NOT_PROVEN, faults + doubts
    return (Verdict.UNKNOWN if doubts else Verdict.PROVEN), doubts


def _settling(missing: Offsets, committed: Collection[LogEntry], absent: Collection[LogEntry]) -> Offsets:
    """Missing offsets of the newest checkpoint, whose files become visible one after the other."""
    if not missing or not committed:
        return {}
    newest = max(committed, key=lambda entry: entry.commit_timestamp)
    coming = [
        entry.offsets
        for entry in absent
        if entry.offsets is not None
        and (entry.checkpoint_id == newest.checkpoint_id or entry.commit_timestamp > newest.commit_timestamp)
    ]
    settling = {
        partition: runs & coverage(offsets.runs.get(partition, EMPTY) for offsets in coming)[0]
        for partition, runs in missing.items()
    }
    return {partition: runs for partition, runs in settling.items() if runs}


def _described(offsets: Offsets, entries: Iterable[LogEntry] = (), where: str = "{}") -> list[str]:
    """The first runs as text, each with the files whose entries have its first offset."""
    runs = ((partition, first, last) for partition, runs in offsets.items() for first, last in runs)
    described = []
    for partition, first, last in islice(runs, SAMPLES):
        holders = [
            entry.relative_key
            for entry in entries
            if entry.offsets is not None and first in entry.offsets.runs.get(partition, EMPTY)
        ]
        named = f" ({where.format(' and '.join(holders[:3]))})" if holders else ""
        described.append(f"{partition}:{first}-{last}{named}")
    return described


def _by_topic(offsets: Offsets, besides: Collection[str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for partition, runs in offsets.items():
        if partition.topic not in besides:
            counts[partition.topic] += runs.count
    return dict(counts)


def _count(offsets: Offsets) -> int:
    return sum(runs.count for runs in offsets.values())

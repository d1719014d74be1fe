"""The proof, as a pure function: a topic's offsets against the files of a lake and what its log says of them.

Every record of the topic must be in exactly one committed row, in the output or in the dropped path.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from procstream_lineage.account import Landed, account
from procstream_lineage.commit_log import LogEntry
from procstream_lineage.evidence import LakeSide, Tally
from procstream_lineage.offsets import EMPTY, Runs, TopicPartition, coverage
from procstream_lineage.report import Evidence, Offsets, Report, Verdict
from procstream_lineage.topic import Bounds, GapReading

SAMPLES = 5
"""How many examples of each fault a report carries."""

_FAULTS = {
    "missing": "{} records of the topic are in no file, though later ones are",
    "doubled": "{} offsets are in more than one row",
    "unlogged": "{} files are not named by the commit log",
    "foreign": "{} committed offsets were never in the topic: was it made anew?",
    "mismatched": "{} rows have another checkpoint_id than the log gives their file",
    "wrong_entries": "{} files have other rows than the log says",
    "corrupt": "{} files cannot be read",
    "conflicts": "{} log entries contradict another one for the same file",
}
_DOUBTS = {
    "pending": "{} records are not committed yet",
    "inexact": "the log does not give the exact offsets of {} files: use --deep",
    "expired": "{} offsets between committed ones are gone from the topic and in no file",
    "untold": "of {} offsets it cannot be told whether they were to be committed, and were",
}


def verify(
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

    `topic_offsets` are those of all partitions of the topics in question, taken before the lake was looked
    at. `gaps` is what is known of offsets that were not found in the lake. `high_watermarks`, taken after the
    lake was looked at, tell committed offsets that came meanwhile from those that the topic never had.
    `from_committed` expects nothing before the lowest committed offset of each partition, for a job that did
    not start at the earliest. `final` says that no job will go on: what is pending is missing.
    """
    gaps = gaps or GapReading()
    sides = (output, dropped)
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
    topics = {partition.topic for partition in topic_offsets}
    unasked = {
        partition: kept.offsets(partition) | bad.offsets(partition)
        for partition in {*kept.partitions(), *bad.partitions()} - topic_offsets.keys()
    }
    missing = {a.partition: a.missing for a in accounts if a.missing}
    doubled = {a.partition: a.doubled for a in accounts if a.doubled}
    beyond_end = {a.partition: a.beyond_end for a in accounts if a.beyond_end} | {
        partition: runs for partition, runs in unasked.items() if partition.topic in topics
    }
    foreign = _foreign(beyond_end, high_watermarks)
    committed = output.committed + dropped.committed
    absent = output.absent + dropped.absent

    counts = {
        "produced": sum(a.produced for a in accounts),
        "committed": sum(a.kept.count for a in accounts) + kept.inexact_records,
        "dropped": sum(a.bad.count for a in accounts) + bad.inexact_records,
        "missing": _count(missing),
        "doubled": _count(doubled) + kept.surplus + bad.surplus,
        "in_both": sum(a.in_both.count for a in accounts),
        "unlogged": sum(len(side.unlogged) for side in sides),
        "pending": sum(a.pending.count for a in accounts),
        "untold": sum(a.untold.count for a in accounts),
        "expired": sum(a.expired.count for a in accounts),
        "foreign": _count(foreign),
        "mismatched": kept.mismatched + bad.mismatched,
        "wrong_entries": len(kept.wrong_entries + bad.wrong_entries),
        "corrupt": len(kept.corrupt + bad.corrupt),
        "conflicts": sum(len(side.log.conflicts) for side in sides),
        "inexact": kept.inexact + bad.inexact,
    }
    samples = {
        "missing": _described(missing, absent, "the log names it for {}, which is not there"),
        "doubled": [*_described(doubled, committed, "in {}"), *kept.surpluses, *bad.surpluses],
        "unlogged": [path for side in sides for path in side.unlogged],
        "foreign": _described(foreign, committed, "in {}"),
        "mismatched": kept.mismatches + bad.mismatches,
        "wrong_entries": kept.wrong_entries + bad.wrong_entries,
        "corrupt": kept.corrupt + bad.corrupt,
        "conflicts": [conflict for side in sides for conflict in side.log.conflicts],
        "pending": _described({a.partition: a.pending for a in accounts if a.pending}, [], ""),
        "untold": _described({a.partition: a.untold for a in accounts if a.untold}, [], ""),
        "expired": _described({a.partition: a.expired for a in accounts if a.expired}, [], ""),
    }
    verdict, reasons = _judged(counts, has_log=any(side.log.log_files for side in sides))
    return Report(
        topic=", ".join(sorted(topics)),
        verdict=verdict,
        reasons=reasons,
        **counts,
        absent_entries=len(absent),
        replayed_entries=sum(side.log.replayed for side in sides),
        checkpoints=len({entry.checkpoint_id for entry in committed}),
        files=len(committed),
        bytes=sum(side.bytes for side in sides),
        deep=output.rows is not None,
        partitions=[a.report() for a in accounts],
        other_topics=_by_topic(unasked, besides=topics),
        samples={fault: list(examples)[:SAMPLES] for fault, examples in samples.items() if examples},
        evidence=Evidence(
            missing=missing,
            pending={a.partition: a.pending for a in accounts if a.pending},
            settling=_settling(missing, committed, absent),
            beyond_end=beyond_end,
        ),
    )


def _landed(partition: TopicPartition, kept: Tally, bad: Tally, bounds: Bounds) -> Landed:
    blind = kept.blind or bad.blind
    return Landed(
        kept=kept.offsets(partition),
        bad=bad.offsets(partition),
        repeated=kept.doubled(partition) | bad.doubled(partition),
        perhaps=Runs.between(0, bounds.end) if blind else kept.hull(partition) | bad.hull(partition),
    )


def _judged(counts: Mapping[str, int], *, has_log: bool) -> tuple[Verdict, list[str]]:
    faults = [text.format(f"{counts[name]:,}") for name, text in _FAULTS.items() if counts[name]]
    doubts = [text.format(f"{counts[name]:,}") for name, text in _DOUBTS.items() if counts[name]]
    if not has_log:
        doubts.append("there is no commit log")
    if faults:
        return Verdict.NOT_PROVEN, faults + doubts
    return (Verdict.UNKNOWN if doubts else Verdict.PROVEN), doubts


def _foreign(beyond_end: Offsets, high_watermarks: Mapping[TopicPartition, int] | None) -> Offsets:
    """Without the topic's present end nothing can be said: the job may just have gone on."""
    if high_watermarks is None:
        return {}
    foreign = {at: runs.at_least(high_watermarks.get(at, 0)) for at, runs in beyond_end.items()}
    return {at: runs for at, runs in foreign.items() if runs}


def _settling(missing: Offsets, committed: Collection[LogEntry], absent: Collection[LogEntry]) -> Offsets:
    """Files of one checkpoint become visible one after the other: those still to come of the newest one."""
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


def _described(offsets: Offsets, entries: Iterable[LogEntry], where: str) -> list[str]:
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

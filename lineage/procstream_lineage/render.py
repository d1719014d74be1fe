"""A report as text."""

from rich.filesize import decimal
from rich.table import Table

from procstream_lineage.report import PartitionReport, Report, Verdict, percent

ALL_PARTITIONS = 32
"""For topics with more partitions, only those with a fault or a doubt are shown, and the sum."""

_ALWAYS = ("start", "end", "committed", "dropped", "missing", "doubled")
_IF_ANY = ("pending", "untold")
_SUMMARY = ("produced", "committed", "dropped", "missing", "doubled", "unlogged")
_DOUBTS = ("pending", "untold", "expired", "inexact")
_OTHER_FAULTS = ("foreign", "mismatched", "wrong_entries", "corrupt", "conflicts")


def render(report: Report) -> Table:
    """A table with a row for each partition and one for their sum."""
    columns = [*_ALWAYS, *(name for name in _IF_ANY if getattr(report, name))]
    several = len({partition.topic for partition in report.partitions}) > 1
    table = Table(title=None if several else report.topic, box=None, pad_edge=False, title_justify="left")
    table.add_column("partition", no_wrap=True, overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True, overflow="fold")
    for partition in _worth_showing(report.partitions):
        label = f"{partition.topic}/{partition.partition}" if several else str(partition.partition)
        cells = (_cell(name, getattr(partition, name)) for name in columns)
        table.add_row(label, *cells)
    table.add_section()
    sums = ("" if name in ("start", "end") else _cell(name, getattr(report, name)) for name in columns)
    table.add_row("all", *sums, style="bold")
    return table


def findings(report: Report) -> list[str]:
    """The reasons of the verdict with examples, and what was examined, one line each."""
    lines = [*report.reasons]
    for fault, examples in report.samples.items():
        lines += [f"  {fault}: {example}" for example in examples]
    examined = "rows, log and topic" if report.deep else "log and topic"
    lines.append(
        f"committed files: {report.files:,} ({decimal(report.bytes)}), checkpoints: {report.checkpoints:,}; "
        f"examined: {examined}"
    )
    explained = {
        "log entries without a file, of failed checkpoints": report.absent_entries,
        "log entries repeated after a failure": report.replayed_entries,
        "log files cut off when their writer was killed": report.cut_off_logs,
    }
    lines += [f"{what}: {count:,}" for what, count in explained.items() if count]
    lines += [
        f"the lake also has {count:,} offsets of topic {topic}"
        for topic, count in report.other_topics.items()
    ]
    return lines


def summary(report: Report, label: str = "verify") -> str:
    """One line to read and for scripts: `verify: produced=N committed=N …`."""
    names = [*_SUMMARY, *(name for name in (*_DOUBTS, *_OTHER_FAULTS) if getattr(report, name))]
    return f"{label}: " + " ".join(f"{name}={getattr(report, name)}" for name in names)


def dead_letters(report: Report) -> list[str]:
    """How many records were dropped, and why, a line for each cause."""
    if not report.dropped:
        return []
    share = percent(report.dropped_share)
    lines = [f"dead letters: {report.dropped:,} of {report.produced:,} records, {share}"]
    width = max((len(cause) for cause in report.causes), default=0)
    counts = [f"{count:,}" for count in report.causes.values()]
    digits = max(map(len, counts), default=0)
    return lines + [
        f"  {cause:{width}}  {count:>{digits}}" for cause, count in zip(report.causes, counts, strict=True)
    ]


def headline(report: Report) -> str:
    """The verdict in words."""
    exactly_once = "proven: every record is committed exactly once"
    return {
        Verdict.PROVEN: f"{exactly_once}, {report.dropped:,} as dead letters"
        if report.dropped
        else exactly_once,
        Verdict.NOT_PROVEN: "not proven",
        Verdict.UNKNOWN: "unknown",
    }[report.verdict]


def _worth_showing(partitions: list[PartitionReport]) -> list[PartitionReport]:
    if len(partitions) <= ALL_PARTITIONS:
        return partitions
    return [p for p in partitions if p.missing or p.doubled or p.pending or p.untold][:ALL_PARTITIONS]


def _cell(name: str, count: int) -> str:
    bad = name in ("missing", "doubled") and count
    return f"[red]{count}[/red]" if bad else str(count)

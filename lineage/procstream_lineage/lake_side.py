"""What was found in a lake, and its sum over all files: the lake's side of the proof."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from procstream_lineage.commit_log import CommitLog, LogEntry
from procstream_lineage.offsets import EMPTY, Runs, TopicPartition, coverage
from procstream_lineage.rows import FileRows


@dataclass(frozen=True)
class LakeSide:
    """What was found in the output or in the dropped path.

    `visible` has the sizes of the data files in bytes, by path; `rows` has what was read from their rows, if
    they were read.
    """

    visible: Mapping[str, int] = field(default_factory=dict)
    log: CommitLog = field(default_factory=CommitLog)
    rows: Mapping[str, FileRows] | None = None

    @cached_property
    def committed(self) -> list[LogEntry]:
        """Entries whose file exists."""
        return [entry for path, entry in self.log.entries.items() if path in self.visible]

    @cached_property
    def absent(self) -> list[LogEntry]:
        """Entries whose file is absent: their checkpoint failed, or is being committed."""
        return [entry for path, entry in self.log.entries.items() if path not in self.visible]

    @cached_property
    def unlogged(self) -> list[str]:
        """Files without an entry."""
        return sorted(self.visible.keys() - self.log.entries.keys())

    @cached_property
    def bytes(self) -> int:
        """The size of the committed files."""
        return sum(self.visible[entry.relative_key] for entry in self.committed)

    def tally(self) -> "Tally":
        """The offsets of all committed files: of their rows if those were read, else of the log."""
        tally = Tally()
        for entry in self.committed:
            if self.rows is None:
                tally.add_logged(entry)
            else:
                tally.add_rows(entry, self.rows[entry.relative_key])
        return tally


class Tally:
    """The sum over the committed files of one side.

    `surplus` counts the rows that a file has in excess of its offsets, if only the log was read. `hulls` span
    files whose exact offsets are not known; of `blind` files not even the hull is known. `mismatches`,
    `wrong_entries`, `corrupt` and `surpluses` each describe the fault of a file.
    """

    def __init__(self) -> None:
        self._parts: dict[TopicPartition, list[Runs]] = defaultdict(list)
        self._repeated: dict[TopicPartition, list[Runs]] = defaultdict(list)
        self._hulls: dict[TopicPartition, list[Runs]] = defaultdict(list)
        self._sums: dict[TopicPartition, tuple[Runs, Runs]] = {}
        self.inexact = 0
        self.inexact_records = 0
        self.blind = 0
        self.surplus = 0
        self.mismatched = 0
        self.surpluses: list[str] = []
        self.mismatches: list[str] = []
        self.wrong_entries: list[str] = []
        self.corrupt: list[str] = []

    def add_logged(self, entry: LogEntry) -> None:
        """Count a file by its entry in the log."""
        offsets = entry.offsets
        if offsets is None or not offsets.exact:
            self.inexact += 1
            self.inexact_records += entry.record_count or 0
            self.blind += offsets is None
            self._extend(self._hulls, offsets.runs if offsets else {})
            return
        self._extend(self._parts, offsets.runs)
        surplus = (entry.record_count or 0) - offsets.count
        if surplus > 0:
            self.surplus += surplus
            self.surpluses.append(f"{entry.relative_key} has {surplus} more rows than offsets")

    def add_rows(self, entry: LogEntry, rows: FileRows) -> None:
        """Count a file by its rows, and compare them with its entry."""
        if rows.error is not None:
            self.corrupt.append(f"{entry.relative_key}: {rows.error}")
            return
        self._extend(self._parts, rows.offsets)
        self._extend(self._repeated, rows.doubled)
        if rows.mismatched:
            self.mismatched += rows.mismatched
            self.mismatches.append(
                f"{entry.relative_key}: {rows.mismatched} rows are not of checkpoint {entry.checkpoint_id}"
            )
        if entry.record_count is not None and entry.record_count != rows.records:
            self.wrong_entries.append(
                f"{entry.relative_key} has {rows.records} rows, according to the log {entry.record_count}"
            )
        elif entry.offsets is not None and entry.offsets.exact and entry.offsets.runs != rows.offsets:
            self.wrong_entries.append(f"{entry.relative_key} has offsets other than those in the log")

    def partitions(self) -> Iterator[TopicPartition]:
        """All partitions that have offsets here."""
        yield from self._parts.keys() | self._hulls.keys()

    def offsets(self, partition: TopicPartition) -> Runs:
        """The offsets of a partition that are certainly here."""
        return self._sum(partition)[0]

    def doubled(self, partition: TopicPartition) -> Runs:
        """The offsets that are here more than once."""
        return self._sum(partition)[1]

    def hull(self, partition: TopicPartition) -> Runs:
        """Offsets that may be here, in files whose exact offsets are not known."""
        return coverage(self._hulls.get(partition, ()))[0]

    def _sum(self, partition: TopicPartition) -> tuple[Runs, Runs]:
        if partition not in self._sums:
            once, across_files = coverage(self._parts.get(partition, ()))
            within_files = self._repeated.get(partition, [EMPTY])
            self._sums[partition] = once, coverage([across_files, *within_files])[0]
        return self._sums[partition]

    @staticmethod
    def _extend(
        lists: dict[TopicPartition, list[Runs]], runs_by_partition: Mapping[TopicPartition, Runs]
    ) -> None:
        for partition, runs in runs_by_partition.items():
            lists[partition].append(runs)

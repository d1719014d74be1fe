"""The result of a verification, as text (`render`) and as JSON (`Report.as_json`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from procstream_lineage.offsets import Runs, TopicPartition

Offsets = Mapping[TopicPartition, Runs]


class Verdict(StrEnum):
    """The result for the lake."""

    PROVEN = "proven"
    NOT_PROVEN = "not_proven"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """0 proven, 1 not proven, 2 unknown."""
        return {Verdict.PROVEN: 0, Verdict.NOT_PROVEN: 1, Verdict.UNKNOWN: 2}[self]


def percent(share: float) -> str:
    """A share from 0 to 1 as a percentage, with enough digits to distinguish it from 0 and from 100."""
    digits = 2 if 0.0001 <= share <= 0.9999 or share in (0, 1) else 6
    return f"{share * 100:.{digits}f}".rstrip("0").rstrip(".") + " %"


@dataclass(frozen=True)
class PartitionReport:
    """The counts of one partition; the topic has the offsets `[start, end)` of it."""

    topic: str
    partition: int
    start: int
    end: int
    produced: int
    committed: int
    dropped: int
    missing: int
    doubled: int
    pending: int
    untold: int


@dataclass(frozen=True)
class Evidence:
    """The sets of offsets behind a report.

    `settling` are missing offsets that the log names for a checkpoint whose commit may be under way.
    `beyond_end` are committed offsets beyond the end of the topic when its bounds were read.
    """

    missing: Offsets = field(default_factory=dict)
    pending: Offsets = field(default_factory=dict)
    settling: Offsets = field(default_factory=dict)
    beyond_end: Offsets = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """The result of a verification. Counts are numbers of offsets unless stated otherwise.

    - `produced`: records in the topic, and committed ones that the topic has deleted since
    - `committed`, `dropped`: of them, those in files of the output, and of the dropped path
    - `causes`: dropped records by the first word of their error, the most frequent first
    - `missing`: in neither, although later ones of their partition are
    - `doubled`: in more than one row: in the output, in the dropped path, or in both (`in_both`)
    - `unlogged`: data files that no log entry names
    - `pending`: after the last committed one of their partition; a job may still commit them
    - `untold`: unknown, because the evidence does not show whether they were committed
    - `expired`: below the log start and in no file, although lower ones are: the topic has deleted them
    - `foreign`: committed, but the topic never had them
    - `mismatched`: rows whose checkpoint_id is not that of their file's log entry (deep)
    - `wrong_entries`: files whose rows differ from their log entry (deep)
    - `corrupt`: files that cannot be read (deep)
    - `conflicts`: log entries that contradict another one for the same file
    - `inexact`: files whose exact offsets are not in the log
    - `absent_entries`: log entries without a file; they belong to checkpoints that failed
    - `replayed_entries`: log entries that repeat another one after a failure
    - `cut_off_logs`: log files that end in half a line because their writer was killed
    - `checkpoints`, `files`, `bytes`: what was committed, output and dropped path together
    - `other_topics`: offsets in the log of topics that were not verified
    - `samples`: a few examples of each fault, by the name of its field
    """

    topic: str
    verdict: Verdict
    reasons: list[str]
    produced: int
    committed: int
    dropped: int
    missing: int
    doubled: int
    in_both: int
    unlogged: int
    pending: int
    untold: int
    expired: int
    foreign: int
    mismatched: int
    wrong_entries: int
    corrupt: int
    conflicts: int
    inexact: int
    absent_entries: int
    replayed_entries: int
    cut_off_logs: int
    checkpoints: int
    files: int
    bytes: int
    deep: bool
    partitions: list[PartitionReport]
    other_topics: dict[str, int]
    samples: dict[str, list[str]]
    causes: dict[str, int] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence, repr=False, compare=False)

    @property
    def dropped_share(self) -> float:
        """Dropped records of those that the topic had: 0 to 1."""
        return self.dropped / self.produced if self.produced else 0.0

    def as_json(self) -> dict[str, Any]:
        """Every field but `evidence`, ready for json.dumps."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "evidence"}
        plain["partitions"] = [vars(partition) for partition in self.partitions]
        plain["dropped_share"] = self.dropped_share
        return plain

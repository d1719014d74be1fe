"""The write-ahead commit log: the checkpoint of each file, and the Kafka offsets in it.

`<log>/chk-<checkpoint>/subtask-<index>-<run>.csv`, columns `checkpoint_id,s3_key,commit_timestamp` and, as
our sink writes them, `record_count,file_size_bytes,offset_ranges`. It is written before a checkpoint
completes, so an entry may name a file that never became visible. After a failure an entry may be written
again.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from procstream_common.errors import ProcstreamError
from rich.progress import Progress

from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.progress import SILENT
from procstream_lineage.storage import Folder

REQUIRED_COLUMNS = ("checkpoint_id", "s3_key", "commit_timestamp")

_LOG_FILE = re.compile(r"^chk-[^/]+/subtask-[^/]+\.csv$")
_RELATIVE_KEY = re.compile(r"(year=[^/]+/(month=[^/]+/day=[^/]+/hour=[^/]+/)?)?[^/]+$")
_RANGES = re.compile(r"([^/:;,]+)/(\d+):(\d+-\d+(?:,\d+-\d+)*)")

# A file's offsets are one field of up to 10,000 runs, longer than the csv module reads by default.
csv.field_size_limit(1 << 30)


@dataclass(frozen=True, slots=True)
class OffsetRanges:
    """The offsets in a file. If not `exact`, only the hull of each partition is known."""

    exact: bool
    runs: Mapping[TopicPartition, Runs]

    @property
    def count(self) -> int:
        """The number of offsets in the runs."""
        return sum(runs.count for runs in self.runs.values())


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of the log: a data file and the checkpoint that commits it.

    `relative_key` is the file's path below the lake's folder. `record_count`, `file_size_bytes` and
    `offsets` are None if the log does not have them.
    """

    checkpoint_id: int
    key: str
    relative_key: str
    commit_timestamp: datetime
    record_count: int | None
    file_size_bytes: int | None
    offsets: OffsetRanges | None
    log_file: str


@dataclass(frozen=True)
class CommitLog:
    """All entries of a log, one for each file.

    `replayed` counts entries that repeat another one after a failure. `conflicts` describes entries for one
    file that contradict each other: a fault. `cut_off` names log files with an incomplete last line: their
    writer was killed, and committed nothing that such a line names.
    """

    entries: Mapping[str, LogEntry] = field(default_factory=dict)
    log_files: int = 0
    replayed: int = 0
    conflicts: Sequence[str] = ()
    cut_off: Sequence[str] = ()

    def of_checkpoint(self, checkpoint: int) -> list[LogEntry]:
        """The entries of one checkpoint, sorted by file."""
        chosen = (entry for entry in self.entries.values() if entry.checkpoint_id == checkpoint)
        return sorted(chosen, key=lambda entry: entry.relative_key)


class CommitLogReader:
    """Reads a log repeatedly while a job runs; a log file that is complete is read only once."""

    def __init__(self, folder: Folder, progress: Progress = SILENT) -> None:
        self._folder = folder
        self._progress = progress
        self._known: dict[str, list[LogEntry]] = {}

    def read(self) -> CommitLog:
        """The log as it is now.

        A log that does not exist has no entries.

        Raises:
            ProcstreamError: a line is wrong; the message shows file, line, what was found and expected.
            ServerError: the log cannot be reached.
        """
        paths = [file.path for file in self._folder.files() if _LOG_FILE.match(file.path)]
        new = [path for path in paths if path not in self._known]
        cut_off = []
        entries = {path: self._known[path] for path in paths if path in self._known}
        task = self._progress.add_task("reading the commit log", total=len(new), visible=bool(new))
        for path, content in self._folder.contents(new):
            entries[path], complete = parse_log_file(self._folder.name(path), content)
            if complete:
                self._known[path] = entries[path]
            else:
                cut_off.append(path)
            self._progress.advance(task)
        self._progress.remove_task(task)
        every_entry = (entry for path in paths for entry in entries[path])
        return merge(every_entry, log_files=len(paths), cut_off=cut_off)


def read_commit_log(folder: Folder, progress: Progress = SILENT) -> CommitLog:
    """The log in a folder; see CommitLogReader.read."""
    return CommitLogReader(folder, progress).read()


def parse_log_file(name: str, content: bytes) -> tuple[list[LogEntry], bool]:
    """The entries of one log file, and whether the file was written to its end.

    A writer that is killed may leave an empty file or half a line at the end. That line is ignored.
    Raises ProcstreamError for any other mistake.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProcstreamError(
            f"{name}: found bytes that are not UTF-8 ({error}), expected a CSV file"
        ) from None
    *lines, rest = text.split("\n")
    if not lines:
        return [], False
    columns = _columns(name, _fields(name, 1, lines[0]))
    entries = [
        _entry(name, number, columns, _fields(name, number, line))
        for number, line in enumerate(lines[1:], start=2)
        if line.strip()
    ]
    if not rest:
        return entries, True
    try:
        number = len(lines) + 1
        last = _entry(name, number, columns, _fields(name, number, rest))
    except ProcstreamError:
        return entries, False
    # A truncated number is still a number. The line is complete only if count and ranges agree.
    whole = last.offsets is None or last.record_count == last.offsets.count
    return ([*entries, last], True) if whole else (entries, False)


def merge(entries: Iterable[LogEntry], *, log_files: int = 0, cut_off: Sequence[str] = ()) -> CommitLog:
    """One entry for each file: the earliest one that has offsets, else the earliest one."""
    merged: dict[str, LogEntry] = {}
    replayed = 0
    conflicts = []
    for entry in sorted(entries, key=lambda entry: entry.commit_timestamp):
        known = merged.get(entry.relative_key)
        if known is None:
            merged[entry.relative_key] = entry
            continue
        replayed += 1
        if known.checkpoint_id != entry.checkpoint_id:
            conflicts.append(
                f"{entry.relative_key} is in checkpoint {known.checkpoint_id} by {known.log_file}, "
                f"in {entry.checkpoint_id} by {entry.log_file}"
            )
        elif known.offsets is None:
            merged[entry.relative_key] = entry
        elif entry.offsets is not None and entry.offsets != known.offsets:
            conflicts.append(
                f"{entry.relative_key} has other offsets in {known.log_file} than in {entry.log_file}"
            )
    return CommitLog(merged, log_files, replayed, conflicts, cut_off)


def parse_offset_ranges(text: str) -> OffsetRanges:
    """Parse `topic/partition:first-last,first-last;…`, with a leading `~` if it has only hulls.

    Raises ValueError that names the wrong part.
    """
    exact = not text.startswith("~")
    runs: dict[TopicPartition, Runs] = {}
    for part in filter(None, text.removeprefix("~").split(";")):
        match = _RANGES.fullmatch(part)
        if match is None:
            raise ValueError(f"found {part[:80]!r}, expected topic/partition:first-last,…")
        topic, partition, spans = match.groups()
        bounds = np.array(spans.replace("-", ",").split(","), dtype=np.int64).reshape(-1, 2)
        if bool(np.any(bounds[:, 0] > bounds[:, 1])):
            raise ValueError(f"found a run that ends before it begins in {part[:80]!r}")
        bounds[:, 1] += 1
        runs[TopicPartition(topic, int(partition))] = Runs.of(bounds)
    return OffsetRanges(exact, runs)


def _columns(name: str, header: list[str]) -> dict[str, int]:
    if tuple(header[: len(REQUIRED_COLUMNS)]) != REQUIRED_COLUMNS:
        raise ProcstreamError(
            f"{name}, line 1: found columns {','.join(header)[:120]!r}, "
            f"expected {','.join(REQUIRED_COLUMNS)!r} first"
        )
    return {column: index for index, column in enumerate(header)}


def _fields(name: str, number: int, line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise ProcstreamError(f"{name}, line {number}: {error}: found {line[:120]!r}") from None


def _entry(name: str, number: int, columns: Mapping[str, int], fields: list[str]) -> LogEntry:
    def wrong(column: str, expected: str) -> ProcstreamError:
        found = fields[columns[column]][:120]
        return ProcstreamError(f"{name}, line {number}: {column}: found {found!r}, expected {expected}")

    def whole_number(column: str) -> int | None:
        text = fields[columns[column]] if column in columns else ""
        if not text and column not in REQUIRED_COLUMNS:
            return None
        if not (text.isascii() and text.isdigit()):
            raise wrong(column, "a whole number")
        return int(text)

    if len(fields) != len(columns):
        raise ProcstreamError(
            f"{name}, line {number}: found {len(fields)} fields, expected {len(columns)} as in the header"
        )
    checkpoint_id = whole_number("checkpoint_id")
    assert checkpoint_id is not None  # noqa: S101  a required column is never None
    key = fields[columns["s3_key"]]
    relative = _RELATIVE_KEY.search(key)
    if relative is None:
        raise wrong("s3_key", "the key of a file")
    try:
        timestamp = datetime.fromisoformat(fields[columns["commit_timestamp"]])
    except ValueError:
        raise wrong("commit_timestamp", "an ISO-8601 time") from None
    record_count = whole_number("record_count")
    return LogEntry(
        checkpoint_id=checkpoint_id,
        key=key,
        relative_key=relative.group(),
        commit_timestamp=timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC),
        record_count=record_count,
        file_size_bytes=whole_number("file_size_bytes"),
        offsets=_offsets(name, number, fields, columns, record_count),
        log_file=name,
    )


def _offsets(
    name: str, number: int, fields: list[str], columns: Mapping[str, int], record_count: int | None
) -> OffsetRanges | None:
    """The entry's offsets, or None if the log does not have them."""
    text = fields[columns["offset_ranges"]] if "offset_ranges" in columns else ""
    if not text:
        return OffsetRanges(exact=True, runs={}) if record_count == 0 else None
    try:
        ranges = parse_offset_ranges(text)
    except ValueError as error:
        raise ProcstreamError(f"{name}, line {number}: offset_ranges: {error}") from None
    if ranges.exact and record_count is not None and record_count < ranges.count:
        raise ProcstreamError(
            f"{name}, line {number}: found {ranges.count} offsets in offset_ranges, "
            f"expected no more than record_count, {record_count}"
        )
    return ranges

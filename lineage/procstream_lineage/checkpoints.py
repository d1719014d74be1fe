"""What each checkpoint committed, according to the logs."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from procstream_lineage.commit_log import LogEntry, read_commit_log
from procstream_lineage.lake import visible_files
from procstream_lineage.storage import folder
from procstream_lineage.target import Lake


@dataclass(frozen=True)
class CheckpointFile:
    """A file in the log of a checkpoint. `exists` is False if that checkpoint failed.

    `size_bytes` is the size of the file, or the size in the log if the file is absent; None if unknown.
    """

    checkpoint_id: int
    place: str
    file: str
    records: int | None
    size_bytes: int | None
    commit_timestamp: datetime
    exists: bool
    log_file: str


@dataclass(frozen=True)
class Checkpoint:
    """The sum of what a checkpoint committed; `absent` counts files in its log that do not exist.

    `records` is None if the log lacks the number for a file.
    """

    checkpoint_id: int
    files: int
    absent: int
    records: int | None
    size_bytes: int
    commit_timestamp: datetime


def checkpoint_files(lake: Lake, checkpoint: int | None = None) -> list[CheckpointFile]:
    """The files in the logs of the output and the dropped path, of all checkpoints or of one.

    Raises ProcstreamError if the lake cannot be reached or a line of a log is wrong.
    """
    files = []
    for name, place in lake.places.items():
        data, log = folder(place.data), folder(place.log)
        visible = visible_files(data, besides=log)
        files += [
            _file(entry, name, data.name(path), visible.get(path))
            for path, entry in read_commit_log(log).entries.items()
            if checkpoint is None or entry.checkpoint_id == checkpoint
        ]
    return sorted(files, key=lambda file: (file.checkpoint_id, file.place != "output", file.file))


def checkpoints(files: list[CheckpointFile]) -> list[Checkpoint]:
    """The checkpoints of these files, in order."""
    grouped: dict[int, list[CheckpointFile]] = defaultdict(list)
    for file in files:
        grouped[file.checkpoint_id].append(file)
    return [_sum(checkpoint, grouped[checkpoint]) for checkpoint in sorted(grouped)]


def _file(entry: LogEntry, place: str, path: str, size: int | None) -> CheckpointFile:
    return CheckpointFile(
        checkpoint_id=entry.checkpoint_id,
        place=place,
        file=path,
        records=entry.record_count,
        size_bytes=entry.file_size_bytes if size is None else size,
        commit_timestamp=entry.commit_timestamp,
        exists=size is not None,
        log_file=entry.log_file,
    )


def _sum(checkpoint: int, files: list[CheckpointFile]) -> Checkpoint:
    there = [file for file in files if file.exists]
    records = [file.records for file in there if file.records is not None]
    return Checkpoint(
        checkpoint_id=checkpoint,
        files=len(there),
        absent=len(files) - len(there),
        records=sum(records) if len(records) == len(there) else None,
        size_bytes=sum(file.size_bytes or 0 for file in there),
        commit_timestamp=max(file.commit_timestamp for file in files),
    )

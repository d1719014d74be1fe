"""Reads the offsets and checkpoints in the rows of a file (`--deep`)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.progress import Progress

from procstream_lineage.commit_log import LogEntry
from procstream_lineage.lake import LINEAGE_COLUMNS
from procstream_lineage.offsets import Ints, Runs, TopicPartition, coverage
from procstream_lineage.progress import SILENT
from procstream_lineage.storage import Folder

_ROWS_AT_ONCE = 128 * 1024
_READERS = 8


@dataclass(frozen=True)
class FileRows:
    """What was read from one file.

    `doubled` are offsets that the file has in more than one row. `mismatched` counts rows whose
    `checkpoint_id` is not that of the file's log entry. `error` is the reason why the file could not be read;
    then the rest is empty.
    """

    records: int = 0
    offsets: Mapping[TopicPartition, Runs] = field(default_factory=dict)
    doubled: Mapping[TopicPartition, Runs] = field(default_factory=dict)
    mismatched: int = 0
    error: str | None = None


class RowReader:
    """Reads the rows of files, each file once, because visible files do not change."""

    def __init__(self, folder: Folder, progress: Progress = SILENT) -> None:
        self._folder = folder
        self._progress = progress
        self._known: dict[str, FileRows] = {}

    def read(self, entries: Collection[LogEntry]) -> dict[str, FileRows]:
        """The rows of the files of these entries, by path below the folder. Errors are part of the result."""
        new = [entry for entry in entries if entry.relative_key not in self._known]
        task = self._progress.add_task("reading rows", total=len(new), visible=bool(new))
        with ThreadPoolExecutor(_READERS) as pool:
            reading = {pool.submit(read_rows, self._folder, entry): entry.relative_key for entry in new}
            for done in as_completed(reading):
                self._known[reading[done]] = done.result()
                self._progress.advance(task)
        self._progress.remove_task(task)
        return {entry.relative_key: self._known[entry.relative_key] for entry in entries}


def read_rows(folder: Folder, entry: LogEntry) -> FileRows:
    """The lineage columns of one file, a batch at a time: memory does not grow with the file."""
    seen = _Seen(entry.checkpoint_id)
    try:
        with folder.filesystem.open(folder.path(entry.relative_key), "rb") as stream:
            parquet = pq.ParquetFile(stream, read_dictionary=["kafka_topic"], pre_buffer=True)
            missing = [name for name in LINEAGE_COLUMNS.names if name not in parquet.schema_arrow.names]
            if missing:
                return FileRows(error=f"it has no column {missing[0]}")
            for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=LINEAGE_COLUMNS.names):
                seen.add(batch)
    except (pa.ArrowException, OSError, ValueError) as error:
        return FileRows(error=str(error).splitlines()[0])
    return seen.result()


class _Seen:
    """What the batches of one file had so far, joined into runs so that it stays small."""

    _JOIN_AT = 64

    def __init__(self, checkpoint_id: int) -> None:
        self._checkpoint_id = checkpoint_id
        self._records = 0
        self._mismatched = 0
        self._offsets: dict[TopicPartition, list[Runs]] = defaultdict(list)
        self._doubled: dict[TopicPartition, list[Runs]] = defaultdict(list)

    def add(self, batch: pa.RecordBatch) -> None:
        columns: dict[str, Any] = dict(zip(LINEAGE_COLUMNS.names, batch.columns, strict=True))
        for name, column in columns.items():
            if column.null_count:
                raise ValueError(f"it has a row without {name}")
        self._records += batch.num_rows
        self._mismatched += int(np.count_nonzero(columns["checkpoint_id"].to_numpy() != self._checkpoint_id))
        topics = columns["kafka_topic"]
        codes = topics.indices.to_numpy()
        partitions = columns["kafka_partition"].to_numpy()
        offsets = columns["kafka_offset"].to_numpy().astype(np.int64, copy=False)
        for code, topic in enumerate(topics.dictionary.to_pylist()):
            of_topic = codes == code
            for partition in np.unique(partitions[of_topic]):
                self._add(
                    TopicPartition(topic, int(partition)), offsets[of_topic & (partitions == partition)]
                )

    def _add(self, partition: TopicPartition, offsets: Ints) -> None:
        once, again = Runs.from_offsets(offsets)
        parts = self._offsets[partition]
        parts.append(once)
        if again:
            self._doubled[partition].append(again)
        if len(parts) >= self._JOIN_AT:
            self._join(partition)

    def _join(self, partition: TopicPartition) -> None:
        whole, across = coverage(self._offsets[partition])
        self._offsets[partition] = [whole]
        if across:
            self._doubled[partition].append(across)

    def result(self) -> FileRows:
        for partition in self._offsets:
            self._join(partition)
        return FileRows(
            records=self._records,
            offsets={partition: parts[0] for partition, parts in self._offsets.items()},
            doubled={partition: coverage(parts)[0] for partition, parts in self._doubled.items()},
            mismatched=self._mismatched,
        )

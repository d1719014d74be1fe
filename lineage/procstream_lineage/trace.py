"""Finds the offset of a record, its file, and the checkpoint that committed it."""

import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from procstream_common.errors import ProcstreamError
from rich.progress import Progress

from procstream_lineage.commit_log import LogEntry
from procstream_lineage.lake import HIVE_COLUMNS, LINEAGE_COLUMNS, committed_entries, dataset_of
from procstream_lineage.offsets import EMPTY, TopicPartition
from procstream_lineage.progress import SILENT
from procstream_lineage.storage import Folder, folder
from procstream_lineage.target import Lake

_READERS = 8
_OFFSET = re.compile(r"([^/]+)/(\d+)/(\d+)")


class NoRowError(ProcstreamError):
    """No committed row has the value or the offset."""


@dataclass(frozen=True)
class Trace:
    """The origin of a row: its offset, its file and its checkpoint.

    `place` is `output` or `dropped`. `record` has the row's own columns, or is None if only the log was read.
    `certain` is False if the log has only a range that includes the file's offsets.
    """

    topic: str
    partition: int
    offset: int
    checkpoint_id: int
    place: str
    file: str
    commit_timestamp: datetime
    log_file: str
    record: Mapping[str, Any] | None = None
    certain: bool = True


def trace_value(
    lakes: Collection[Lake], value: str, *, column: str = "uuid", progress: Progress = SILENT
) -> list[Trace]:
    """The committed rows of the outputs whose `column` has this value; several if a record was sent twice.

    Files and row groups whose statistics exclude the value are not read. Raises NoRowError if there is no
    such row, ProcstreamError if there is no such column or the value does not fit its type.
    """
    found: list[Trace] = []
    searched = 0
    for lake in lakes:
        output = folder(lake.output.data)
        entries = committed_entries(output, folder(lake.output.log))
        found += _search(output, entries, column, value, progress)
        searched += len(entries)
    if not found:
        raise NoRowError(
            f"no row of {_outputs(lakes)} has {column} {value!r}: searched {searched} committed files. "
            "To find a record that could not be decoded, in the dropped path, use its offset: "
            "--offset topic/partition/offset"
        )
    return found


def trace_offset(lakes: Collection[Lake], text: str) -> list[Trace]:
    """The committed files, of outputs and dropped paths, that have the offset `topic/partition/offset`.

    Only the logs are read. Raises NoRowError if no file has it, ProcstreamError if the text is not an offset.
    """
    match = _OFFSET.fullmatch(text)
    if match is None:
        raise ProcstreamError(f"offset: found {text!r}, expected topic/partition/offset")
    partition, offset = TopicPartition(match[1], int(match[2])), int(match[3])
    found = []
    searched = 0
    for name, place in ((name, place) for lake in lakes for name, place in lake.places.items()):
        data = folder(place.data)
        for entry in committed_entries(data, folder(place.log)).values():
            searched += 1
            if entry.offsets is not None and offset in entry.offsets.runs.get(partition, EMPTY):
                row = dict(zip(LINEAGE_COLUMNS.names, (*partition, offset, entry.checkpoint_id), strict=True))
                trace = _trace(data, entry, row, place=name)
                found.append(replace(trace, record=None, certain=entry.offsets.exact))
    if not found:
        raise NoRowError(
            f"no log names a committed file of {_outputs(lakes)} with offset {text}: searched {searched}"
        )
    return found


def _outputs(lakes: Collection[Lake]) -> str:
    return " or ".join(lake.output.data for lake in lakes)


def _search(
    output: Folder, entries: Mapping[str, LogEntry], column: str, value: str, progress: Progress
) -> list[Trace]:
    if not entries:
        return []
    dataset = dataset_of(output, entries)
    by_path = {output.path(path): entry for path, entry in entries.items()}
    wanted = _condition(dataset.schema, column, value)
    found = []
    task = progress.add_task(f"looking for {column} {value}", total=len(entries))
    with ThreadPoolExecutor(_READERS) as pool:
        fragments = list(dataset.get_fragments())
        reading = pool.map(lambda fragment: _rows(fragment, dataset.schema, column, wanted), fragments)
        for fragment, rows in zip(fragments, reading, strict=True):
            found += [_trace(output, by_path[fragment.path], row, place="output") for row in rows]
            progress.advance(task)
    progress.remove_task(task)
    return found


def _condition(schema: pa.Schema, column: str, value: str) -> Any:
    if column not in schema.names:
        own = [name for name in schema.names if name not in HIVE_COLUMNS.names]
        raise ProcstreamError(f"column: found {column!r}, expected one of {', '.join(own)}")
    kind = schema.types[schema.names.index(column)]
    try:
        return pc.field(column) == pa.scalar(value, pa.string()).cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise ProcstreamError(f"{column}: found {value!r}, expected a value of type {kind}") from None


def _rows(fragment: Any, schema: pa.Schema, column: str, wanted: Any) -> list[dict[str, Any]]:
    """The rows with all columns. The column of the value is read first: most files have no such row."""
    try:
        matches = fragment.scanner(schema=schema, columns=[column], filter=wanted).count_rows()
        if not matches:
            return []
        rows: list[dict[str, Any]] = fragment.to_table(schema=schema, filter=wanted).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise ProcstreamError(f"{fragment.path}: cannot be read ({str(error).splitlines()[0]})") from error
    return rows


def _trace(data: Folder, entry: LogEntry, row: dict[str, Any], *, place: str) -> Trace:
    lineage = {name: row.pop(name) for name in LINEAGE_COLUMNS.names}
    return Trace(
        topic=lineage["kafka_topic"],
        partition=lineage["kafka_partition"],
        offset=lineage["kafka_offset"],
        checkpoint_id=lineage["checkpoint_id"],
        place=place,
        file=data.name(entry.relative_key),
        commit_timestamp=entry.commit_timestamp,
        log_file=entry.log_file,
        record={name: value for name, value in row.items() if name not in HIVE_COLUMNS.names},
    )

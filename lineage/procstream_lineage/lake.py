"""What a reader of the lake may see: the files that are visible, and which of them the log names."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
from procstream_common.errors import ProcstreamError

from procstream_lineage.commit_log import LogEntry, read_commit_log
from procstream_lineage.storage import Folder, folder

if TYPE_CHECKING:
    import pyarrow.dataset as ds

LINEAGE_COLUMNS = pa.schema(
    [
        pa.field("kafka_topic", pa.string()),
        pa.field("kafka_partition", pa.int32()),
        pa.field("kafka_offset", pa.int64()),
        pa.field("checkpoint_id", pa.int64()),
    ]
)
HIVE_COLUMNS = pa.schema([pa.field(name, pa.int32()) for name in ("year", "month", "day", "hour")])


def visible_files(lake: Folder, *, besides: Folder | None = None) -> dict[str, int]:
    """Sizes in bytes of the data files by their path below the lake's folder.

    As in Hive, names that begin with `.` or `_` are not data: files still being written, and logs. `besides`
    is a folder with other files, which may be inside the lake's folder.
    """
    inner = f"{besides.root}/" if besides is not None else None
    return {
        file.path: file.size
        for file in lake.files()
        if not any(name.startswith((".", "_")) for name in file.path.split("/"))
        and not (inner and lake.path(file.path).startswith(inner))
    }


def committed_entries(output: Folder, commit_log: Folder) -> dict[str, LogEntry]:
    """The log's entries whose file is visible, by the file's path, in the order of their checkpoints.

    The files are listed before the log is read: whatever was visible has its entry by then.
    """
    visible = visible_files(output, besides=commit_log)
    entries = read_commit_log(commit_log).entries
    chosen = (entry for path, entry in entries.items() if path in visible)
    ordered = sorted(chosen, key=lambda entry: (entry.checkpoint_id, entry.relative_key))
    return {entry.relative_key: entry for entry in ordered}


def committed_files(
    output: str,
    commit_log: str,
    *,
    checkpoint: int | None = None,
    filesystem: fsspec.AbstractFileSystem | None = None,
) -> "ds.Dataset":
    """The committed part of a lake as a pyarrow dataset: the files that the log names and that exist.

    `output` and `commit_log` are local folders or `s3://bucket/prefix`; S3 is reached with the S3Settings of
    the environment unless an fsspec `filesystem` is given. With `checkpoint`, only what it committed. The
    folders `year=/month=/day=/hour=` become int32 columns, null where a record has no time. Works for a
    dropped path too: `committed_files(paths.dropped, paths.dropped_commit_log)`.

    For a lake without committed files it is a dataset without rows, with only the lineage and time columns:
    the record's own are not known. Raises ProcstreamError when the lake cannot be reached, a line of the
    log is wrong, or a file is not Parquet.

    >>> import duckdb
    >>> events = committed_files("lake/lineage/output", "lake/lineage/write-ahead-commit-log")
    >>> duckdb.sql("SELECT count(*) FROM events")
    """
    lake = folder(output, filesystem=filesystem)
    entries = committed_entries(lake, folder(commit_log, filesystem=filesystem))
    if checkpoint is not None:
        entries = {path: entry for path, entry in entries.items() if entry.checkpoint_id == checkpoint}
    return dataset_of(lake, entries)


def dataset_of(lake: Folder, entries: Mapping[str, LogEntry]) -> "ds.Dataset":
    """The files of these entries as one dataset, with the columns of the newest file."""
    import pyarrow.dataset as ds  # takes a second if pandas is installed; most commands do not need it

    partitioned = any("=" in path for path in entries)
    if not entries:
        fields = [*LINEAGE_COLUMNS, *HIVE_COLUMNS]
        return ds.FileSystemDataset([], pa.schema(fields), ds.ParquetFileFormat(), lake.arrow())
    newest = lake.path(next(reversed(list(entries))))
    try:
        schema = ds.ParquetFileFormat().inspect(newest, filesystem=lake.arrow())
    except (pa.ArrowInvalid, OSError) as error:
        raise ProcstreamError(f"{newest}: cannot be read as Parquet ({error})") from error
    if partitioned:
        schema = pa.schema([*schema, *HIVE_COLUMNS])
    return ds.dataset(
        [lake.path(path) for path in entries],
        schema=schema,
        format="parquet",
        filesystem=lake.arrow(),
        partitioning=ds.partitioning(HIVE_COLUMNS, flavor="hive") if partitioned else None,
        partition_base_dir=lake.root,
    )

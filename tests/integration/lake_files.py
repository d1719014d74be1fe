"""A lake as plain files: read by its published layout alone, with no code of ours."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import s3fs
from procstream_common.lake import LakePaths
from procstream_common.settings import S3Settings, load

HEADER = ["checkpoint_id", "s3_key", "commit_timestamp", "record_count", "file_size_bytes", "offset_ranges"]
LOG_FILE = re.compile(r"chk-(\d+)/subtask-\d+-[0-9a-f]{8}\.csv")

Offsets = set[tuple[str, int, int]]
"""Topic, partition and offset of records."""


@dataclass(frozen=True)
class Folder:
    """Data files and their log, on this disk; `uri` is where they really are."""

    uri: str
    data: Path
    log: Path

    def files(self) -> list[Path]:
        """The visible data files."""
        return sorted(
            path
            for path in self.data.rglob("*.parquet")
            if not any(name.startswith((".", "_")) for name in path.relative_to(self.data).parts)
        )

    def key(self, file: Path) -> str:
        """How the log names a data file: by its object's key, or its absolute path."""
        relative = file.relative_to(self.data)
        if self.uri.startswith("s3://"):
            return f"{self.uri.removeprefix('s3://').partition('/')[2]}/{relative}"
        return f"{self.uri}/{relative}"

    def log_files(self) -> list[Path]:
        return sorted(path for path in self.log.rglob("*") if path.is_file())

    def log_entries(self) -> Iterator[tuple[Path, dict[str, str]]]:
        """Every line of the log and the file it stands in."""
        for path in self.log_files():
            with path.open(newline="") as lines:
                yield from ((path, row) for row in csv.DictReader(lines))


def on_this_disk(paths: LakePaths, into: Path) -> dict[str, Folder]:
    """`output` and `dropped`; what is in an object store is downloaded to `into`."""
    places = {
        "output": (paths.output, paths.commit_log),
        "dropped": (paths.dropped, paths.dropped_commit_log),
    }
    return {
        name: Folder(data, _local(data, into / name), _local(log, into / f"{name}-log"))
        for name, (data, log) in places.items()
    }


def newest_logged(log: str) -> int:
    """The newest checkpoint that committed files, from the folders of a commit log; 0 without any."""
    if log.startswith("s3://"):
        store = s3fs.S3FileSystem(**load(S3Settings).s3fs(), use_listings_cache=False)
        names = store.ls(log) if store.exists(log) else []
    else:
        names = [path.name for path in Path(log).glob("chk-*")]
    ids = [int(name.rpartition("chk-")[2]) for name in names if "chk-" in name]
    return max(ids, default=0)


def offsets_in(file: Path) -> Offsets:
    """What a data file's rows say of themselves."""
    columns = ["kafka_topic", "kafka_partition", "kafka_offset"]
    table = pq.read_table(file, columns=columns, partitioning=None)
    return set(zip(*(table[column].to_pylist() for column in columns), strict=True))


def offsets_of(ranges: str) -> Offsets:
    """The log's entry of a data file: `topic/partition:first-last,first-last;…`."""
    found: Offsets = set()
    for part in ranges.split(";"):
        at, _, runs = part.rpartition(":")
        topic, _, partition = at.rpartition("/")
        for run in runs.split(","):
            first, _, last = run.partition("-")
            found |= {(topic, int(partition), offset) for offset in range(int(first), int(last) + 1)}
    return found


def _local(uri: str, into: Path) -> Path:
    if not uri.startswith("s3://"):
        return Path(uri)
    store = s3fs.S3FileSystem(**load(S3Settings).s3fs(), use_listings_cache=False)
    prefix = uri.removeprefix("s3://")
    for key in store.find(prefix):
        file = into / key.removeprefix(f"{prefix}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        store.get_file(key, str(file))
    return into

"""Lakes written by hand: Parquet files and a commit log as the sink writes them, and as it never should."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from procstream_common.lake import LakePaths
from procstream_lineage.gathering import LakeEvidence
from procstream_lineage.judging import judge
from procstream_lineage.lake_side import LakeSide
from procstream_lineage.offsets import Runs, TopicPartition
from procstream_lineage.report import Report
from procstream_lineage.target import Lake
from procstream_lineage.topic import Bounds

TOPIC = "orders"
HEADER = "checkpoint_id,s3_key,commit_timestamp,record_count,file_size_bytes,offset_ranges"
HOUR = "year=2026/month=01/day=02/hour=03"
BEGAN = datetime(2026, 1, 2, 3, tzinfo=UTC)


class SyntheticLake:
    """Writes files and log entries below a folder; by default both, and in agreement."""

    def __init__(self, root: Path) -> None:
        self.paths = LakePaths(f"{root}/output", f"{root}/write-ahead-commit-log", f"{root}/dropped")
        self._written = 0

    @property
    def lake(self) -> Lake:
        return Lake.of(self.paths)

    def write(
        self,
        checkpoint: int,
        offsets: Mapping[int | str, Iterable[int]],
        *,
        folder: str = HOUR,
        visible: bool = True,
        logged: bool = True,
        row_checkpoint: int | None = None,
        ranges: str | None = None,
    ) -> Path:
        """A file of the output with these offsets by partition (of TOPIC, or `topic/partition`)."""
        name = f"{folder}/{self._next_name()}"
        path = Path(self.paths.output) / name
        table = records(_by_partition(offsets), checkpoint if row_checkpoint is None else row_checkpoint)
        if visible:
            write_parquet(path, table)
        if logged:
            log = Path(self.paths.commit_log)
            self.log(checkpoint, path, table.num_rows, _by_partition(offsets), ranges=ranges, log=log)
        return path

    def drop(
        self, checkpoint: int, offsets: Mapping[int | str, Iterable[int]], error: str = "TRUNCATED: the end"
    ) -> Path:
        """A file of the dropped path with these offsets."""
        path = Path(self.paths.dropped) / self._next_name()
        table = records(_by_partition(offsets), checkpoint)
        columns = [*table.column_names[2:5], "error", "raw", "checkpoint_id"]
        table = table.append_column("error", pa.array([error] * table.num_rows))
        table = table.append_column("raw", pa.array([b"\x00"] * table.num_rows)).select(columns)
        write_parquet(path, table)
        log = Path(self.paths.dropped_commit_log)
        self.log(checkpoint, path, table.num_rows, _by_partition(offsets), log=log)
        return path

    def log(
        self,
        checkpoint: int,
        path: Path,
        records: int,
        offsets: Mapping[TopicPartition, list[int]],
        *,
        ranges: str | None = None,
        log: Path | None = None,
    ) -> Path:
        """A log file with one entry."""
        self._written += 1
        text = ranges_text(offsets) if ranges is None else ranges
        when = (BEGAN + timedelta(minutes=checkpoint)).isoformat(timespec="milliseconds")
        file = (log or Path(self.paths.commit_log)) / f"chk-{checkpoint}/subtask-0-{self._written:08x}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'{HEADER}\n{checkpoint},{path},{when},{records},1234,"{text}"\n')
        return file

    def sides(self, *, deep: bool = False) -> tuple[LakeSide, LakeSide]:
        return LakeEvidence(self.lake, deep).look()

    def verify(
        self, topic: Mapping[TopicPartition, Bounds], *, deep: bool = False, **options: object
    ) -> Report:
        output, dropped = self.sides(deep=deep)
        return judge(topic, output, dropped, **options)  # type: ignore[arg-type]

    def _next_name(self) -> str:
        self._written += 1
        return f"part-{self._written:04}.parquet"


def topic(*ends: int, start: int = 0, name: str = TOPIC) -> dict[TopicPartition, Bounds]:
    """A topic whose partitions 0, 1, … have the offsets from `start` up to these ends."""
    return {TopicPartition(name, partition): Bounds(start, end) for partition, end in enumerate(ends)}


def records(offsets: Mapping[TopicPartition, list[int]], checkpoint: int) -> pa.Table:
    """A row for each offset: the record's own columns, then the lineage columns."""
    rows = [(at.topic, at.partition, offset) for at, found in offsets.items() for offset in found]
    return pa.table(
        {
            "uuid": pa.array([uuid(*row) for row in rows], pa.string()),
            "timestamp": pa.array([BEGAN] * len(rows), pa.timestamp("ms", tz="UTC")),
            "kafka_topic": pa.array([row[0] for row in rows], pa.string()),
            "kafka_partition": pa.array([row[1] for row in rows], pa.int32()),
            "kafka_offset": pa.array([row[2] for row in rows], pa.int64()),
            "checkpoint_id": pa.array([checkpoint] * len(rows), pa.int64()),
        }
    )


def uuid(topic: str, partition: int, offset: int) -> str:
    return f"{topic}-{partition}-{offset}"


def write_parquet(path: Path, table: pa.Table) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def ranges_text(offsets: Mapping[TopicPartition, list[int]]) -> str:
    """The offsets as the log writes them: `orders/0:0-9,12-12;orders/1:3-4`."""
    return ";".join(
        f"{at}:" + ",".join(f"{first}-{last}" for first, last in Runs.of([(o, o + 1) for o in found]))
        for at, found in sorted(offsets.items())
    )


def _by_partition(offsets: Mapping[int | str, Iterable[int]]) -> dict[TopicPartition, list[int]]:
    found = {}
    for at, several in offsets.items():
        topic, _, partition = at.rpartition("/") if isinstance(at, str) else (TOPIC, "", at)
        found[TopicPartition(topic, int(partition))] = list(several)
    return found

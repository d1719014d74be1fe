"""Which rows a lake accepts, and its tables in Flink SQL."""

from collections.abc import Sequence

from procstream_job.language import sql
from procstream_job.language.columns import CHECKPOINT_COLUMN, LINEAGE_COLUMNS
from procstream_job.language.mistakes import PlacedError, did_you_mean
from procstream_job.language.sql import Column
from procstream_job.sinks.kind import declared


class LakeError(PlacedError):
    """A query's result cannot go to a lake."""


def lake_columns(
    result: Sequence[Column], time: str, query_place: str = "query", sink_place: str = "sink.lake"
) -> tuple[Column, ...]:
    """The columns of a query's result in the order of the files: the record's own, then its lineage.

    Raises:
        LakeError: lineage could not be proven, or the time column is none.
    """
    by_name = {column.name: column for column in result}
    missing = [name for name in LINEAGE_COLUMNS if name not in by_name]
    if missing:
        raise LakeError(
            f"{query_place}: its result lacks {', '.join(missing)}; a lake needs {', '.join(LINEAGE_COLUMNS)}"
            " of the source, or no row could be traced"
        )
    for name, expected in LINEAGE_COLUMNS.items():
        if by_name[name].type != expected:
            raise LakeError(
                f"{query_place}: {name} is {by_name[name].type}; expected {expected}, as the source has it"
            )
    if CHECKPOINT_COLUMN in by_name:
        raise LakeError(
            f"{query_place}: its result has {CHECKPOINT_COLUMN}, which the lake adds itself; rename it"
        )
    if time not in by_name:
        raise LakeError(
            f"{sink_place}.time: column {time!r} is not in the query's result{did_you_mean(time, by_name)}"
            f" expected one of: {', '.join(column.name for column in result if column.is_timestamp)}"
        )
    if not by_name[time].is_timestamp:
        raise LakeError(
            f"{sink_place}.time: column {time!r} is {by_name[time].type};"
            " expected a TIMESTAMP or TIMESTAMP_LTZ"
        )
    own = [column for column in result if column.name not in LINEAGE_COLUMNS]
    return (*own, *(by_name[name] for name in LINEAGE_COLUMNS))


def lake_table(
    table: str, columns: Sequence[Column], path: str, commit_log: str, time: str | None = None
) -> str:
    """CREATE TABLE of a lake; without `time` its files are directly in `path`. `table` is in SQL."""
    options = {
        "connector": "lake",
        "path": path,
        "commit-log.path": commit_log,
        **({"time-column": time} if time else {}),
        "format": "parquet",
        "parquet.compression": "SNAPPY",
    }
    return sql.create_table(table, declared(columns), options)

"""The print sink, for trying things."""

from collections.abc import Sequence

from procstream_common.lake import LakePaths

from procstream_job.language import sql
from procstream_job.language.sql import Column
from procstream_job.sinks.kind import (
    Placement,
    Result,
    SinkOptions,
    SinkTable,
    Starting,
    StoredColumn,
    declared,
)


class PrintSink(SinkOptions):
    """The TaskManager's standard output, for trying things."""

    @property
    def accepts_updates(self) -> bool:
        """It prints them as what they are."""
        return True

    def flink_table(self, result: Result, at: Placement, stored: Sequence[StoredColumn]) -> SinkTable:
        """A table of Flink's `print` connector; each line begins with the pipeline and the output."""
        options = {"connector": "print", "print-identifier": f"{at.pipeline} {at.output}"}
        create = sql.create_table(at.table, declared(result.columns), options)
        return SinkTable(create, sql.names(column.name for column in result.columns))

    def destination(self, paths: LakePaths) -> str:
        """Where rows go."""
        return "the TaskManager's standard output"

    @classmethod
    def starting(cls, pipeline: str, table: str, columns: Sequence[Column]) -> Starting:
        """Nothing but the sink."""
        return Starting(
            lines=("  print: {} # the TaskManager's standard output; or kafka, lake, postgres",),
            select=tuple(sql.name(column.name) for column in columns),
        )

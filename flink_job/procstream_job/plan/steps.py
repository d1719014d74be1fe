"""Steps in a Flink table environment before a job starts."""

from dataclasses import dataclass

from procstream_job.language.sql import Statement


@dataclass(frozen=True)
class View:
    """A SELECT under a name. `name` is in SQL."""

    name: str
    select: Statement


@dataclass(frozen=True)
class LateSplit:
    """Rows of a table with a watermark in two views: those on time, and those behind it. Names are in SQL.

    Flink's windows drop late rows silently, so they are split off before.
    """

    place: str
    table: str
    time: str
    on_time: str
    late: str


Step = Statement | View | LateSplit

"""The lake in a pipeline file, as a place for rows and for dropped records."""

from collections.abc import Sequence

from procstream_common.lake import LakePaths
from pydantic import Field, model_validator

from procstream_job.language import sql, yaml_text
from procstream_job.language.columns import LINEAGE_COLUMNS
from procstream_job.language.field_types import NonEmpty
from procstream_job.language.part import Part
from procstream_job.language.sql import Column
from procstream_job.sinks.kind import Placement, Result, SinkOptions, SinkTable, Starting, StoredColumn
from procstream_job.sinks.lake.table import lake_columns, lake_table


class LakeSink(SinkOptions):
    """Parquet files in folders by hour, with a commit log that proves what is in them."""

    path: NonEmpty | None = Field(
        None,
        description="Folder or object store URI of the files; by default `OUTPUT_PATH`, "
        "else `<lake>/<pipeline>/output`.",
    )
    commit_log: NonEmpty | None = Field(
        None,
        description="Folder or object store URI of the commit log; by default `WRITE_AHEAD_COMMIT_LOG_PATH`, "
        "else `<lake>/<pipeline>/write-ahead-commit-log`.",
    )
    time: NonEmpty = Field(description="Timestamp column whose UTC hour decides the folder.")

    @model_validator(mode="after")
    def _path_and_log_together(self) -> "LakeSink":
        if (self.path is None) != (self.commit_log is None):
            raise ValueError("path and commit_log go together: set both or none")
        return self

    def default_columns(self, own: Sequence[Column]) -> Sequence[Column]:
        """The source's and its lineage. Raises `LakeError` when `time` is not among them."""
        columns = [*own, *(Column(name, sql_type) for name, sql_type in LINEAGE_COLUMNS.items())]
        lake_columns(columns, self.time)
        return columns

    def flink_table(self, result: Result, at: Placement, stored: Sequence[StoredColumn]) -> SinkTable:
        """A table of the `lake` connector, whose last columns are the lineage."""
        columns = lake_columns(result.columns, self.time, at.query_place, at.place)
        create = lake_table(at.table, columns, at.paths.output, at.paths.commit_log, self.time)
        return SinkTable(create, sql.names(column.name for column in columns))

    def destination(self, paths: LakePaths) -> str:
        """The folder of the files."""
        return paths.output

    @classmethod
    def starting(cls, pipeline: str, table: str, columns: Sequence[Column]) -> Starting:
        """A lake by the records' own time, or by Kafka's."""
        time = next((column.name for column in columns if column.is_timestamp), "kafka_timestamp")
        added = [*(["kafka_timestamp"] if time == "kafka_timestamp" else []), *LINEAGE_COLUMNS]
        return Starting(
            lines=("  lake:", f"    time: {yaml_text.scalar(time)} # its UTC hour decides the folder"),
            select=(*(sql.name(column.name) for column in columns), *added),
            every_record=True,
        )


class DroppedLake(Part):
    """Parquet with offset, error and raw bytes."""

    path: NonEmpty | None = Field(
        None,
        description="Folder or object store URI; by default `DROPPED_PATH`, "
        "else `<lake>/<pipeline>/dropped`.",
    )
    commit_log: NonEmpty | None = Field(
        None, description="Its commit log; by default `<path>/_write-ahead-commit-log`."
    )

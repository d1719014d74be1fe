"""The compared jobs: procstream's pipeline, and Flink's own file sink on the same topic.

All are bounded: they read what is in the topic and end. All have the configuration of a pipeline
(object reuse, checkpoints, parallelism, state backend), the same columns and the same compression.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from procstream_common.lake import PATH_VARIABLES
from procstream_common.settings import KafkaSettings, load
from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PipelineFile
from procstream_job.language import sql
from procstream_job.language.columns import LINEAGE_COLUMNS
from procstream_job.language.sql import Statement
from procstream_job.plan.job_plan import JobPlan
from procstream_job.plan.outputs import RESULTS, Outputs, result_view
from procstream_job.plan.steps import View
from procstream_job.sinks.kind import Result, StoredColumn
from procstream_job.submitting.plans import plan_jobs

from bench import jobs, readings

COMPRESSION = "SNAPPY"
"""The compression of the lake, also Flink's default for Parquet."""

_SOURCE = "readings"
_STOCK_SINK = "`stock_sink`"
_METADATA = {"kafka_topic": "topic", "kafka_partition": "partition", "kafka_offset": "offset"}
# Zero-padded like the lake's. DATE_FORMAT would need a fifth more CPU, SUBSTRING even more.
_HOUR_FOLDERS = {
    "year": "CAST(EXTRACT(YEAR FROM {time}) AS STRING)",
    "month": "LPAD(CAST(EXTRACT(MONTH FROM {time}) AS STRING), 2, '0')",
    "day": "LPAD(CAST(EXTRACT(DAY FROM {time}) AS STRING), 2, '0')",
    "hour": "LPAD(CAST(EXTRACT(HOUR FROM {time}) AS STRING), 2, '0')",
}


@dataclass(frozen=True)
class Settings:
    """What all jobs have in common."""

    parallelism: int
    checkpoint_interval: str


def ours(folder: Path, env: Mapping[str, str], settings: Settings) -> JobPlan:
    """procstream's pipeline as users run it: decoded records to the lake, others to the dropped path."""
    pipeline = Pipeline.model_validate(
        {
            "name": "bench",
            "sources": {_SOURCE: {"topic": readings.TOPIC, "format": "avro"}},
            "sink": {
                "lake": {
                    "time": readings.TIME_COLUMN,
                    "path": str(output(folder)),
                    "commit_log": str(folder / "log"),
                }
            },
            "dropped": {"lake": {"path": str(folder / "dropped")}},
            "flink": {
                "parallelism": settings.parallelism,
                "checkpoint_interval": settings.checkpoint_interval,
            },
        }
    )
    without_paths = {name: value for name, value in env.items() if name not in PATH_VARIABLES}
    return jobs.bounded(plan_jobs([PipelineFile("bench", pipeline)], without_paths)["bench"])


def stock(folder: Path, env: Mapping[str, str], settings: Settings) -> JobPlan:
    """Flink's `avro-confluent` format and `filesystem` sink, partitioned by the hour like the lake."""
    return _stock_plan(folder, env, settings, _HOUR_FOLDERS)


def stock_flat(folder: Path, env: Mapping[str, str], settings: Settings) -> JobPlan:
    """The same into one folder: without dates and partitions."""
    return _stock_plan(folder, env, settings, {})


def output(folder: Path) -> Path:
    """The path of the rows of a job with `folder`."""
    return folder / "output"


@dataclass(frozen=True, kw_only=True)
class StockPlan(JobPlan):
    """A job with Flink's `filesystem` sink."""

    target: Path
    partitions: tuple[str, ...]

    def outputs(self, results: Mapping[str, Result], stored: Mapping[str, Sequence[StoredColumn]]) -> Outputs:
        """The table that stores the query's result unchanged."""
        (only,) = self.pipeline.all_outputs
        options = {
            "connector": "filesystem",
            "path": output(self.target).as_uri(),
            "format": "parquet",
            "parquet.compression": COMPRESSION,
            # As in the lake. By default timestamps are INT96.
            "parquet.write.int64.timestamp": "true",
            "parquet.timestamp.time.unit": "millis",
            "parquet.utc-timezone": "true",
        }
        columns = [f"{sql.name(column.name)} {column.type}" for column in results[only.name].columns]
        table = sql.create_table(_STOCK_SINK, columns, options)
        if self.partitions:
            table = table.replace("\n) WITH (", f"\n) PARTITIONED BY ({sql.names(self.partitions)}) WITH (")
        insert = f"INSERT INTO {_STOCK_SINK}\nSELECT * FROM {result_view(only)}"
        return Outputs(tables=(Statement("sink", table),), inserts=(Statement("query", insert),))


def _stock_plan(
    folder: Path, env: Mapping[str, str], settings: Settings, folders: Mapping[str, str]
) -> StockPlan:
    reference = ours(folder, env, settings)
    (source,) = reference.sources
    own = [f"{sql.name(column.name)} {column.type}" for column in source.columns]
    metadata = [
        f"{sql.name(name)} {LINEAGE_COLUMNS[name]} METADATA FROM {sql.text(key)} VIRTUAL"
        for name, key in _METADATA.items()
    ]
    options = {
        "connector": "kafka",
        "topic": source.topic,
        **{f"properties.{key}": value for key, value in load(KafkaSettings, env).java(shaded=True).items()},
        "properties.group.id": "bench-stock",
        "properties.isolation.level": "read_committed",
        "scan.startup.mode": "earliest-offset",
        **jobs.BOUNDED,
        "value.format": "avro-confluent",
        **{f"value.avro-confluent.{key}": value for key, value in source.decoding.options.items()},
    }
    names = sql.names([*(column.name for column in source.columns), *_METADATA])
    dates = "".join(
        f", {expression.format(time=sql.name(readings.TIME_COLUMN))} AS {sql.name(name)}"
        for name, expression in folders.items()
    )
    (only,) = reference.pipeline.all_outputs
    query = Statement("query", f"SELECT {names}{dates}\nFROM {sql.name(_SOURCE)}")
    inherited: dict[str, Any] = {
        **vars(reference),
        "steps": (
            Statement("sources", f"CREATE DATABASE {sql.name(RESULTS)}"),
            Statement("sources", sql.create_table(sql.name(_SOURCE), [*own, *metadata], options)),
        ),
        "queries": {only.name: View(result_view(only), query)},
    }
    return StockPlan(**inherited, target=folder, partitions=tuple(folders))

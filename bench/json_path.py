"""Kafka JSON to Parquet and to a topic: procstream's decoder and Flink's own, alternating on one cluster."""

import re
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.lake import PATH_VARIABLES
from procstream_common.settings import KafkaSettings, load
from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PipelineFile
from procstream_job.language import sql
from procstream_job.language.sql import Statement
from procstream_job.plan.job_plan import JobPlan
from procstream_job.plan.steps import Step
from procstream_job.submitting.flink.session import FlinkSession
from procstream_job.submitting.flink_target import flink_target
from procstream_job.submitting.plans import plan_jobs
from procstream_local.stack import artifacts
from rich.console import Console
from rich.table import Table

from bench import jobs, machine, readings, report, runs, topics
from bench.embedded import EmbeddedStack, embedded_stack

_DECODERS = ("procstream", "Flink")
_SINKS = ("lake", "topic")
_DROPPED = "bench-json-dropped"
_COLUMNS = {
    "id": "BIGINT",
    "host": "STRING",
    readings.TIME_COLUMN: "TIMESTAMP(3)",
    "value": "DOUBLE",
    "note": "STRING",
}
_OURS = "'value.format' = 'dead-letter',\n  'value.dead-letter.format' = 'json'"
_FLINKS = "'value.format' = 'json',\n  'value.json.timestamp-format.standard' = 'ISO-8601'"
_LETTERS = re.compile(r"(`dead_letter_\w+`) (\w+) METADATA FROM '[\w.]+' VIRTUAL")


@dataclass(frozen=True)
class Result:
    """One run."""

    rate: float
    """Records a second, from the start of the first source task to the last byte that is written."""
    cpu_microseconds: float
    """CPU time of the TaskManager per record."""


def json_path(
    records: Annotated[int, typer.Option(min=1000, help="Number of records in the topic.")] = 3_000_000,
    runs: Annotated[int, typer.Option(min=1, help="Measured runs of each variant, after a warm-up.")] = 3,
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of the topics.")] = 8,
    parallelism: Annotated[int, typer.Option(min=1, max=4, help="Parallelism of the jobs.")] = 2,
    as_json: report.AsJson = False,
    out: report.Out = None,
) -> None:
    """Rates of Kafka JSON to Parquet and to a topic: our decoder and Flink's, alternating."""
    console = Console(stderr=True)
    facts = machine.describe(artifacts.find())
    report.warn_if_busy(facts, console)
    with embedded_stack(console) as stack:
        size = readings.fill_json(stack.env, records, partitions, console)
        bench = _Bench(stack, records, partitions, parallelism)
        results = _run_in_turns(bench, runs, console)
    found = {
        "bench": "json",
        "setup": {"records": records, "record_bytes": round(size, 1), "parallelism": parallelism},
        "ratios": {sink: _ratio(results, sink) for sink in _SINKS},
        "variants": {
            f"{decoder} to {sink}": [asdict(run) for run in of_variant]
            for (sink, decoder), of_variant in results.items()
        },
        "machine": asdict(facts),
    }
    report.show(_table(results, records, size), found, facts, as_json=as_json, out=out)


@dataclass(frozen=True)
class _Bench:
    stack: EmbeddedStack
    records: int
    partitions: int
    parallelism: int

    def run(self, session: FlinkSession, sink: str, decoder: str, number: int) -> Result:
        folder = self.stack.folder / "lake"
        target = f"bench-json-{number}-{decoder.lower()}"
        if sink == "topic":
            topics.make(load(KafkaSettings, self.stack.env), [target, _DROPPED], self.partitions)
        plan = self._plan(sink, folder, target)
        if decoder != _DECODERS[0]:
            plan = replace(plan, steps=tuple(map(_with_flinks_decoder, plan.steps)))
        if sink == "lake":
            run = runs.run(session, plan, self.stack, folder, self.records)
            return Result(run.rate, run.cpu_microseconds)
        return self._to_topic(session, plan, target)

    def _to_topic(self, session: FlinkSession, plan: JobPlan, target: str) -> Result:
        kafka = load(KafkaSettings, self.stack.env)
        cpu = runs.cpu_seconds(self.stack)
        job_id = jobs.submit(session, plan)
        jobs.wait_until_finished(self.stack.flink_url, job_id)
        cpu = runs.cpu_seconds(self.stack) - cpu
        start = runs.first_source_task_running(self.stack.flink_url, job_id)
        seconds = topics.last_written(kafka, target, self.partitions, self.records) - start
        return Result(self.records / seconds, cpu / self.records * 1e6)

    def _plan(self, sink: str, folder: Path, target: str) -> JobPlan:
        sinks = {
            "lake": {
                "lake": {
                    "time": readings.TIME_COLUMN,
                    "path": str(folder / "output"),
                    "commit_log": str(folder / "log"),
                }
            },
            "topic": {"kafka": {"topic": target, "delivery": "at-least-once"}},
        }
        # Nothing is dropped.
        dropped = {
            "lake": {"lake": {"path": str(folder / "dropped")}},
            "topic": {"kafka": {"topic": _DROPPED}},
        }
        source = {"topic": readings.JSON_TOPIC, "format": "json", "columns": _COLUMNS}
        pipeline = Pipeline.model_validate(
            {
                "name": "bench",
                "sources": {"readings": source},
                "query": None if sink == "lake" else f"SELECT {sql.names(_COLUMNS)} FROM readings",
                "sink": sinks[sink],
                "dropped": dropped[sink],
                "flink": {"parallelism": self.parallelism, "checkpoint_interval": "10 s"},
            }
        )
        env = {name: value for name, value in self.stack.env.items() if name not in PATH_VARIABLES}
        return jobs.bounded(plan_jobs([PipelineFile("bench", pipeline)], env)["bench"])


def _with_flinks_decoder(step: Step) -> Step:
    """The same statement without dead letters: Flink's `json` fails at a bad record."""
    if not isinstance(step, Statement) or _OURS not in step.sql:
        return step
    return replace(step, sql=_LETTERS.sub(r"\1 AS CAST(NULL AS \2)", step.sql.replace(_OURS, _FLINKS)))


def _run_in_turns(bench: _Bench, counted: int, console: Console) -> dict[tuple[str, str], list[Result]]:
    """Other load on the machine affects all alike. The first round is a warm-up."""
    variants = [(sink, decoder) for sink in _SINKS for decoder in _DECODERS]
    results: dict[tuple[str, str], list[Result]] = {variant: [] for variant in variants}
    progress = report.progress_bar(console)
    env = bench.stack.env
    with FlinkSession(flink_target(env["FLINK_ADDRESS"], env), env) as session, progress:
        task = progress.add_task("", total=(counted + 1) * len(variants))
        for turn in range(counted + 1):
            what = f"run {turn}" if turn else "warm-up"
            for sink, decoder in variants:
                progress.update(task, description=f"{what}: {decoder} to {sink}")
                run = bench.run(session, sink, decoder, turn)
                progress.console.print(
                    f"{what}: {decoder} to {sink} {run.rate:,.0f} records/s,"
                    f" {run.cpu_microseconds:.2f} us of CPU each",
                    highlight=False,
                )
                progress.advance(task)
                if turn:
                    results[sink, decoder].append(run)
    return results


def _rate(found: list[Result]) -> float:
    return statistics.median(run.rate for run in found)


def _ratio(results: Mapping[tuple[str, str], list[Result]], sink: str) -> float:
    ours, flinks = (_rate(results[sink, decoder]) for decoder in _DECODERS)
    return round(ours / flinks, 2)


def _table(results: Mapping[tuple[str, str], list[Result]], records: int, size: float) -> Table:
    table = Table(title=f"Kafka JSON, {records:,} records of {size:.0f} bytes; median, min to max")
    table.add_column("to")
    for decoder in _DECODERS:
        table.add_column(f"{decoder}, records/s", justify="right")
        table.add_column("CPU us", justify="right")
    table.add_column("ratio", justify="right")
    for sink in _SINKS:
        cells: list[str] = []
        for decoder in _DECODERS:
            found = results[sink, decoder]
            rates = sorted(round(run.rate) for run in found)
            cells.append(f"[bold]{_rate(found):,.0f}[/], {rates[0]:,} to {rates[-1]:,}")
            cells.append(f"{statistics.median(run.cpu_microseconds for run in found):.2f}")
        table.add_row(sink, *cells, f"[bold]{_ratio(results, sink):.2f}[/]")
    return table

"""Kafka Avro to Parquet: procstream's pipeline and Flink's own file sink, alternating on one cluster."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from procstream_job.plan.job_plan import JobPlan
from procstream_job.submitting.flink.session import FlinkSession
from procstream_job.submitting.flink_target import flink_target
from procstream_local.stack import artifacts
from rich.console import Console
from rich.table import Table

from bench import machine, readings, report, runs, sinks
from bench.embedded import EmbeddedStack, embedded_stack
from bench.runs import Run

Plan = Callable[[Path, Mapping[str, str], sinks.Settings], JobPlan]

VARIANTS: dict[str, tuple[str, Plan]] = {
    "procstream": ("dead-letter format, lake sink", sinks.ours),
    "stock": ("avro-confluent, filesystem sink, hourly partitions", sinks.stock),
    "stock flat": ("the same, not partitioned", sinks.stock_flat),
}
OURS, STOCK, STOCK_FLAT = VARIANTS

Records = Annotated[int, typer.Option(min=1000, help="Number of records in the topic; every run reads all.")]
Runs = Annotated[int, typer.Option(min=1, help="Number of measured runs of each variant, after a warm-up.")]


@dataclass(frozen=True)
class Summary:
    """One variant's counted runs; rates are records a second."""

    rates: list[int]
    median: int
    slowest: int
    fastest: int
    cpu_microseconds: float
    """Median per record."""


@dataclass(frozen=True)
class Setup:
    """The parameters of the benchmark."""

    records: int
    record_bytes: float
    """Mean size in the topic."""
    partitions: int
    parallelism: int
    checkpoint_interval: str
    compression: str = sinks.COMPRESSION


def lake(
    records: Records = 5_000_000,
    runs: Runs = 3,
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of the topic.")] = 8,
    parallelism: Annotated[int, typer.Option(min=1, max=4, help="Parallelism of the jobs.")] = 2,
    checkpoint_interval: Annotated[
        str, typer.Option(metavar="DURATION", help="Checkpoint interval of the jobs.")
    ] = "10 s",
    as_json: report.AsJson = False,
    out: report.Out = None,
) -> None:
    """Rates of Kafka Avro to Parquet: ours and Flink's file sink, alternating, and their ratio."""
    console = Console(stderr=True)
    facts = machine.describe(artifacts.find())
    report.warn_if_busy(facts, console)
    settings = sinks.Settings(parallelism, checkpoint_interval)
    with embedded_stack(console) as stack:
        size = readings.fill(stack.env, records, partitions, console)
        setup = Setup(records, round(size, 1), partitions, parallelism, checkpoint_interval)
        results = _run_in_turns(stack, settings, setup, runs, console)
    summaries = {name: summarize(found) for name, found in results.items()}
    found = _as_json(results, summaries, setup, facts)
    report.show(_table(summaries, setup), found, facts, as_json=as_json, out=out)


def summarize(found: list[Run]) -> Summary:
    """The summary of the runs of one variant."""
    rates = [round(run.rate) for run in found]
    return Summary(
        rates=rates,
        median=round(statistics.median(rates)),
        slowest=min(rates),
        fastest=max(rates),
        cpu_microseconds=round(statistics.median(run.cpu_microseconds for run in found), 2),
    )


def ratio(summaries: Mapping[str, Summary], to: str) -> float:
    """The ratio of our median rate to that of another variant."""
    return round(summaries[OURS].median / summaries[to].median, 2)


def _run_in_turns(
    stack: EmbeddedStack, settings: sinks.Settings, setup: Setup, counted: int, console: Console
) -> dict[str, list[Run]]:
    """A B C, A B C, …: other load on the machine affects all alike. The first round is a warm-up."""
    results: dict[str, list[Run]] = {name: [] for name in VARIANTS}
    progress = report.progress_bar(console)
    with FlinkSession(flink_target(stack.env["FLINK_ADDRESS"], stack.env), stack.env) as session, progress:
        task = progress.add_task("", total=(counted + 1) * len(VARIANTS))
        for turn in range(counted + 1):
            for name, (_, plan) in VARIANTS.items():
                what = f"run {turn}" if turn else "warm-up"
                progress.update(task, description=f"{what}: {name}")
                folder = stack.folder / "lake"
                job = plan(folder, stack.env, settings)
                run = runs.run(session, job, stack, folder, setup.records)
                progress.console.print(
                    f"{what}: {name} {run.rate:,.0f} records/s, {run.cpu_microseconds:.2f} us of CPU each",
                    highlight=False,
                )
                progress.advance(task)
                if turn:
                    results[name].append(run)
    return results


def _table(summaries: Mapping[str, Summary], setup: Setup) -> Table:
    table = Table(
        title=f"Kafka Avro to Parquet, {setup.records:,} records of {setup.record_bytes:g} bytes",
        caption=f"parallelism {setup.parallelism}, {setup.partitions} partitions, {setup.compression},"
        f" checkpoints every {setup.checkpoint_interval}, object reuse on",
    )
    table.add_column("records/s")
    for name in VARIANTS:
        table.add_column(f"{name}\n[dim]{VARIANTS[name][0]}[/]", justify="right")
    for number, rates in enumerate(zip(*(summary.rates for summary in summaries.values()), strict=True), 1):
        table.add_row(f"run {number}", *(f"{rate:,}" for rate in rates))
    table.add_section()
    table.add_row("median", *(f"[bold]{summary.median:,}[/]" for summary in summaries.values()))
    table.add_row(
        "min to max", *(f"{summary.slowest:,} to {summary.fastest:,}" for summary in summaries.values())
    )
    table.add_row("CPU us per record", *(f"{summary.cpu_microseconds:.2f}" for summary in summaries.values()))
    table.add_row(
        f"{OURS} to it",
        *("" if name == OURS else f"[bold]{ratio(summaries, name):.2f}[/]" for name in summaries),
    )
    return table


def _as_json(
    results: Mapping[str, list[Run]],
    summaries: Mapping[str, Summary],
    setup: Setup,
    facts: machine.Machine,
) -> dict[str, Any]:
    return {
        "bench": "lake",
        "ratio": ratio(summaries, STOCK),
        "ratio_to_stock_flat": ratio(summaries, STOCK_FLAT),
        "setup": asdict(setup),
        "variants": {
            name: {
                **asdict(summaries[name]),
                "runs": [asdict(run) for run in found],
            }
            for name, found in results.items()
        },
        "machine": asdict(facts),
    }

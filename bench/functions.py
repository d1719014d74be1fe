"""What Python costs in a pipeline: the same rule as SQL, as a pandas function, and a row at a time."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from procstream_common.errors import ProcstreamError
from procstream_common.settings import KafkaSettings, load
from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PipelineFile, load_pipeline
from procstream_job.submitting.flink.session import FlinkSession
from procstream_job.submitting.flink_target import flink_target
from procstream_job.submitting.plans import plan_jobs
from procstream_local.stack import artifacts
from rich.console import Console
from rich.table import Table

from bench import jobs, machine, report, topics
from bench.cpu import CpuMeter
from bench.embedded import EmbeddedStack, embedded_stack

_SHIPPED = "fraud-alerts-python"
_TRANSACTIONS, _DROPPED = "bench-transactions", "bench-dropped"
_CHECKPOINT_INTERVAL = "10 s"
_LOOK_SECONDS = 0.5

# Few, so that sending them costs nothing, but enough to show when the job began and ended.
_THRESHOLD = 0.95
_CALL = "risk_score(amount, category, country)"
_SQL = """\
7E-1 * LEAST(amount / 1E4, 1E0)
  + CASE WHEN LOWER(category) IN ('electronics', 'jewelry', 'gift cards', 'travel') THEN 2E-1 ELSE 0E0 END
  + CASE WHEN country <> 'US' THEN 1E-1 ELSE 0E0 END"""
_QUERY = """\
SELECT transaction_id, risk
FROM (SELECT transaction_id, {rule} AS risk FROM transactions)
WHERE risk >= {threshold}"""


@dataclass(frozen=True)
class Rule:
    """One form of the rule of `procstream_job.rules.fraud`."""

    sql: str
    functions: Sequence[str] = ()


RULES = {
    "SQL": Rule(_SQL),
    "pandas": Rule(_CALL, ["procstream_job.rules.fraud:risk_score"]),
    "scalar": Rule(_CALL, ["scalar_rule:risk_score"]),
}


@dataclass(frozen=True)
class Setup:
    """The parameters of the benchmark."""

    records: int
    record_bytes: float
    """Mean size in the topic."""
    alerts: int
    """Records that the rule finds, counted by Python outside Flink."""
    partitions: int
    parallelism: int


@dataclass(frozen=True)
class Run:
    """One job, from its first alert to its last: without the startup of the job and of Python."""

    records: int
    seconds: float
    jvm_seconds: float
    """CPU of the TaskManager."""
    python_seconds: float
    """CPU of its Python workers."""


@dataclass(frozen=True)
class Summary:
    """One rule's counted runs: records a second, and medians of microseconds of CPU for each record."""

    rates: list[int]
    median: int
    jvm_microseconds: float
    python_microseconds: float
    cpu_microseconds: float


def functions(
    records: Annotated[
        int, typer.Option(min=10_000, help="Number of records in the topic; every run reads all.")
    ] = 2_000_000,
    runs: Annotated[
        int, typer.Option(min=1, help="Number of measured runs of each rule, after a warm-up.")
    ] = 3,
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of the topic.")] = 8,
    parallelism: Annotated[int, typer.Option(min=1, max=4, help="Parallelism of the jobs.")] = 2,
    as_json: report.AsJson = False,
    out: report.Out = None,
) -> None:
    """Rates and CPU of one rule as SQL, as a pandas function, and as a plain Python function."""
    console = Console(stderr=True)
    facts = machine.describe(artifacts.find())
    report.warn_if_busy(facts, console)
    with embedded_stack(console) as stack:
        kafka = load(KafkaSettings, stack.env)
        topics.make(kafka, [_TRANSACTIONS, _DROPPED], partitions)
        _fill(stack, kafka, records, partitions, console)
        with console.status("what the rule finds, by Python outside of Flink"):
            size, alerts = _expected(kafka, partitions)
        setup = Setup(records, round(size / records, 1), alerts, partitions, parallelism)
        results = _run_in_turns(stack, kafka, setup, runs, console)
    summaries = {name: summarize(found) for name, found in results.items()}
    as_report = {
        "bench": "functions",
        "setup": asdict(setup),
        "rules": {
            name: {**asdict(summary), "runs": [asdict(run) for run in results[name]]}
            for name, summary in summaries.items()
        },
        "machine": asdict(facts),
    }
    report.show(_table(summaries, setup), as_report, facts, as_json=as_json, out=out)


def summarize(found: Sequence[Run]) -> Summary:
    """The summary of the runs of one rule."""
    rates = [round(run.records / run.seconds) for run in found]

    def microseconds(seconds: Sequence[float]) -> float:
        each = [value / run.records * 1e6 for value, run in zip(seconds, found, strict=True)]
        return round(statistics.median(each), 2)

    return Summary(
        rates=rates,
        median=round(statistics.median(rates)),
        jvm_microseconds=microseconds([run.jvm_seconds for run in found]),
        python_microseconds=microseconds([run.python_seconds for run in found]),
        cpu_microseconds=microseconds([run.jvm_seconds + run.python_seconds for run in found]),
    )


def _fill(
    stack: EmbeddedStack, kafka: KafkaSettings, records: int, partitions: int, console: Console
) -> None:
    """Send the generator's transactions to the topic. Raises `ProcstreamError` when some are missing."""
    command = [sys.executable, "-m", "procstream_producer.cli", "generate", "transactions"]
    options = ["--topic", _TRANSACTIONS, "--rate", "max", "--count", str(records), "--seed", "1"]
    quiet = ["--log-level", "WARNING"]
    with (
        report.progress_bar(console, transient=True) as progress,
        subprocess.Popen([*command, *options, *quiet], env=stack.env, stdout=subprocess.DEVNULL) as generator,
    ):
        task = progress.add_task("records to the topic", total=records)
        try:
            while generator.poll() is None:
                progress.update(task, completed=topics.count(kafka, _TRANSACTIONS, partitions))
                time.sleep(_LOOK_SECONDS)
        finally:
            generator.terminate()  # if this process ends first
    found = topics.count(kafka, _TRANSACTIONS, partitions)
    if found != records:
        raise ProcstreamError(f"topic {_TRANSACTIONS}: found {found} records; expected {records}")


def _expected(kafka: KafkaSettings, partitions: int) -> tuple[int, int]:
    """Bytes of the records, and how many of them the rule finds."""
    from bench.scalar_rule import score  # PyFlink is slow to import

    size = alerts = 0
    for message in topics.read(kafka, _TRANSACTIONS, partitions):
        value = message.value() or b""
        size += len(value)
        record = json.loads(value)
        alerts += score(record["amount"], record["category"], record["country"]) >= _THRESHOLD
    return size, alerts


def _run_in_turns(
    stack: EmbeddedStack, kafka: KafkaSettings, setup: Setup, runs: int, console: Console
) -> dict[str, list[Run]]:
    """A B C, A B C, …: other load on the machine affects all alike. The first round is a warm-up."""
    results: dict[str, list[Run]] = {name: [] for name in RULES}
    progress = report.progress_bar(console)
    with FlinkSession(flink_target(stack.env["FLINK_ADDRESS"], stack.env), stack.env) as session, progress:
        task = progress.add_task("", total=(runs + 1) * len(RULES))
        for turn in range(runs + 1):
            for name, rule in RULES.items():
                what = f"run {turn}" if turn else "warm-up"
                progress.update(task, description=f"{what}: {name}")
                run = _run(stack, session, kafka, rule, setup, f"bench-{name.lower()}-{turn}")
                summary = summarize([run])
                progress.console.print(
                    f"{what}: {name} {summary.median:,} records/s,"
                    f" {summary.cpu_microseconds:.2f} us of CPU each",
                    highlight=False,
                )
                progress.advance(task)
                if turn:
                    results[name].append(run)
    return results


def _run(
    stack: EmbeddedStack, session: FlinkSession, kafka: KafkaSettings, rule: Rule, setup: Setup, alerts: str
) -> Run:
    """Run one job to its end. Raises `ProcstreamError` when it fails or finds a wrong number of alerts."""
    # The broker's time, because the alerts have the broker's timestamps.
    topics.make(kafka, [alerts], 1, {"message.timestamp.type": "LogAppendTime"})
    # Functions may be in the folder of the pipeline file, as for a user's pipeline.
    file = PipelineFile("functions", _pipeline(rule, alerts, setup.parallelism), Path(__file__).parent)
    plan = jobs.bounded(plan_jobs([file], stack.env)[file.label])
    with CpuMeter(stack.taskmanager).running() as meter:
        jobs.wait_until_finished(stack.flink_url, jobs.submit(session, plan))
    times = sorted(message.timestamp()[1] / 1000 for message in topics.read(kafka, alerts, 1))
    if len(times) != setup.alerts:
        raise ProcstreamError(f"topic {alerts}: found {len(times)} alerts; expected {setup.alerts}")
    jvm, python = meter.between(times[0], times[-1])
    return Run(setup.records, times[-1] - times[0], jvm, python)


def _pipeline(rule: Rule, alerts: str, parallelism: int) -> Pipeline:
    shipped = load_pipeline(_SHIPPED, {}).model_dump(include={"name", "sources"})
    shipped["sources"]["transactions"]["topic"] = _TRANSACTIONS
    own: dict[str, Any] = {
        "functions": rule.functions,
        "query": _QUERY.format(rule=rule.sql, threshold=_THRESHOLD),
        "sink": {"kafka": {"topic": alerts, "delivery": "at-least-once"}},
        "dropped": {"kafka": {"topic": _DROPPED}},
        "flink": {"parallelism": parallelism, "checkpoint_interval": _CHECKPOINT_INTERVAL},
    }
    return Pipeline.model_validate({**shipped, **own})


def _table(summaries: Mapping[str, Summary], setup: Setup) -> Table:
    table = Table(
        title=f"One rule over {setup.records:,} JSON records of {setup.record_bytes:g} bytes",
        caption=f"parallelism {setup.parallelism}, {setup.partitions} partitions, object reuse on,"
        f" {setup.alerts:,} alerts in every run",
    )
    table.add_column("")
    for name in summaries:
        table.add_column(name, justify="right")
    for number, rates in enumerate(zip(*(summary.rates for summary in summaries.values()), strict=True), 1):
        table.add_row(f"run {number}, records/s", *(f"{rate:,}" for rate in rates))
    table.add_section()
    found = list(summaries.values())
    table.add_row("median", *(f"[bold]{summary.median:,}[/]" for summary in found))
    table.add_row("CPU us per record", *(f"{summary.cpu_microseconds:.2f}" for summary in found))
    table.add_row("TaskManager", *(f"{summary.jvm_microseconds:.2f}" for summary in found))
    table.add_row("Python workers", *(f"{summary.python_microseconds:.2f}" for summary in found))
    return table

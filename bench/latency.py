"""From a payment to its alert: how long the shipped pipelines take, by the settings that decide it."""

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any

import typer
from procstream_common.errors import ProcstreamError
from procstream_common.kafka import Isolation
from procstream_common.settings import KafkaSettings, load
from procstream_job.file.model import Dropped, Pipeline
from procstream_job.file.reading import PipelineFile, load_pipeline
from procstream_job.sinks.kafka.options import KafkaSink, RecordTopic
from procstream_job.sinks.sink import Sink
from procstream_job.submitting.flink.session import FlinkSession
from procstream_job.submitting.flink_target import flink_target
from procstream_job.submitting.plans import plan_jobs
from procstream_local.stack import artifacts
from rich.console import Console
from rich.table import Table

from bench import jobs, machine, payments, report, topics
from bench.embedded import EmbeddedStack, embedded_stack
from bench.payments import Arrivals, Payment

PARTITIONS = 3
"""Number of partitions, as in the topics of the shipped pipelines."""

_SHIPPED, _SHIPPED_PYTHON = "fraud-alerts", "fraud-alerts-python"
_ISOLATIONS: tuple[Isolation, Isolation] = ("read_committed", "read_uncommitted")
_PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Variant:
    """A shipped pipeline with some settings changed."""

    name: str
    pipeline: str = _SHIPPED
    sink: Mapping[str, Any] = field(default_factory=dict)
    """Options of `sink.kafka`."""
    flink: Mapping[str, Any] = field(default_factory=dict)
    """Options of `flink`."""
    producer: Mapping[str, Any] = field(default_factory=dict)
    """Properties of librdkafka for the producer of the payments."""


_AT_LEAST_ONCE = {"delivery": "at-least-once"}
_NO_LINGER = {"linger.ms": "0"}

VARIANTS = (
    Variant("at-least-once", sink=_AT_LEAST_ONCE),
    Variant(
        "at-least-once, linger.ms 0",
        sink={**_AT_LEAST_ONCE, "configuration": _NO_LINGER},
        producer=_NO_LINGER,
    ),
    Variant("exactly-once, 1 s", flink={"checkpoint_interval": "1 s"}),
    Variant("exactly-once, 10 s", flink={"checkpoint_interval": "10 s"}),
    Variant("Python, at-least-once", _SHIPPED_PYTHON, sink=_AT_LEAST_ONCE),
    Variant(
        "Python, bundle.time 10",
        _SHIPPED_PYTHON,
        sink=_AT_LEAST_ONCE,
        flink={"configuration": {"python.fn-execution.bundle.time": "10"}},
    ),
)


@dataclass(frozen=True)
class Load:
    """Payments per second, and the seconds of the warm-up and of the measurement."""

    rate: float
    warm_up: float
    seconds: float

    @property
    def ignored(self) -> int:
        """Number of payments in the warm-up."""
        return round(self.rate * self.warm_up)

    @property
    def payments(self) -> int:
        """Number of payments in a run."""
        return self.ignored + round(self.rate * self.seconds)


@dataclass(frozen=True)
class Latencies:
    """The latencies of one run in ms, one for each measured payment."""

    by_isolation: Mapping[Isolation, Sequence[float]]
    checkpoint: float | None
    """Mean duration of a checkpoint; None if there was none."""


@dataclass(frozen=True)
class Quantiles:
    """In ms."""

    p50: float
    p99: float
    max: float

    @classmethod
    def of(cls, found: Sequence[float]) -> "Quantiles":
        """By nearest rank: each value is a measured one."""
        ordered = sorted(found)

        def rank(share: float) -> float:
            return round(ordered[math.ceil(share * len(ordered)) - 1], 1)

        return cls(rank(0.5), rank(0.99), rank(1))


@dataclass(frozen=True)
class Summary:
    """All measured runs of one variant."""

    payments: int
    committed: Quantiles
    uncommitted: Quantiles
    checkpoint: float | None


def latency(
    rate: Annotated[float, typer.Option(min=1, help="Payments per second.")] = 100.0,
    seconds: Annotated[float, typer.Option(min=1, help="Length of the measurement in a run.")] = 30.0,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds before the measurement.")] = 10.0,
    runs: Annotated[
        int, typer.Option(min=1, help="Number of measured runs of each variant, after a warm-up.")
    ] = 2,
    parallelism: Annotated[int, typer.Option(min=1, max=4, help="Parallelism of the jobs.")] = 2,
    only: Annotated[str, typer.Option(metavar="TEXT", help="Only variants whose name contains this.")] = "",
    as_json: report.AsJson = False,
    out: report.Out = None,
) -> None:
    """Milliseconds from a payment to its alert, by delivery, checkpoint interval and lingering."""
    console = Console(stderr=True)
    facts = machine.describe(artifacts.find())
    report.warn_if_busy(facts, console)
    variants = [variant for variant in VARIANTS if only in variant.name]
    if not variants:
        raise typer.BadParameter(f"--only: found {only!r}; expected a part of one of {_names(VARIANTS)}")
    load_ = Load(rate, warm_up, seconds)
    with embedded_stack(console) as stack:
        found = _run_in_turns(stack, variants, load_, runs, parallelism, console)
    summaries = {name: _summarize(results) for name, results in found.items()}
    as_report = {
        "bench": "latency",
        "setup": {**asdict(load_), "runs": runs, "parallelism": parallelism, "partitions": PARTITIONS},
        "variants": {name: asdict(summary) for name, summary in summaries.items()},
        "machine": asdict(facts),
    }
    report.show(_table(summaries, load_), as_report, facts, as_json=as_json, out=out)


def _run_in_turns(
    stack: EmbeddedStack,
    variants: Sequence[Variant],
    counted: Load,
    runs: int,
    parallelism: int,
    console: Console,
) -> dict[str, list[Latencies]]:
    """A B C, A B C, …: other load on the machine affects all alike. The first round is a warm-up."""
    results: dict[str, list[Latencies]] = {variant.name: [] for variant in variants}
    batch = payments.payments(counted.payments)
    short = Load(counted.rate, 0, min(counted.seconds, counted.warm_up + 1))
    numbers = itertools.count(1)
    progress = report.progress_bar(console)
    with FlinkSession(flink_target(stack.env["FLINK_ADDRESS"], stack.env), stack.env) as session, progress:
        task = progress.add_task("", total=(runs + 1) * len(variants))
        for turn in range(runs + 1):
            for variant in variants:
                what = f"run {turn}" if turn else "warm-up"
                progress.update(task, description=f"{what}: {variant.name}")
                run = _Run(stack, session, variant, parallelism, next(numbers))
                found = run.measure(batch, counted if turn else short)
                committed = Quantiles.of(found.by_isolation["read_committed"])
                progress.console.print(
                    f"{what}: {variant.name} p50 {committed.p50:g} ms, p99 {committed.p99:g} ms",
                    highlight=False,
                )
                progress.advance(task)
                if turn:
                    results[variant.name].append(found)
    return results


class _Run:
    """One variant's job with its own topics: records and transactions of other runs cannot disturb it."""

    def __init__(
        self, stack: EmbeddedStack, session: FlinkSession, variant: Variant, parallelism: int, number: int
    ) -> None:
        self._stack = stack
        self._session = session
        self._variant = variant
        self._kafka = load(KafkaSettings, stack.env)
        self._payments, self._alerts, dropped = names = [
            f"bench-latency-{number}-{what}" for what in ("payments", "alerts", "dropped")
        ]
        topics.make(self._kafka, names, PARTITIONS)
        self._pipeline = _pipeline(variant, self._payments, self._alerts, dropped, parallelism)

    def measure(self, batch: Sequence[Payment], load: Load) -> Latencies:
        """Send the payments to the running job, wait for all alerts, and end the job."""
        rest, file = self._stack.flink_url, self._variant.pipeline
        plan = plan_jobs([PipelineFile(file, self._pipeline)], self._stack.env)[file]
        job_id = jobs.submit(self._session, plan)
        try:
            jobs.wait_until_running(rest, job_id)
            try:
                found = self._latencies(batch[: load.payments], load)
            except ProcstreamError as error:
                raise ProcstreamError(f"{error}; the job: {jobs.last_failure(rest, job_id)}") from error
            return Latencies(found, _mean_checkpoint(rest, job_id))
        finally:
            jobs.cancel(rest, job_id)

    def _latencies(self, batch: Sequence[Payment], load: Load) -> dict[Isolation, Sequence[float]]:
        committed, uncommitted = (
            Arrivals(self._kafka, self._alerts, PARTITIONS, isolation) for isolation in _ISOLATIONS
        )
        patience = self._pipeline.flink.checkpoint_interval.total_seconds() + _PATIENCE_SECONDS
        with committed.watched(), uncommitted.watched():
            sent = payments.send(self._kafka, self._payments, batch, load.rate, self._variant.producer)
            committed.wait_for(len(batch), patience)
            uncommitted.wait_for(len(batch), patience)
        counted = batch[load.ignored :]
        return {
            isolation: [
                (arrivals.at[payment.transaction_id] - sent[payment.transaction_id]) * 1000
                for payment in counted
            ]
            for isolation, arrivals in zip(_ISOLATIONS, (committed, uncommitted), strict=True)
        }


def _pipeline(variant: Variant, transactions: str, alerts: str, dropped: str, parallelism: int) -> Pipeline:
    """The shipped pipeline with other topics and the variant's settings."""
    shipped = load_pipeline(variant.pipeline, {})
    (output,) = shipped.all_outputs
    assert output.sink.kafka is not None
    sink = KafkaSink.model_validate({**output.sink.kafka.model_dump(), "topic": alerts, **variant.sink})
    flink = {**variant.flink, "parallelism": parallelism}
    return shipped.model_copy(
        update={
            "sources": {
                name: source.model_copy(update={"topic": transactions})
                for name, source in shipped.sources.items()
            },
            "sink": Sink(kafka=sink),
            "dropped": Dropped(kafka=RecordTopic(topic=dropped)),
            "flink": type(shipped.flink).model_validate(flink),
        }
    )


def _mean_checkpoint(rest: str, job_id: str) -> float | None:
    checkpoints = jobs.get(rest, f"/jobs/{job_id}/checkpoints")
    completed = checkpoints["counts"]["completed"]
    return float(checkpoints["summary"]["end_to_end_duration"]["avg"]) if completed else None


def _summarize(found: Sequence[Latencies]) -> Summary:
    def pooled(isolation: Isolation) -> list[float]:
        return [ms for run in found for ms in run.by_isolation[isolation]]

    durations = [run.checkpoint for run in found if run.checkpoint is not None]
    return Summary(
        payments=len(pooled("read_committed")),
        committed=Quantiles.of(pooled("read_committed")),
        uncommitted=Quantiles.of(pooled("read_uncommitted")),
        checkpoint=round(statistics.mean(durations), 1) if durations else None,
    )


def _table(summaries: Mapping[str, Summary], load: Load) -> Table:
    table = Table(
        title=f"Payment to alert, ms, at {load.rate:g} payments a second",
        caption="until a read_committed and until a read_uncommitted consumer has the alert",
    )
    table.add_column("", no_wrap=True)
    table.add_column("payments", justify="right")
    for isolation in ("committed", "uncommitted"):
        for quantile in ("p50", "p99", "max"):
            table.add_column(f"{isolation}\n{quantile}", justify="right")
    table.add_column("checkpoint\nmean", justify="right")
    for name, summary in summaries.items():
        numbers = [
            f"{number:,.1f}"
            for quantiles in (summary.committed, summary.uncommitted)
            for number in (quantiles.p50, quantiles.p99, quantiles.max)
        ]
        checkpoint = "" if summary.checkpoint is None else f"{summary.checkpoint:g}"
        table.add_row(name, f"{summary.payments:,}", *numbers, checkpoint)
    return table


def _names(variants: Sequence[Variant]) -> str:
    return ", ".join(variant.name for variant in variants)

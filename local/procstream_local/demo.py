"""`procstream demo`: /proc/stat and a sample topic, through Kafka and Flink, into proven Parquet."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from procstream_common.lake import SINGLE_PATH_VARIABLES, LakePaths
from procstream_lineage import Report, Verdict, committed_files, render, verify_pipeline
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from procstream_local import cpu_plot, pipelines, processes, stack
from procstream_local.home import Home, PipelineRecord, ProcessRecord

PIPELINES = ("procstat-lineage", "lineage")
_CHECKPOINT_INTERVAL = "3 s"
_LOOK_SECONDS = 1.0
_LAST_COMMIT_SECONDS = 60.0


@dataclass(frozen=True)
class Options:
    """What a person can choose."""

    duration: float | None
    """Seconds of producing; None: until Ctrl-C."""
    rate: float
    """Records per second of `lineage-input`."""
    interval: float
    """Seconds between two samples of `/proc/stat`."""


def run(home: Home, options: Options, console: Console) -> bool:
    """Run the demo to its end; True when every record was proven to be in the lake once.

    A stack that was up before is left up; one that the demo started ends with it.
    """
    # The command began when its interpreter did: a person waits for the imports, too.
    began = time.monotonic() - (time.time() - psutil.Process().create_time())
    # It would give both pipelines and both producers the same topic.
    os.environ.pop("KAFKA_TOPIC", None)
    was_up = any(service.ready for service in stack.status(home)) if home.read().ports else False
    try:
        _start_stack(home, console)
        before = sum(_verify(name).committed for name in PIPELINES)
        with _running_pipelines(home, console):
            with _producing(home, options):
                since = datetime.now(UTC)
                verified = _watch(options, console, before, began)
            reports = {name: _last_verify(name, console) for name in PIPELINES}
            if not verified:
                _tell_first_verified(console, reports.values(), before, began)
    finally:
        if not was_up:
            with console.status("stopping the stack"):
                stack.down(home)
    return _show(reports, since, console)


def _start_stack(home: Home, console: Console) -> None:
    began = time.monotonic()

    def ready(name: str) -> None:
        _tick(console, f"{name} [dim]{time.monotonic() - began:.1f} s[/]")

    with console.status("starting Kafka, the schema registry and Flink"):
        record = stack.up(home, ready)
    os.environ.update(stack.environment(home, record))
    console.print(f"Flink UI: http://127.0.0.1:{record.ports['flink-rest']}", highlight=False)


@contextmanager
def _running_pipelines(home: Home, console: Console) -> Iterator[None]:
    try:
        with console.status("submitting the pipelines"), ThreadPoolExecutor() as pool:
            options = ("--checkpoint-interval", _CHECKPOINT_INTERVAL)
            submitted = [
                pool.submit(pipelines.run, home, name, options, _paths_of(name)) for name in PIPELINES
            ]
            for future in submitted:
                pipeline = future.result()
                origin = f", goes on from {_checkpoint(pipeline)}" if pipeline.restored_from else ""
                _tick(console, f"pipeline {pipeline.name}: job {pipeline.job_id}{origin}")
        yield
    finally:
        for name in PIPELINES:
            if name in home.read().pipelines:
                pipelines.cancel(home, name)


def _checkpoint(pipeline: PipelineRecord) -> str:
    return (pipeline.restored_from or "").rsplit("/", 1)[-1]


def _paths_of(name: str) -> dict[str, str]:
    # One path given for the whole demo is divided, for two pipelines must not share a lake.
    given = {key: os.environ[key] for key in SINGLE_PATH_VARIABLES if key in os.environ}
    return {key: f"{path.rstrip('/')}/{name}" for key, path in given.items()}


def _tick(console: Console, text: str) -> None:
    console.print(f"[green]✓[/] {text}", highlight=False)


@contextmanager
def _producing(home: Home, options: Options) -> Iterator[None]:
    """The producers run inside; at the end they have flushed what they had."""
    commands = {
        "procstat": ("procstat", "--interval", str(options.interval)),
        "lineage-input": ("generate", "lineage-input", "--rate", str(options.rate)),
    }
    producer = str(Path(sys.executable).with_name("procstream-producer"))
    started: dict[str, ProcessRecord] = {}
    try:
        for name, arguments in commands.items():
            started[name] = processes.start(
                [producer, *arguments], env={"METRICS_ENABLED": "false"}, log=home.logs / f"{name}.log"
            )
        yield
    finally:
        processes.stop(started.values())


def _watch(options: Options, console: Console, before: int, began: float) -> bool:
    """Show what has been committed until the duration is over or Ctrl-C; whether new Parquet was verified."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    end = None if options.duration is None else time.monotonic() + options.duration
    verified = False
    with _stop_signal() as stop, progress:
        task = progress.add_task("waiting for the first commit", total=options.duration)
        while not stop() and (end is None or time.monotonic() < end):
            looked = time.monotonic()
            reports = [_verify(name) for name in PIPELINES]
            committed = sum(report.committed for report in reports)
            verified = verified or _tell_first_verified(progress.console, reports, before, began)
            produced = sum(report.produced for report in reports)
            progress.update(
                task,
                description=f"{produced:,} records in Kafka, {committed:,} committed",
                completed=None if end is None else (options.duration or 0) - max(0.0, end - time.monotonic()),
            )
            # A lake that has grown takes longer to read; looking must not become the main load.
            time.sleep(max(_LOOK_SECONDS, 5 * (time.monotonic() - looked)) if verified else _LOOK_SECONDS)
    return verified


def _tell_first_verified(console: Console, reports: Iterable[Report], before: int, began: float) -> bool:
    """Say so if more is committed than `before`, and nothing is wrong with it."""
    reports = list(reports)
    faulty = any(report.verdict is Verdict.NOT_PROVEN for report in reports)
    if faulty or sum(report.committed for report in reports) <= before:
        return False
    _tick(console, f"first verified Parquet [dim]{time.monotonic() - began:.1f} s after the start[/]")
    return True


@contextmanager
def _stop_signal() -> Iterator[Callable[[], bool]]:
    """True once Ctrl-C was pressed or SIGTERM came: the demo then ends as it would by itself."""
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    usual = [signal.signal(number, lambda number, _: received.append(number)) for number in numbers]
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in zip(numbers, usual, strict=True):
            signal.signal(number, handler)


def _verify(name: str, *, wait: float = 0, final: bool = False) -> Report:
    paths = LakePaths.of(name, {**os.environ, **_paths_of(name)})
    return verify_pipeline(name, paths=paths, wait=wait, final=final)


def _last_verify(name: str, console: Console) -> Report:
    with console.status(f"{name}: waiting for the last commit"):
        return _verify(name, wait=_LAST_COMMIT_SECONDS, final=True)


def _show(reports: dict[str, Report], since: datetime, console: Console) -> bool:
    for report in reports.values():
        console.print(render(report))
    paths = LakePaths.of("procstat-lineage", {**os.environ, **_paths_of("procstat-lineage")})
    snapshots = committed_files(paths.output, paths.commit_log)
    print(cpu_plot.draw(snapshots, console.width, since))
    totals = " ".join(
        f"{field}={sum(getattr(report, field) for report in reports.values())}"
        for field in ("produced", "committed", "dropped", "missing", "doubled", "unlogged")
    )
    print(f"demo: {totals}")
    return all(report.verdict is Verdict.PROVEN for report in reports.values())

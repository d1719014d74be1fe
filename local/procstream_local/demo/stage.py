"""The parts that all demos share: a running stack, producers, progress, and the end by Ctrl-C."""

import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from procstream_local import stack
from procstream_local.stack import processes
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord, ProcessRecord


@dataclass(frozen=True)
class Options:
    """The options of the command."""

    duration: float | None
    """How many seconds to produce; None for the demo's own duration, or until Ctrl-C."""
    rate: float | None
    """Records per second of the generator; None for the demo's own rate."""
    interval: float
    """Seconds between two samples of `/proc/stat`."""
    checkpoint_interval: timedelta = timedelta(seconds=3)


@contextmanager
def running_stack(home: Home, console: Console, optional: Collection[str] = ()) -> Iterator[None]:
    """A context with a running stack. If it was up before, it stays up; otherwise it ends with the demo."""
    was_up = any(service.ready for service in stack.status(home)) if home.read().ports else False
    try:
        began = time.monotonic()

        def ready(name: str) -> None:
            tick(console, f"{name} [dim]{time.monotonic() - began:.1f} s[/]")

        with console.status("starting Kafka, the schema registry and Flink"):
            record = stack.up(home, ready, optional)
        os.environ.update(stack.environment(home, record))
        console.print(f"Flink UI: http://127.0.0.1:{record.ports['flink-rest']}", highlight=False)
        yield
    finally:
        if not was_up:
            with console.status("stopping the stack"):
                stack.down(home)


@contextmanager
def producing(home: Home, commands: Mapping[str, Sequence[str]]) -> Iterator[None]:
    """Run `procstream-producer` with these arguments; the keys are the names of the logs.

    At the end, all of them have flushed their records.
    """
    producer = str(Path(sys.executable).with_name("procstream-producer"))
    started: dict[str, ProcessRecord] = {}
    try:
        for name, arguments in commands.items():
            log = home.logs / f"{name}.log"
            started[name] = processes.start([producer, *arguments], env={"METRICS_ENABLED": "false"}, log=log)
        yield
    finally:
        processes.stop(started.values())


def submitted(console: Console, pipeline: PipelineRecord) -> None:
    """Report that a pipeline was submitted, and the state that it resumes from."""
    restored = (pipeline.restored_from or "").rsplit("/", 1)[-1]
    origin = f", resumes from {restored}" if restored else ""
    tick(console, f"pipeline {pipeline.name}: job {pipeline.job_id}{origin}")


def tick(console: Console, text: str) -> None:
    """Report a completed step."""
    console.print(f"[green]✓[/] {text}", highlight=False)


def progress_bar(console: Console) -> Progress:
    """A progress bar with a text; it disappears at the end."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


@contextmanager
def stop_signal() -> Iterator[Callable[[], bool]]:
    """A function that returns whether SIGINT or SIGTERM came: the demo then ends as usual."""
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    usual = [signal.signal(number, lambda number, _: received.append(number)) for number in numbers]
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in zip(numbers, usual, strict=True):
            signal.signal(number, handler)

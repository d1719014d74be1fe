"""What every demo does: brings the stack up, runs producers beside it, ends when it is told to."""

import os
import signal
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from procstream_local import stack
from procstream_local.stack import processes
from procstream_local.stack.home import Home, PipelineRecord, ProcessRecord


@dataclass(frozen=True)
class Options:
    """What a person can choose."""

    duration: float | None
    """Seconds of producing; None: as long as the demo is meant to, or until Ctrl-C."""
    rate: float | None
    """Records per second of the generator; None: the demo's own."""
    interval: float
    """Seconds between two samples of `/proc/stat`."""
    checkpoint_interval: str = "3 s"


@contextmanager
def running_stack(home: Home, console: Console, optional: Collection[str] = ()) -> Iterator[None]:
    """The stack is up inside. One that was up before is left up; another ends with the demo."""
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
    """Run `procstream-producer` with these arguments, by the name of their log.

    At the end they have flushed what they had.
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
    """Say that a pipeline runs, and from where."""
    restored = (pipeline.restored_from or "").rsplit("/", 1)[-1]
    origin = f", goes on from {restored}" if restored else ""
    tick(console, f"pipeline {pipeline.name}: job {pipeline.job_id}{origin}")


def tick(console: Console, text: str) -> None:
    """Print a step that is done."""
    console.print(f"[green]✓[/] {text}", highlight=False)


def progress_bar(console: Console) -> Progress:
    """A bar with a text that changes, gone when it ends."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=True)


@contextmanager
def stop_signal() -> Iterator[Callable[[], bool]]:
    """True once Ctrl-C was pressed or SIGTERM came: the demo then ends as it would by itself."""
    received: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    usual = [signal.signal(number, lambda number, _: received.append(number)) for number in numbers]
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in zip(numbers, usual, strict=True):
            signal.signal(number, handler)

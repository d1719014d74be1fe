"""How a benchmark reports its progress and its results."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bench.machine import Machine

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON line instead of the table.")]
Out = Annotated[Path | None, typer.Option(help="File to which the JSON line is written too.")]

_IDLE_LOAD = 0.5
_FILE_COLUMNS = 120


def progress_bar(console: Console, *, transient: bool = False) -> Progress:
    """A progress bar with count and time; a `transient` one disappears at its end."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=transient,
    )


def warn_if_busy(facts: Machine, console: Console) -> None:
    """Warn if other programs are running on this machine."""
    if facts.load_before > _IDLE_LOAD:
        console.print(f"[yellow]the machine is busy (load {facts.load_before:g}): expect worse numbers[/]")


def show(table: Table, report: Mapping[str, Any], facts: Machine, *, as_json: bool, out: Path | None) -> None:
    """Print the table, or the report as JSON, and write the JSON to `out`."""
    line = json.dumps(report)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(f"{line}\n")
    if as_json:
        print(line)
        return
    console = Console(width=None if sys.stdout.isatty() else _FILE_COLUMNS)
    console.print(table)
    console.print(
        f"{facts.cpu}, {facts.cores} cores, {facts.memory_gib:g} GiB, Linux {facts.kernel},"
        f" Java {facts.java}, Flink {facts.flink}, Kafka {facts.kafka}; load before {facts.load_before:g}",
        highlight=False,
    )

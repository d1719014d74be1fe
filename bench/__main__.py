"""`python -m bench`: all benchmarks, or the one that is named."""

import subprocess
import sys
from typing import Annotated

import typer
from procstream_common.cli import run
from rich.console import Console

from bench.embedded import embedded_stack
from bench.functions import functions
from bench.json_path import json_path
from bench.lake import lake
from bench.latency import latency
from bench.report import AsJson

app = typer.Typer(help="The benchmarks behind the README's numbers.", pretty_exceptions_enable=False)
app.command()(lake)
app.command("json")(json_path)
app.command()(latency)
app.command()(functions)


@app.callback(invoke_without_command=True)
def everything(context: typer.Context) -> None:
    """Run all benchmarks, or the one that is named."""
    if context.invoked_subcommand is None:
        sampler()
        lake()
        json_path()
        latency()
        functions()


@app.command()
def sampler(
    seconds: Annotated[float, typer.Option(min=1, help="Length of each run.")] = 30.0,
    as_json: AsJson = False,
) -> None:
    """CPU time per sample and memory of the /proc/stat sampler."""
    with embedded_stack(Console(stderr=True)):
        # A separate program, which can also measure a sampler on another broker.
        command = [sys.executable, "-m", "bench.sampler", "--seconds", str(seconds)]
        command += ["--json"] if as_json else []
        if code := subprocess.run(command, check=False).returncode:
            raise typer.Exit(code)


if __name__ == "__main__":
    run(app)

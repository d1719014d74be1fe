"""`procstream demo`."""

from typing import Annotated

import typer
from rich.console import Console

from procstream_local.stack.home import current_home


def demo(
    pipeline: Annotated[
        str, typer.Argument(help="A shipped pipeline; lineage runs both that write Parquet.")
    ] = "lineage",
    duration: Annotated[
        float | None,
        typer.Option(min=1, help="How many seconds to produce.", show_default="lineage: until Ctrl-C"),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.1, help="Generated records per second.", show_default="the demo's own"),
    ] = None,
    interval: Annotated[float, typer.Option(min=0.01, help="Seconds between samples of /proc/stat.")] = 1.0,
) -> None:
    """Run a pipeline with everything that it needs, and account for every record."""
    from procstream_local import demo  # imported here: the other commands do not need plots and Parquet

    options = demo.Options(duration=duration, rate=rate, interval=interval)
    if not demo.run(pipeline, current_home(), options, Console()):
        raise typer.Exit(1)

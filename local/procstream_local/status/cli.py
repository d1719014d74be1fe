"""`procstream status`."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from procstream_local.home import Home, current_home
from procstream_local.status import ask
from procstream_local.status.model import Status
from procstream_local.status.render import status_table

_PAUSE_SECONDS = 2


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Look again every 2 s, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object for machines, in a line.")] = False,
) -> None:
    """Show services, pipelines and what is wrong; the exit code is 1 when something is."""
    looks = _looks(current_home(), watch=watch)
    console = Console()
    if as_json:
        healthy = _show(looks, lambda found: print(json.dumps(found.document()), flush=True))
    elif watch:
        with Live(console=console, auto_refresh=False) as live:
            healthy = _show(looks, lambda found: live.update(status_table(found), refresh=True))
    else:
        healthy = _show(looks, lambda found: console.print(status_table(found)))
    if not healthy:
        raise typer.Exit(1)


def _looks(home: Home, *, watch: bool) -> Iterator[Status]:
    yield ask.status(home)
    while watch:
        time.sleep(_PAUSE_SECONDS)
        yield ask.status(home)


def _show(looks: Iterator[Status], show: Callable[[Status], None]) -> bool:
    """Show each until there are no more, or Ctrl-C; whether all was well at the last one."""
    healthy = True
    with suppress(KeyboardInterrupt):
        for found in looks:
            show(found)
            healthy = found.healthy
    return healthy

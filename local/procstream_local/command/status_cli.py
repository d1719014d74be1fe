"""`procstream status`."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from procstream_local.stack.home import current_home
from procstream_local.status import ask
from procstream_local.status.model import Status
from procstream_local.status.render import status_table

_PAUSE_SECONDS = 2


def status(
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every 2 s, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object, in one line.")] = False,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", help="Show a Helm release in this Kubernetes namespace."),
    ] = None,
    release: Annotated[str, typer.Option(help="Name of the Helm release, with --namespace.")] = "procstream",
    context: Annotated[
        str | None,
        typer.Option(help="Context of the kubeconfig, with --namespace.", show_default="the current one"),
    ] = None,
) -> None:
    """Show services, pipelines and problems; the exit code is 1 if there is a problem."""
    look: Callable[[], Status]
    if namespace is None:
        look = partial(ask.status, current_home())
    else:
        from procstream_local.status import cluster  # imported here: the embedded stack does not need it

        look = partial(cluster.status, namespace, release, context)
    looks = _looks(look, watch=watch)
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


def _looks(look: Callable[[], Status], *, watch: bool) -> Iterator[Status]:
    yield look()
    while watch:
        time.sleep(_PAUSE_SECONDS)
        yield look()


def _show(looks: Iterator[Status], show: Callable[[Status], None]) -> bool:
    """Show each until Ctrl-C. Returns whether the last one had no problems."""
    healthy = True
    with suppress(KeyboardInterrupt):
        for found in looks:
            show(found)
            healthy = found.healthy
    return healthy

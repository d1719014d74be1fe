"""Commands for a cluster by hand."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.errors import ProcstreamError

from tests.e2e.cluster import node
from tests.e2e.cluster.layout import STATE, Layout

app = typer.Typer(
    help="A real single-node Kubernetes of plain processes.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
State = Annotated[Path, typer.Option("--state", help="Folder of the node.", show_default=True)]


@app.command()
def up(state: State = STATE) -> None:
    """Start the node, and build what it needs the first time; harmless when it is up."""
    cluster = node.start(state)
    typer.echo(f"node {cluster.node_name} is ready; KUBECONFIG={cluster.kubeconfig}")


@app.command()
def down(
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Also remove its objects, volumes and images.")
    ] = False,
    state: State = STATE,
) -> None:
    """Stop the node and undo its changes to this machine; harmless when it is down."""
    node.stop(state, wipe=wipe)


@app.command()
def env(state: State = STATE) -> None:
    """Print what a shell needs: eval "$(python -m tests.e2e.cluster env)"."""
    for name, value in Layout(state).environment.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def load(archives: list[Path], state: State = STATE) -> None:
    """Import images (OCI archives) into the node."""
    cluster = node.running(state)
    if cluster is None:
        raise ProcstreamError(f"{state}: no node runs here; start it with `python -m tests.e2e.cluster up`")
    for archive in archives:
        cluster.load(archive)

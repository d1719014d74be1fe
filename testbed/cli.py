"""The command line: start, stop and use the cluster."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.errors import ProcstreamError

from testbed import images, minio, standins
from testbed.cluster import node
from testbed.cluster.layout import STATE, Layout

app = typer.Typer(
    help="A real single-node Kubernetes cluster of plain processes.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
State = Annotated[Path, typer.Option("--state", help="The node's folder.", show_default=True)]


@app.command()
def up(state: State = STATE) -> None:
    """Start the node and wait until it is ready. The first start builds its programs and images."""
    cluster = node.start(state)
    typer.echo(f"node {cluster.node_name} is ready; KUBECONFIG={cluster.kubeconfig}")


@app.command()
def build() -> None:
    """Build every program and image that the end-to-end tests need, and start nothing. Needs root."""
    minio.binary()  # first: the integration tests need it too
    node.build()
    images.archives()
    standins.archives()


@app.command()
def down(
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Also delete its objects, volumes and images.")
    ] = False,
    state: State = STATE,
) -> None:
    """Stop the node and undo its changes to this machine. Its state is kept."""
    node.stop(state, wipe=wipe)


@app.command()
def env(state: State = STATE) -> None:
    """Print the variables for a shell: eval "$(python -m testbed env)"."""
    for name, value in Layout(state).environment.items():
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def load(archives: list[Path], state: State = STATE) -> None:
    """Import images (OCI archives) into the node."""
    cluster = node.running(state)
    if cluster is None:
        raise ProcstreamError(f"{state}: no node is running here; start it with `python -m testbed up`")
    cluster.load(*archives)

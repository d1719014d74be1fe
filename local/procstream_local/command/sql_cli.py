"""`procstream sql`."""

import os
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.errors import ProcstreamError
from rich.console import Console

from procstream_local.sql import client, gateway, script
from procstream_local.stack.home import current_home


def sql(
    execute: Annotated[
        str | None, typer.Option("--execute", "-e", metavar="STATEMENTS", help="Run this SQL, then exit.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="Run the SQL of a file, then exit.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With -e or -f: print rows as JSON lines.")] = False,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Another SQL gateway, such as a cluster's.", show_default="the stack's"
        ),
    ] = None,
) -> None:
    """Open Flink's SQL client, in which every topic is a table, or run statements and print their rows."""
    statements = client.read_statements(execute, file)
    if as_json and statements is None:
        raise ProcstreamError("--json: expected -e or -f with it")
    home = current_home()
    if address is None:
        with Console(stderr=True).status("starting the SQL gateway") as spinner:
            address = client.connect(home, os.environ, progress=spinner.update)
    else:
        client.check_address(address)
    if statements is None:
        client.become_client(home, address)
    else:
        with gateway.session(address) as session:
            script.run(session, statements, as_json=as_json)

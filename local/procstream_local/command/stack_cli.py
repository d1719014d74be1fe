"""The commands of the embedded stack: `up`, `down`, `logs`, `env` and `psql`."""

import os
import shlex
from collections import deque
from typing import Annotated

import typer
from procstream_common.errors import ProcstreamError
from rich.console import Console

from procstream_local import pipelines, stack
from procstream_local.command.pipeline_cli import print_warning, resumed
from procstream_local.sql import client as sql_client
from procstream_local.stack.home import current_home
from procstream_local.stack.services import flink, postgres, sql_gateway


def up(
    optional: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="NAME",
            help=f"Add {' or '.join(stack.ADDITIONS)} to this stack: it starts now and with every later `up`."
            " monitoring: Flink serves metrics for Prometheus. Repeatable.",
        ),
    ] = None,
) -> None:
    """Start Kafka, the schema registry and Flink on this machine, and resume pipelines after a crash.

    Services that run already are not restarted.
    """
    home, console = current_home(), Console(stderr=True)
    with console.status("starting the stack"):
        record = stack.up(home, lambda name: console.print(f"  {name} ready"), optional=optional or ())
        os.environ.update(stack.environment(home, record))
        if sql_gateway.NAME in record.optional:
            sql_client.write_tables(home, os.environ)
    ports = record.ports
    print(f"Kafka            127.0.0.1:{ports['kafka']}")
    print(f"schema registry  {stack.environment(home, record)['SCHEMA_REGISTRY_URL']}")
    print(f"Flink UI         http://127.0.0.1:{ports['flink-rest']}")
    if postgres.NAME in record.optional:
        print(f"PostgreSQL       127.0.0.1:{ports[postgres.NAME]}, `procstream psql`")
    if sql_gateway.NAME in record.optional:
        print(f"SQL Gateway      http://127.0.0.1:{ports[sql_gateway.NAME]}, `procstream sql`")
    if flink.MONITORING in record.optional:
        found = [
            f"http://127.0.0.1:{ports[port]}/metrics ({service})"
            for service, port in stack.METRICS_PORT_OF.items()
        ]
        print(f"Flink's metrics  {', '.join(found)}")
    with console.status("resuming pipelines"):
        pipelines.resume(
            home,
            lambda pipeline: console.print(f"  {resumed(pipeline)}", highlight=False, soft_wrap=True),
            print_warning,
        )


def down() -> None:
    """Stop every process of the stack; topics, checkpoints and the lake stay."""
    stopped = stack.down(current_home())
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


def logs(
    service: Annotated[
        str,
        typer.Argument(help="kafka, registry, jobmanager, taskmanager, postgres, …", show_default=False),
    ],
    count: Annotated[int, typer.Option("--tail", "-n", min=1, help="How many of the last lines.")] = 50,
) -> None:
    """Print the last lines of a service's log."""
    folder = current_home().logs
    path = folder / f"{service}.log"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.log"))) or "none yet"
        raise ProcstreamError(f"logs: found no log of {service!r} in {folder}; expected one of: {known}")
    with path.open(errors="replace") as lines:
        print("".join(deque(lines, maxlen=count)), end="")


def env() -> None:
    """Print the stack's addresses as shell exports: eval "$(procstream env)"."""
    home = current_home()
    record = home.read()
    if not record.ports:
        raise ProcstreamError(f"{home.path}: no stack was started here; run `procstream up` first")
    for name, value in stack.environment(home, record).items():
        print(f"export {name}={shlex.quote(value)}")


def psql(context: typer.Context) -> None:
    """Open psql on the stack's database. Arguments are passed to psql, e.g. -c 'SELECT 1'."""
    home = current_home()
    record = home.read()
    if postgres.NAME not in record.optional:
        raise ProcstreamError(
            f"{home.path}: this stack has no PostgreSQL; run `procstream up --with postgres`"
        )
    argv, variables = postgres.psql(home.path / postgres.NAME, record.ports[postgres.NAME], context.args)
    os.execvpe(argv[0], argv, {**os.environ, **variables})  # noqa: S606

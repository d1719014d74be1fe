"""The `procstream` command: the embedded stack, and every component's own commands below it."""

import os
from collections import deque
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.cli import run
from procstream_common.errors import ProcstreamError
from procstream_lineage.cli import app as lineage_app
from procstream_producer.cli import produce_app, tail
from rich.console import Console

from procstream_local import pipelines, stack
from procstream_local.command.pipeline_cli import app as pipeline_app
from procstream_local.command.pipeline_cli import resumed
from procstream_local.command.status_cli import status
from procstream_local.sql import client as sql_client
from procstream_local.sql import gateway, script
from procstream_local.stack.home import current_home
from procstream_local.stack.services import postgres, sql_gateway

app = typer.Typer(
    help="Events from Kafka through Flink into Parquet, exactly once, with proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def find_stack() -> None:
    """Events from Kafka through Flink into Parquet, exactly once, with proof."""
    # A command that is told nothing else talks to the embedded stack of this folder.
    record = current_home().read()
    if record.ports:
        found = stack.environment(current_home(), record)
        if os.environ.get("POSTGRES_URL"):  # another database: our user and password are not for it
            found = {name: value for name, value in found.items() if not name.startswith("POSTGRES_")}
        for name, value in found.items():
            os.environ.setdefault(name, value)


@app.command()
def demo(
    pipeline: Annotated[
        str, typer.Argument(help="A shipped pipeline; lineage runs both that write Parquet.")
    ] = "lineage",
    duration: Annotated[
        float | None,
        typer.Option(min=1, help="Seconds to produce for.", show_default="lineage: until Ctrl-C"),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.1, help="Generated records per second.", show_default="the demo's own"),
    ] = None,
    interval: Annotated[float, typer.Option(min=0.01, help="Seconds between samples of /proc/stat.")] = 1.0,
) -> None:
    """Run a pipeline with all that it needs, and account for every record: by default into proven Parquet."""
    from procstream_local import demo

    options = demo.Options(duration=duration, rate=rate, interval=interval)
    if not demo.run(pipeline, current_home(), options, Console()):
        raise typer.Exit(1)


@app.command()
def up(
    optional: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="SERVICE",
            help=f"Also start {' or '.join(stack.OPTIONAL)}, now and whenever this stack starts; repeatable.",
        ),
    ] = None,
) -> None:
    """Start Kafka, the schema registry and Flink on this machine; harmless when they are up."""
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
    with console.status("resuming pipelines"):
        pipelines.resume(
            home, lambda pipeline: console.print(f"  {resumed(pipeline)}", highlight=False, soft_wrap=True)
        )


app.command()(status)


@app.command()
def down() -> None:
    """Stop every process of the stack; topics, checkpoints and the lake stay."""
    stopped = stack.down(current_home())
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def logs(
    service: Annotated[str, typer.Argument(help="kafka, registry, jobmanager, taskmanager, postgres, …")],
    count: Annotated[int, typer.Option("--tail", "-n", min=1, help="Lines from the end.")] = 50,
) -> None:
    """Print the end of a service's log."""
    path = current_home().logs / f"{service}.log"
    if not path.is_file():
        known = ", ".join(sorted(found.stem for found in current_home().logs.glob("*.log"))) or "none yet"
        raise ProcstreamError(
            f"logs: found no log of {service!r} in {current_home().logs}; expected one of: {known}"
        )
    with path.open(errors="replace") as lines:
        print("".join(deque(lines, maxlen=count)), end="")


@app.command()
def env() -> None:
    """Print the stack's addresses as shell exports: eval "$(procstream env)"."""
    record = current_home().read()
    if not record.ports:
        raise ProcstreamError(f"{current_home().path}: no stack was started here; run `procstream up` first")
    for name, value in stack.environment(current_home(), record).items():
        print(f"export {name}={value!r}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Open psql on the stack's database; arguments are psql's own, e.g. -c 'SELECT 1'."""
    home = current_home()
    record = home.read()
    if postgres.NAME not in record.optional:
        raise ProcstreamError(
            f"{home.path}: no PostgreSQL in this stack; run `procstream up --with postgres`"
        )
    argv, variables = postgres.psql(home.path / postgres.NAME, record.ports[postgres.NAME], context.args)
    os.execvpe(argv[0], argv, {**os.environ, **variables})  # noqa: S606


@app.command()
def sql(
    execute: Annotated[
        str | None, typer.Option("--execute", "-e", metavar="STATEMENTS", help="SQL to run, then end.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="File of SQL to run, then end.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="With -e or -f: rows as JSON lines.")] = False,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT", help="Another SQL gateway, such as a cluster's.", show_default="the stack's"
        ),
    ] = None,
) -> None:
    """Open Flink's SQL client, in which every topic is a table, or run statements and print their rows."""
    statements = sql_client.read_statements(execute, file)
    if as_json and statements is None:
        raise ProcstreamError("--json: expected -e or -f with it")
    home = current_home()
    if address is None:
        with Console(stderr=True).status("starting the SQL gateway") as spinner:
            address = sql_client.connect(home, os.environ, progress=spinner.update)
    else:
        sql_client.check_address(address)
    if statements is None:
        sql_client.become_client(home, address)
    else:
        with gateway.session(address) as session:
            script.run(session, statements, as_json=as_json)


app.add_typer(produce_app, name="produce")
app.command("tail")(tail)
app.add_typer(pipeline_app, name="pipeline")
app.add_typer(lineage_app, name="lineage")


def main() -> None:
    """Entry point."""
    run(app)

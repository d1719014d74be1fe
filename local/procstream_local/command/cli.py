"""The `procstream` command: the embedded stack, and the commands of all components."""

import os

import typer
from procstream_common.cli import run
from procstream_lineage.cli import app as lineage_app
from procstream_producer.cli import produce_app, tail

from procstream_local import stack
from procstream_local.command import stack_cli
from procstream_local.command.demo_cli import demo
from procstream_local.command.pipeline_cli import app as pipeline_app
from procstream_local.command.sql_cli import sql
from procstream_local.command.status_cli import status
from procstream_local.stack.home import current_home

_HELP = "Events from Kafka through Flink into Parquet, exactly once, with proof."

app = typer.Typer(help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(help=_HELP)
def find_stack() -> None:
    """Connect to the embedded stack of this folder, unless the environment names other servers."""
    record = current_home().read()
    if record.ports:
        found = stack.environment(current_home(), record)
        if os.environ.get("POSTGRES_URL"):  # the stack's user and password are for its own database only
            found = {name: value for name, value in found.items() if not name.startswith("POSTGRES_")}
        for name, value in found.items():
            os.environ.setdefault(name, value)


app.command()(demo)
app.command()(stack_cli.up)
app.command()(status)
app.command()(stack_cli.down)
app.command()(stack_cli.logs)
app.command()(stack_cli.env)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(stack_cli.psql)
app.command()(sql)
app.add_typer(produce_app, name="produce")
app.command("tail")(tail)
app.add_typer(pipeline_app, name="pipeline")
app.add_typer(lineage_app, name="lineage")


def main() -> None:
    """Entry point."""
    run(app)

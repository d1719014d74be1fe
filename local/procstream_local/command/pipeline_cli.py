"""`procstream pipeline`: the pipeline commands, of which `run` records what runs on the embedded stack."""

import json
import os
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from procstream_common.errors import ProcstreamError
from procstream_job import cli as job
from procstream_job import shipped_pipelines
from rich.console import Console

from procstream_local import pipelines
from procstream_local.stack.home import current_home
from procstream_local.stack.records import PipelineRecord, RunOptions
from procstream_local.status import ask
from procstream_local.status.model import pipeline_document
from procstream_local.status.render import jobs_table, pipeline_detail, shipped_table

app = typer.Typer(help=job.app.info.help, pretty_exceptions_enable=False, no_args_is_help=True)
_REPLACED = (job.run, job.list_shipped, job.submit_request)
app.registered_commands = [
    command for command in job.app.registered_commands if command.callback not in _REPLACED
]

Name = Annotated[str, typer.Argument(metavar="NAME", help="A pipeline that ran on this stack.")]


@app.command()
def run(
    names: job.Names,
    parallelism: job.Parallelism = None,
    checkpoint_interval: job.CheckpointInterval = None,
    option: job.FlinkOptions = None,
    from_savepoint: job.FromSavepoint = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start without state, even if the pipeline ran before.")
    ] = False,
    as_json: job.AsJson = False,
) -> None:
    """Submit pipelines to Flink. On the embedded stack they resume from their last checkpoint."""
    if from_savepoint and (fresh or len(names) > 1):
        raise ProcstreamError("--from-savepoint: expected one pipeline, and no --fresh")
    home = current_home()
    address = os.environ.get("FLINK_ADDRESS")
    if not pipelines.is_embedded(home, address):
        job.run(
            names,
            parallelism=parallelism,
            checkpoint_interval=checkpoint_interval,
            option=option,
            from_savepoint=from_savepoint,
            flink_address=address,
            as_json=as_json,
        )
        return
    interval = job.duration_of("--checkpoint-interval", checkpoint_interval) if checkpoint_interval else None
    options = RunOptions(
        parallelism=parallelism,
        checkpoint_interval=interval,
        flink=dict(job.key_value(text) for text in option or ()),
    )
    for name in names:
        with Console(stderr=True).status(f"submitting {name}"):
            pipeline = pipelines.run(
                home, name, options, fresh=fresh, checkpoint=from_savepoint, warn=print_warning
            )
        if as_json:
            print(
                json.dumps(
                    {"pipeline": pipeline.name, "job_id": pipeline.job_id, "from": pipeline.restored_from}
                )
            )
        else:
            origin = f", resumes from {pipeline.restored_from}" if pipeline.restored_from else ""
            print(f"pipeline {pipeline.name}: job {pipeline.job_id}{origin}")


@app.command("list")
def list_pipelines(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List the pipelines that ship, and the pipelines of the embedded stack with the state of their jobs."""
    shipped, known = shipped_pipelines(), ask.jobs(current_home())
    if as_json:
        jobs = [pipeline_document(pipeline, datetime.now(UTC)) for pipeline in known]
        fields = ("name", "state", "job_id", "running_since", "expected")
        print(
            json.dumps({"shipped": shipped, "stack": [{name: job[name] for name in fields} for job in jobs]})
        )
        return
    console = Console()
    console.print(shipped_table(shipped))
    if known:
        console.print("", jobs_table(known), sep="\n")


@app.command()
def status(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The pipeline; all if omitted.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object per pipeline, each in a line.")
    ] = False,
) -> None:
    """Show everything that is known about a pipeline's job; the exit code is 1 if there is a problem."""
    home = current_home()
    if name is not None:
        pipelines.find(home.read(), name)
    found, now = ask.pipelines(home, None if name is None else [name]), datetime.now(UTC)
    console = Console()
    for number, pipeline in enumerate(found):
        if as_json:
            print(json.dumps(pipeline_document(pipeline, now)))
        else:
            console.print(*([""] if number else []), pipeline_detail(pipeline, now), sep="\n")
    if any(pipeline.problems(now) for pipeline in found):
        raise typer.Exit(1)


@app.command()
def stop(
    name: Name,
    drain: Annotated[
        bool,
        typer.Option(
            "--drain", help="Close all windows first, including windows that more records could belong to."
        ),
    ] = False,
    savepoint: Annotated[
        bool,
        typer.Option("--savepoint/--no-savepoint", help="Take a savepoint that a later run resumes from."),
    ] = True,
) -> None:
    """Stop a pipeline with a savepoint. `run` resumes from it; until then, the pipeline stays stopped."""
    home = current_home()
    pipelines.find(home.read(), name)
    if drain and not savepoint:
        raise ProcstreamError("--drain: it needs a savepoint; expected no --no-savepoint")
    if not savepoint:
        pipelines.cancel(home, name)
        print(f"pipeline {name} cancelled; `run` resumes from its last checkpoint")
        return
    with Console(stderr=True).status(f"stopping {name} with a savepoint"):
        path = pipelines.stop(home, name, drain=drain)
    print(f"pipeline {name} stopped; savepoint {path}")


def resumed(pipeline: PipelineRecord) -> str:
    """The message about a pipeline that was resumed."""
    return f"pipeline {pipeline.name} resumes from {pipeline.restored_from or 'the start'}"


def print_warning(message: str) -> None:
    """Print a warning to stderr."""
    print(f"warning: {message}", file=sys.stderr)

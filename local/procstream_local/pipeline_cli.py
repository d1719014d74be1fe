"""`procstream pipeline`: the pipeline commands, of which `run` remembers what runs on the embedded stack."""

import json
import os
from typing import Annotated

import typer
from procstream_common.errors import ProcstreamError
from procstream_job import cli as job
from rich.console import Console

from procstream_local import pipelines
from procstream_local.home import current_home

app = typer.Typer(help=job.app.info.help, pretty_exceptions_enable=False, no_args_is_help=True)
app.registered_commands = [
    command for command in job.app.registered_commands if command.callback is not job.run
]


@app.command()
def run(
    names: job.Names,
    parallelism: job.Parallelism = None,
    checkpoint_interval: job.CheckpointInterval = None,
    option: job.FlinkOptions = None,
    from_savepoint: job.FromSavepoint = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Begin without state, also where the pipeline ran before.")
    ] = False,
    as_json: job.AsJson = False,
) -> None:
    """Submit pipelines to Flink; on the embedded stack a known one goes on from its last checkpoint."""
    if from_savepoint and (fresh or len(names) > 1):
        raise ProcstreamError("--from-savepoint: expected one pipeline, and no --fresh")
    options = [f"-D{text}" for text in option or ()]
    if parallelism is not None:
        options.append(f"--parallelism={parallelism}")
    if checkpoint_interval is not None:
        options.append(f"--checkpoint-interval={checkpoint_interval}")
    home = current_home()
    address = os.environ.get("FLINK_ADDRESS")
    if not pipelines.is_embedded(home, address):
        job.run(names, parallelism, checkpoint_interval, option, from_savepoint, address, as_json=as_json)
        return
    for name in names:
        with Console(stderr=True).status(f"submitting {name}"):
            pipeline = pipelines.run(home, name, options, fresh=fresh, checkpoint=from_savepoint)
        if as_json:
            print(
                json.dumps(
                    {"pipeline": pipeline.name, "job_id": pipeline.job_id, "from": pipeline.restored_from}
                )
            )
        else:
            origin = f", goes on from {pipeline.restored_from}" if pipeline.restored_from else ""
            print(f"pipeline {pipeline.name}: job {pipeline.job_id}{origin}")

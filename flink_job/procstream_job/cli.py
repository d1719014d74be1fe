"""`procstream pipeline`: check a pipeline file, run it on Flink, list the shipped ones."""

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Annotated, Any

import typer
from procstream_common.cli import run as run_app
from procstream_common.durations import parse_duration
from procstream_common.errors import ProcstreamError

from procstream_job.file.model import Pipeline
from procstream_job.file.reading import PipelineFile, read_pipeline, shipped_pipelines
from procstream_job.sinks.sink import SINK_KINDS
from procstream_job.submitting.flink_target import flink_target
from procstream_job.submitting.patience import Patience
from procstream_job.submitting.plans import plan_jobs
from procstream_job.submitting.request import answer_stdin
from procstream_job.submitting.submission import SubmittedJob, submit
from procstream_job.topics.init_command import init as write_starting_file

app = typer.Typer(
    help="Pipelines: files that describe topics, a query and a sink.",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

Names = Annotated[list[str], typer.Argument(metavar="PIPELINE...", help="Shipped names, or paths of files.")]
Parallelism = Annotated[
    int | None, typer.Option(min=1, help="Subtasks of each operator, instead of the file's.")
]
CheckpointInterval = Annotated[
    str | None, typer.Option(metavar="DURATION", help="Such as '10 s', instead of the file's.")
]
FlinkOptions = Annotated[
    list[str] | None,
    typer.Option("-D", metavar="KEY=VALUE", help="An option of Flink for the job; wins over the file's."),
]
FromSavepoint = Annotated[
    str | None, typer.Option(metavar="PATH", help="Savepoint or retained checkpoint to resume from.")
]
Resume = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Resume from the newest checkpoint in this folder of the job's, if it has one; for application"
        " clusters, where a job keeps its id.",
    ),
]


def _sink_kind(kind: str) -> str:
    if kind not in SINK_KINDS:
        raise typer.BadParameter(f"found {kind!r}; expected one of: {', '.join(SINK_KINDS)}")
    return kind


AsJson = Annotated[bool, typer.Option("--json", help="Print a line of JSON for each job.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the stack traces behind an error.")]


@app.command()
def validate(
    pipelines: Names,
    online: Annotated[
        bool, typer.Option(help="Also check topics, schemas and columns in Kafka and the registry.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Check pipeline files without starting a job."""
    with _traces(debug):
        files = _read(pipelines)
        plans = plan_jobs(files, os.environ) if online else {}
    for file in files:
        print(f"{file.label}: valid")
        for source in plans[file.label].sources if online else ():
            columns = ", ".join(f"{column.name} {column.type}" for column in source.columns)
            print(f"  {source.name} (topic {source.topic}): {columns}")


@app.command()
def run(
    pipelines: Names,
    *,
    parallelism: Parallelism = None,
    checkpoint_interval: CheckpointInterval = None,
    option: FlinkOptions = None,
    from_savepoint: FromSavepoint = None,
    resume: Resume = None,
    flink_address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            envvar="FLINK_ADDRESS",
            help="Flink's REST address; by default that in FLINK_CONF_DIR's config.yaml.",
        ),
    ] = None,
    wait: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="How long to wait for Kafka, topics, schemas, Flink and its slots, e.g. '2 min'; the client"
            " starts meanwhile.",
        ),
    ] = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Submit pipelines to Flink; the client starts once for all of them."""
    with _traces(debug):
        interval = duration_of("--checkpoint-interval", checkpoint_interval) if checkpoint_interval else None
        files = [
            replace(file, pipeline=file.pipeline.with_flags(parallelism, interval))
            for file in _read(pipelines)
        ]
        overrides = dict(key_value(text) for text in option or ())
        for flag, given in (("--from-savepoint", from_savepoint), ("--resume", resume)):
            if given and len(files) > 1:
                raise ProcstreamError(f"{flag}: found {len(files)} pipelines; expected one")
        target = flink_target(flink_address, os.environ)
        jobs = submit(
            files,
            target,
            os.environ,
            overrides=overrides,
            from_savepoint=from_savepoint,
            resume=resume,
            patience=Patience(duration_of("--wait", wait) if wait else timedelta(0)),
            warn=lambda message: print(f"warning: {message}", file=sys.stderr),
        )
        for job in jobs:
            print(
                json.dumps(_job_fields(job, target.url)) if as_json else _job_line(job, target.url),
                flush=True,
            )


@app.command("submit", hidden=True)
def submit_request() -> None:
    """Submit one request in JSON from stdin; the answer, in JSON, is all that is written to stdout."""
    answer_stdin(os.environ)


@app.command()
def init(
    topic: Annotated[str, typer.Option(help="Topic that the pipeline reads; it must have records.")],
    name: Annotated[
        str | None, typer.Option(help="Name of the pipeline.", show_default="that of the topic")
    ] = None,
    sink: Annotated[
        str,
        typer.Option(parser=_sink_kind, metavar="KIND", help=f"Where its rows go: {', '.join(SINK_KINDS)}."),
    ] = "print",
    output: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="File to write, - for stdout.", show_default="NAME.yaml"),
    ] = None,
    records: Annotated[int, typer.Option(min=1, help="Number of the newest JSON records to read.")] = 100,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")] = False,
) -> None:
    """Write a pipeline file to start from, with the columns of a topic's schema or JSON records."""
    write_starting_file(topic, name, sink, output, records, force=force)


@app.command()
def schema() -> None:
    """Print the JSON schema of a pipeline file, for editors and charts."""
    print(json.dumps(Pipeline.model_json_schema(), indent=2))


@app.command("list")
def list_shipped() -> None:
    """Print the shipped pipelines."""
    shipped = shipped_pipelines()
    width = max(map(len, shipped))
    for name, description in shipped.items():
        print(f"{name:<{width}}  {description}")


def main() -> None:
    """Entry point of `procstream-job`."""
    run_app(app)


def _read(names: list[str]) -> list[PipelineFile]:
    return [read_pipeline(name) for name in dict.fromkeys(names)]


def duration_of(flag: str, value: str) -> timedelta:
    """The duration that an option was given; raises ProcstreamError that names the option."""
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ProcstreamError(f"{flag}: {error}") from None


def key_value(text: str) -> tuple[str, str]:
    """Key and value of `-D KEY=VALUE`; raises ProcstreamError for any other shape."""
    key, separator, value = text.partition("=")
    if not separator or not key:
        raise ProcstreamError(f"-D: found {text!r}; expected KEY=VALUE")
    return key.strip(), value.strip()


def _job_line(job: SubmittedJob, url: str | None) -> str:
    where = f" to {url}" if url else ""
    rows = ", ".join(job.destinations)
    return f"job {job.job_id} of pipeline {job.pipeline} submitted{where}; its rows: {rows}"


def _job_fields(job: SubmittedJob, url: str | None) -> dict[str, Any]:
    fields = asdict(job)
    return {**fields, "url": f"{url}/#/job/{job.job_id}" if url else None}


@contextmanager
def _traces(debug: bool) -> Iterator[None]:
    try:
        yield
    except ProcstreamError:
        if debug:
            traceback.print_exc()
        raise

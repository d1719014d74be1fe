"""Running, resuming, stopping and cancelling the pipelines of the embedded stack."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from procstream_common.errors import ProcstreamError
from procstream_job.file.reading import PipelineSource, folder_of, open_pipeline
from procstream_job.language.mistakes import did_you_mean
from procstream_job.submitting.request import SubmitRequest

from procstream_local import stack
from procstream_local.pipelines import jobs
from procstream_local.pipelines.environment import Remembered, recall, remember
from procstream_local.pipelines.jobs import RUNNING, job_state
from procstream_local.pipelines.restored_state import latest_state
from procstream_local.pipelines.submission import submit
from procstream_local.stack.home import Home
from procstream_local.stack.records import PipelineRecord, RunOptions, StackRecord

# The record is written by one command at a time, even if several pipelines are submitted at once.
_LOCK_SECONDS = 5


def run(
    home: Home,
    source: str,
    options: RunOptions | None = None,
    env: Mapping[str, str] | None = None,
    *,
    fresh: bool = False,
    checkpoint: str | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> PipelineRecord:
    """Submit a pipeline, and record it.

    A pipeline that ran here before resumes from its last checkpoint, so that no record is read twice.
    `fresh` starts it without state, `checkpoint` from the given checkpoint or savepoint. `env` are
    variables for it in addition to this process's. Raises `ProcstreamError` with the client's message, or if
    the pipeline is running.
    """
    variables = {**os.environ, **(env or {})}
    return _run(
        home,
        source,
        open_pipeline(source),
        options or RunOptions(),
        variables,
        fresh=fresh,
        checkpoint=checkpoint,
        warn=warn,
    )


def resume(
    home: Home,
    progress: Callable[[PipelineRecord], None] = lambda _: None,
    warn: Callable[[str], None] = lambda _: None,
) -> list[PipelineRecord]:
    """Submit again the pipelines whose job is gone: a JobManager that ends takes its jobs with it.

    Pipelines that were stopped or cancelled are not resumed. If one cannot be started, the others still are;
    at the end this raises `ProcstreamError` with a line for each that was not.
    """
    record = home.read()
    gone = [
        known
        for known in record.pipelines.values()
        if known.active and job_state(record, known.job_id) is None
    ]
    resumed, failures = [], []
    for known in gone:
        try:
            resumed.append(_again(home, known, warn))
            progress(resumed[-1])
        except ProcstreamError as error:
            failures.append(f"pipeline {known.name} was not resumed: {error}")
    if failures:
        raise ProcstreamError("\n".join(failures))
    return resumed


def cancel(home: Home, name: str) -> None:
    """Cancel a pipeline's job; its checkpoints stay, and a later `run` resumes from them."""
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        known = record.pipelines[name]
        jobs.cancel(record, known.job_id)
        known.active = False
        home.write(record)


def stop(home: Home, name: str, *, drain: bool = False) -> str:
    """Stop a pipeline with a savepoint, from which a later `run` resumes; returns the savepoint's path.

    `drain` first closes every window (Flink sends the last watermark), including windows that more records
    could still belong to. Returns when the job has ended. Raises `ProcstreamError` if the job does not run,
    or with Flink's reason if the savepoint fails; the job then continues.
    """
    record = home.read()
    known = find(record, name)
    state = job_state(record, known.job_id)
    if state not in RUNNING:
        raise ProcstreamError(f"pipeline {name} does not run: its job is {state or 'gone'}")
    if state != "RUNNING":
        raise ProcstreamError(
            f"pipeline {name}: found its job {state}, a savepoint needs it RUNNING;"
            " with --no-savepoint it ends as it is, and resumes from its last checkpoint"
        )
    # Recorded first: if this command is killed, `up` must not start the pipeline from an older checkpoint.
    _write(home, known.model_copy(update={"active": False}))
    try:
        folder = (home.savepoints / known.job_id).as_uri()
        savepoint = jobs.stop_with_savepoint(record, known.job_id, folder, drain=drain)
    except ProcstreamError:
        _write(home, known)
        raise
    _write(home, known.model_copy(update={"active": False, "savepoint": savepoint}))
    return savepoint


def find(record: StackRecord, name: str) -> PipelineRecord:
    """The record of a pipeline. Raises `ProcstreamError` if it never ran here."""
    known = record.pipelines.get(name)
    if known is None:
        names = ", ".join(sorted(record.pipelines)) or "none yet"
        raise ProcstreamError(
            f"no pipeline named {name!r} ran on this stack{did_you_mean(name, record.pipelines)}"
            f" expected one of: {names}"
        )
    return known


def is_embedded(home: Home, flink_address: str | None) -> bool:
    """Whether jobs sent to this address of Flink's REST interface run on the stack of `home`."""
    port = home.read().ports.get("flink-rest")
    return port is not None and flink_address in (None, f"127.0.0.1:{port}")


def _run(
    home: Home,
    name_or_path: str,
    source: PipelineSource,
    options: RunOptions,
    variables: Mapping[str, str],
    *,
    fresh: bool = False,
    checkpoint: str | None = None,
    warn: Callable[[str], None],
) -> PipelineRecord:
    file = source.resolve(variables)
    name = file.pipeline.name
    record = home.read()
    known = record.pipelines.get(name)
    if known is not None and job_state(record, known.job_id) in RUNNING:
        raise ProcstreamError(f"pipeline {name} is running as job {known.job_id}; stop it first")
    if checkpoint is None and known is not None and not fresh:
        checkpoint = latest_state(home, known)
    request = SubmitRequest.of(
        replace(file, pipeline=file.pipeline.with_flags(options.parallelism, options.checkpoint_interval)),
        overrides=options.flink,
        from_savepoint=checkpoint,
    )
    job = submit(request, variables, warn=warn)
    kept = remember(variables, source.references, stack.environment(home, record))
    started = PipelineRecord(
        name=name,
        # A file is found again from any folder.
        source=str(Path(name_or_path).absolute()) if folder_of(name_or_path) else name_or_path,
        options=options,
        variables=kept.variables,
        secrets=kept.secrets,
        job_id=job.job_id,
        restored_from=checkpoint,
    )
    _write(home, started)
    return started


def _again(home: Home, known: PipelineRecord, warn: Callable[[str], None]) -> PipelineRecord:
    source = open_pipeline(known.source)
    env = recall(
        Remembered(known.variables, known.secrets),
        os.environ,
        source.references,
        stack.environment(home, home.read()),
    )
    return _run(home, known.source, source, known.options, env, warn=warn)


def _write(home: Home, pipeline: PipelineRecord) -> None:
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        record.pipelines[pipeline.name] = pipeline
        home.write(record)

"""Pipelines of the embedded stack: submitted, remembered, and resumed from their last checkpoint."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote, urlparse

import httpx
from procstream_common.errors import ProcstreamError
from procstream_job.file.reading import file_label, folder_of, load_pipeline
from procstream_job.language.mistakes import did_you_mean

from procstream_local import stack
from procstream_local.home import Home, PipelineRecord, StackRecord
from procstream_local.pipeline_environment import Remembered, recall, remember
from procstream_local.status.answers import root_cause

RUNNING = {"INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "RECONCILING"}
"""Flink's states of a job that has not ended."""

# Pipelines are noted one after the other, also when several are submitted at once.
_LOCK_SECONDS = 5
_ANSWER_SECONDS = 10
_POLL_SECONDS = 0.2


def run(
    home: Home,
    source: str,
    options: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    *,
    fresh: bool = False,
    checkpoint: str | None = None,
) -> PipelineRecord:
    """Submit a pipeline and remember it.

    A pipeline that ran here before goes on from its last checkpoint, so that no record is read twice;
    `fresh` starts it without state, `checkpoint` from that one (or a savepoint). `env` has variables for
    it besides this process's. Raises `ProcstreamError` with the submitting command's own message, or
    when the pipeline is running.
    """
    return _run(home, source, options, {**os.environ, **(env or {})}, fresh=fresh, checkpoint=checkpoint)


def resume(home: Home, progress: Callable[[PipelineRecord], None] = lambda _: None) -> list[PipelineRecord]:
    """Submit again the pipelines whose job is gone (a JobManager that ended takes its jobs with it).

    Those that were stopped or cancelled stay so. One that cannot be started does not hold back the others;
    raises `ProcstreamError` with a line for each of them at the end.
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
            resumed.append(_again(home, known))
            progress(resumed[-1])
        except ProcstreamError as error:
            failures.append(f"pipeline {known.name} was not resumed: {error}")
    if failures:
        raise ProcstreamError("\n".join(failures))
    return resumed


def cancel(home: Home, name: str) -> None:
    """Cancel a pipeline's job; its checkpoints stay, so that a later `run` goes on from there."""
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        known = record.pipelines[name]
        _flink(record, "PATCH", f"jobs/{known.job_id}", params={"mode": "cancel"})
        known.active = False
        home.write(record)


def stop(home: Home, name: str, *, drain: bool = False) -> str:
    """Stop a pipeline with a savepoint, from which a later `run` goes on; returns the savepoint's path.

    `drain` first closes every window (Flink sends the last watermark), also those that more records were to
    come for. Returns when the job has ended. Raises `ProcstreamError` when the job does not run, or
    with Flink's reason when the savepoint fails; the job then goes on.
    """
    record = home.read()
    known = find(record, name)
    state = job_state(record, known.job_id)
    if state not in RUNNING:
        raise ProcstreamError(f"pipeline {name} does not run: its job is {state or 'gone'}")
    if state != "RUNNING":
        raise ProcstreamError(
            f"pipeline {name}: found its job {state}, a savepoint needs it RUNNING;"
            " with --no-savepoint it ends as it is, and goes on from its last checkpoint"
        )
    # Noted first: were this command ended now, nothing would start the pipeline behind its savepoint.
    _note(home, known.model_copy(update={"active": False}))
    try:
        savepoint = _stop_with_savepoint(home, record, known.job_id, drain=drain)
    except ProcstreamError:
        _note(home, known)
        raise
    _note(home, known.model_copy(update={"active": False, "savepoint": savepoint}))
    return savepoint


def find(record: StackRecord, name: str) -> PipelineRecord:
    """What is remembered of a pipeline. Raises `ProcstreamError` for one that never ran here."""
    known = record.pipelines.get(name)
    if known is None:
        names = ", ".join(sorted(record.pipelines)) or "none yet"
        raise ProcstreamError(
            f"no pipeline named {name!r} ran on this stack{did_you_mean(name, record.pipelines)}"
            f" expected one of: {names}"
        )
    return known


def is_embedded(home: Home, flink_address: str | None) -> bool:
    """Whether jobs sent to this address of Flink's REST run on the stack of `home`."""
    rest = home.read().ports.get("flink-rest")
    return rest is not None and flink_address in (None, f"127.0.0.1:{rest}")


def job_state(record: StackRecord, job_id: str) -> str | None:
    """Flink's state of a job (`RUNNING`, `RESTARTING`, …), or None when the cluster does not know it.

    Raises `ProcstreamError` when Flink does not say: a job taken for gone would be started a second time.
    """
    response = _flink(record, "GET", f"jobs/{job_id}")
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    if not response.is_success:
        raise ProcstreamError(
            f"Flink at {_rest(record)}: job {job_id}: found answer {response.status_code}, expected its state"
        )
    return str(response.json()["state"])


def latest_state(home: Home, pipeline: PipelineRecord) -> str | None:
    """URI of what the pipeline can go on from: the savepoint that it was stopped with, else its newest
    completed checkpoint, else what it began with; None before the first.

    Flink writes `_metadata` last: a folder without it was never completed.
    """
    stopped = (home.savepoints / pipeline.job_id).glob("savepoint-*/_metadata")
    savepoint = max(stopped, key=lambda path: path.stat().st_mtime, default=None)
    if savepoint is not None:
        return savepoint.parent.as_uri()
    completed = (home.checkpoints / pipeline.job_id).glob("chk-*/_metadata")
    newest = max(completed, key=lambda path: int(path.parent.name.removeprefix("chk-")), default=None)
    if newest is not None:
        return newest.parent.as_uri()
    earlier = pipeline.restored_from
    return earlier if earlier and Path(unquote(urlparse(earlier).path)).is_dir() else None


def _run(
    home: Home,
    source: str,
    options: Sequence[str],
    variables: Mapping[str, str],
    *,
    fresh: bool = False,
    checkpoint: str | None = None,
) -> PipelineRecord:
    pipeline = load_pipeline(source, variables)
    record = home.read()
    known = record.pipelines.get(pipeline.name)
    if known is not None and job_state(record, known.job_id) in RUNNING:
        raise ProcstreamError(f"pipeline {pipeline.name} is running as job {known.job_id}; stop it first")
    if checkpoint is None and known is not None and not fresh:
        checkpoint = latest_state(home, known)
    job_id = _submit(source, options, variables, checkpoint)
    kept = remember(variables, _parameters(source), stack.environment(home, record))
    started = PipelineRecord(
        name=pipeline.name,
        # A shipped name stays one; a file is found again from any folder.
        source=str(Path(source).absolute()) if folder_of(source) else source,
        options=list(options),
        variables=kept.variables,
        secrets=kept.secrets,
        job_id=job_id,
        restored_from=checkpoint,
    )
    _note(home, started)
    return started


def _again(home: Home, known: PipelineRecord) -> PipelineRecord:
    remembered = Remembered(known.variables, known.secrets)
    own = stack.environment(home, home.read())
    env = recall(remembered, os.environ, _parameters(known.source), own)
    return _run(home, known.source, known.options, env)


def _parameters(source: str) -> set[str]:
    """Names that a pipeline's file refers to as `${NAME}`."""
    shipped = files("procstream_job") / "pipelines" / file_label(source)
    file = Path(source) if folder_of(source) else shipped
    return set(re.findall(r"\$\{\s*(\w+)\s*\}", file.read_text())) if file.is_file() else set()


def _note(home: Home, pipeline: PipelineRecord) -> None:
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        record.pipelines[pipeline.name] = pipeline
        home.write(record)


def _stop_with_savepoint(home: Home, record: StackRecord, job_id: str, *, drain: bool) -> str:
    target = (home.savepoints / job_id).as_uri()
    answer = _flink(record, "POST", f"jobs/{job_id}/stop", body={"targetDirectory": target, "drain": drain})
    if not answer.is_success:
        raise ProcstreamError(f"Flink at {_rest(record)} did not stop job {job_id}: {_errors(answer)}")
    path = f"jobs/{job_id}/savepoints/{answer.json()['request-id']}"
    while (found := _flink(record, "GET", path).json())["status"]["id"] != "COMPLETED":
        time.sleep(_POLL_SECONDS)
    operation = found["operation"]
    if "location" not in operation:
        reason = root_cause(operation["failure-cause"]["stack-trace"])
        raise ProcstreamError(f"the savepoint of job {job_id} failed, the job goes on: {reason}")
    while job_state(record, job_id) in RUNNING:
        time.sleep(_POLL_SECONDS)
    return str(operation["location"])


def _flink(
    record: StackRecord,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
) -> httpx.Response:
    url = f"{_rest(record)}/{path}"
    try:
        return httpx.request(method, url, params=params, json=body, timeout=_ANSWER_SECONDS)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise ProcstreamError(f"Flink at {_rest(record)} does not answer: {reason}") from error


def _errors(answer: httpx.Response) -> str:
    try:
        return root_cause("\n".join(answer.json()["errors"]))
    except (ValueError, KeyError):
        return f"answer {answer.status_code}"


def _rest(record: StackRecord) -> str:
    if not record.ports:
        raise ProcstreamError("no stack was started here; run `procstream up` first")
    return f"http://127.0.0.1:{record.ports['flink-rest']}"


def _submit(source: str, options: Sequence[str], env: Mapping[str, str], checkpoint: str | None) -> str:
    # In a process of its own: the Flink client is a JVM, and this command lives on after it.
    client = Path(sys.executable).with_name("procstream-job")
    command = [str(client), "run", source, "--json", *options]
    if checkpoint:
        command += ["--from-savepoint", checkpoint]
    result = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise _failure(source, result)
    return str(json.loads(result.stdout.strip().splitlines()[-1])["job_id"])


def _failure(source: str, result: "subprocess.CompletedProcess[str]") -> ProcstreamError:
    """The client's own error, all lines of it and with its exit code."""
    said = result.stderr.strip()
    own = re.search(r"^error: (.+)", said, re.MULTILINE | re.DOTALL)
    last = said.splitlines()[-1] if said else "the Flink client ended without a message"
    error = ProcstreamError(own[1] if own else f"{source}: {last}")
    if own:
        error.exit_code = result.returncode
    return error

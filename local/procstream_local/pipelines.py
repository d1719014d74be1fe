"""Pipelines of the embedded stack: submitted, remembered, and resumed from their last checkpoint."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlparse

import httpx
from procstream_common.errors import ProcstreamError
from procstream_common.lake import PATH_VARIABLES
from procstream_job.pipeline_file import load_pipeline

from procstream_local.home import Home, PipelineRecord, StackRecord

_RUNNING = {"INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "RECONCILING"}

# Pipelines are noted one after the other, also when several are submitted at once.
_LOCK_SECONDS = 5
_ANSWER_SECONDS = 10


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
    name = load_pipeline(source).name
    record = home.read()
    known = record.pipelines.get(name)
    if known is not None and job_state(record, known.job_id) in _RUNNING:
        raise ProcstreamError(f"pipeline {name} is running as job {known.job_id}; stop it first")
    if checkpoint is None and known is not None and not fresh:
        checkpoint = latest_checkpoint(home, known)
    paths = {key: value for key, value in {**os.environ, **(env or {})}.items() if key in PATH_VARIABLES}
    job_id = _submit(source, options, paths, checkpoint)
    pipeline = PipelineRecord(
        name=name,
        # A shipped name stays one; a file is found again from any folder.
        source=str(Path(source).absolute()) if Path(source).exists() else source,
        options=list(options),
        paths=paths,
        job_id=job_id,
        restored_from=checkpoint,
    )
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        record.pipelines[name] = pipeline
        home.write(record)
    return pipeline


def resume(home: Home) -> list[PipelineRecord]:
    """Submit again the pipelines whose job is gone (a JobManager that ended takes its jobs with it)."""
    record = home.read()
    gone = [
        known
        for known in record.pipelines.values()
        if known.active and job_state(record, known.job_id) is None
    ]
    return [run(home, known.source, known.options, known.paths) for known in gone]


def cancel(home: Home, name: str) -> None:
    """Cancel a pipeline's job; its checkpoints stay, so that a later `run` goes on from there."""
    with home.locked(patience=_LOCK_SECONDS):
        record = home.read()
        known = record.pipelines[name]
        _flink(record, "PATCH", f"jobs/{known.job_id}", mode="cancel")
        known.active = False
        home.write(record)


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


def latest_checkpoint(home: Home, pipeline: PipelineRecord) -> str | None:
    """URI of the newest completed checkpoint that the pipeline can go on from, or None before the first.

    Flink writes `_metadata` last: a checkpoint folder without it was never completed.
    """
    completed = (home.checkpoints / pipeline.job_id).glob("chk-*/_metadata")
    newest = max(completed, key=lambda path: int(path.parent.name.removeprefix("chk-")), default=None)
    if newest is not None:
        return newest.parent.as_uri()
    earlier = pipeline.restored_from
    return earlier if earlier and Path(unquote(urlparse(earlier).path)).is_dir() else None


def _flink(record: StackRecord, method: str, path: str, **params: str) -> httpx.Response:
    url = f"{_rest(record)}/{path}"
    try:
        return httpx.request(method, url, params=params, timeout=_ANSWER_SECONDS)
    except httpx.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise ProcstreamError(f"Flink at {_rest(record)} does not answer: {reason}") from error


def _rest(record: StackRecord) -> str:
    if not record.ports:
        raise ProcstreamError("no stack was started here; run `procstream up` first")
    return f"http://127.0.0.1:{record.ports['flink-rest']}"


def _submit(source: str, options: Sequence[str], paths: Mapping[str, str], checkpoint: str | None) -> str:
    # In a process of its own: the Flink client is a JVM, and this command lives on after it.
    client = Path(sys.executable).with_name("procstream-job")
    command = [str(client), "run", source, "--json", *options]
    if checkpoint:
        command += ["--from-savepoint", checkpoint]
    result = subprocess.run(command, env={**os.environ, **paths}, capture_output=True, text=True, check=False)
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

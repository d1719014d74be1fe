"""The jobs of pipelines on the stack's Flink: their state, and how they end (Flink 2.3, "REST API")."""

import time

from procstream_common.errors import NotFoundError, ProcstreamError, RefusedError
from procstream_common.flink import FlinkRest, root_cause

from procstream_local.stack.records import StackRecord

RUNNING = {"INITIALIZING", "CREATED", "RUNNING", "RESTARTING", "FAILING", "RECONCILING"}
"""Flink's states of a job that has not ended."""

_ANSWER_SECONDS = 10
_POLL_SECONDS = 0.2


def rest(record: StackRecord) -> FlinkRest:
    """The stack's Flink. Raises `ProcstreamError` if nothing was started yet."""
    if not record.ports:
        raise ProcstreamError("no stack was started here; run `procstream up` first")
    return FlinkRest(f"127.0.0.1:{record.ports['flink-rest']}", timeout=_ANSWER_SECONDS)


def job_state(record: StackRecord, job_id: str) -> str | None:
    """Flink's state of a job (`RUNNING`, `RESTARTING`, …), or None if the cluster does not know the job.

    Raises `ServerError` if Flink does not return it: a job that only seems to be gone would be started a
    second time.
    """
    with rest(record) as flink:
        return _state(flink, job_id)


def cancel(record: StackRecord, job_id: str) -> None:
    """Cancel a job; its checkpoints stay. Nothing changes if Flink does not know the job, or it has ended.

    Raises `ServerError` if Flink does not answer.
    """
    with rest(record) as flink:
        try:
            flink.request("PATCH", f"jobs/{job_id}", params={"mode": "cancel"})
        except (NotFoundError, RefusedError):
            if _state(flink, job_id) in RUNNING:
                raise


def stop_with_savepoint(record: StackRecord, job_id: str, folder: str, *, drain: bool) -> str:
    """Stop a job with a savepoint below `folder`; returns the savepoint's URI after the job has ended.

    Raises `ProcstreamError` with Flink's reason if the savepoint fails: the job then continues.
    """
    with rest(record) as flink:
        try:
            answer = flink.request(
                "POST", f"jobs/{job_id}/stop", body={"targetDirectory": folder, "drain": drain}
            )
        except (NotFoundError, RefusedError) as error:
            raise ProcstreamError(f"job {job_id} was not stopped: {error}") from None
        path = f"jobs/{job_id}/savepoints/{answer['request-id']}"
        while (found := flink.get(path))["status"]["id"] != "COMPLETED":
            time.sleep(_POLL_SECONDS)
        operation = found["operation"]
        if "location" not in operation:
            reason = root_cause(operation["failure-cause"]["stack-trace"])
            raise ProcstreamError(f"the savepoint of job {job_id} failed, the job continues: {reason}")
        while _state(flink, job_id) in RUNNING:
            time.sleep(_POLL_SECONDS)
        return str(operation["location"])


def _state(flink: FlinkRest, job_id: str) -> str | None:
    try:
        return str(flink.get(f"jobs/{job_id}")["state"])
    except NotFoundError:
        return None

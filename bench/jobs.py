"""Jobs on the benchmark's own cluster: submitted, waited for, cancelled (Flink 2.3, "REST API")."""

import gc
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from procstream_common.errors import ProcstreamError
from procstream_common.flink import FlinkRest, root_cause
from procstream_job.language import sql
from procstream_job.language.sql import Statement
from procstream_job.plan.job_plan import JobPlan
from procstream_job.plan.steps import Step
from procstream_job.submitting.flink.session import FlinkSession

BOUNDED = {"scan.bounded.mode": "latest-offset"}
"""Options of a source that stops at the present end of its topic."""

_LOOK_SECONDS = 0.5
_ANSWER_SECONDS = 30
_START_SECONDS = 120
_LONGEST_SECONDS = 1800
_ENDED = ("FINISHED", "FAILED", "CANCELED")


def bounded(plan: JobPlan) -> JobPlan:
    """The same job, but bounded: it ends after the records that are in its topics now."""
    return replace(plan, steps=tuple(_bounded(step) for step in plan.steps))


def submit(session: FlinkSession, plan: JobPlan) -> str:
    """Start a job; returns its id."""
    # If another thread (such as a progress bar's) collected garbage meanwhile, py4j would open a second
    # connection to the JVM and could use it here too. Flink's planner needs one thread per job.
    gc.disable()
    try:
        return session.submit(plan)
    finally:
        gc.enable()


def wait_until_running(rest: str, job_id: str) -> None:
    """Wait until every task of a job runs. Raises `ProcstreamError` when it ends or takes minutes."""
    deadline = time.monotonic() + _START_SECONDS
    while not _all_run(job := get(rest, f"/jobs/{job_id}")):
        if job["state"] in _ENDED or time.monotonic() > deadline:
            raise _unexpected(rest, job_id, job["state"], "RUNNING")
        time.sleep(_LOOK_SECONDS)


def wait_until_finished(rest: str, job_id: str) -> None:
    """Wait for the end of a bounded job. Raises `ProcstreamError` when it fails or takes half an hour."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while (state := get(rest, f"/jobs/{job_id}")["state"]) != "FINISHED":
        if state in ("FAILED", "CANCELED", "RESTARTING") or time.monotonic() > deadline:
            raise _unexpected(rest, job_id, state, "FINISHED")
        time.sleep(_LOOK_SECONDS)


def cancel(rest: str, job_id: str) -> None:
    """Cancel a job, unless it has ended already, and wait for its end."""
    if get(rest, f"/jobs/{job_id}")["state"] in _ENDED:
        return
    with FlinkRest(rest, timeout=_ANSWER_SECONDS) as flink:
        flink.request("PATCH", f"jobs/{job_id}", params={"mode": "cancel"})
    deadline = time.monotonic() + _START_SECONDS
    while (state := get(rest, f"/jobs/{job_id}")["state"]) not in _ENDED:
        if time.monotonic() > deadline:
            raise _unexpected(rest, job_id, state, "CANCELED")
        time.sleep(_LOOK_SECONDS)


def last_failure(rest: str, job_id: str) -> str:
    """The cause of a job's last failure, in one line."""
    history = get(rest, f"/jobs/{job_id}/exceptions")["exceptionHistory"]["entries"]
    return root_cause(history[0]["stacktrace"]) if history else "it has not failed"


def get(rest: str, path: str) -> Any:
    """An answer of Flink's REST interface. Raises what `FlinkRest.get` raises."""
    with FlinkRest(rest, timeout=_ANSWER_SECONDS) as flink:
        return flink.get(path)


def _all_run(job: Mapping[str, Any]) -> bool:
    return all(vertex["tasks"]["RUNNING"] == vertex["parallelism"] for vertex in job["vertices"])


def _unexpected(rest: str, job_id: str, found: str, expected: str) -> ProcstreamError:
    return ProcstreamError(
        f"job {job_id}: found it {found} ({last_failure(rest, job_id)}); expected {expected}"
    )


def _bounded(step: Step) -> Step:
    connector = "'connector' = 'kafka'"
    if not isinstance(step, Statement) or connector not in step.sql:
        return step
    options = "".join(f",\n  {sql.text(key)} = {sql.text(value)}" for key, value in BOUNDED.items())
    return replace(step, sql=step.sql.replace(connector, connector + options))

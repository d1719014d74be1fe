"""Killing or stopping services of the embedded stack at chosen moments."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from procstream_local.stack import processes
from procstream_local.stack.home import Home

from tests.integration.lake_files import newest_logged
from tests.integration.running import RunningPipeline
from tests.integration.waiting import until

_AT_ONCE_S = 0.005


def kill(home: Home, service: str) -> None:
    """`kill -9` of a service: it cannot flush or sign off."""
    process = _running(home, service)
    process.kill()
    psutil.wait_procs([process], timeout=10)


def terminate(home: Home, service: str) -> None:
    """SIGTERM to a service; returns when it has ended."""
    process = _running(home, service)
    process.terminate()
    gone, _ = psutil.wait_procs([process], timeout=30)
    assert gone, f"{service} did not end"


@contextmanager
def hanging(home: Home, service: str) -> Iterator[None]:
    """A service that keeps its connections open and answers nothing."""
    process = _running(home, service)
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def triggered(pipeline: RunningPipeline) -> int:
    """Id of the newest checkpoint that began: Flink creates its folder first."""
    return max(_ids(pipeline, "chk-*"), default=0)


def completed(pipeline: RunningPipeline) -> int:
    """Id of the newest completed checkpoint: Flink writes its metadata last."""
    return max(_ids(pipeline, "chk-*/_metadata"), default=0)


def until_checkpoint_runs(pipeline: RunningPipeline) -> None:
    """Return while a checkpoint is between its barriers and its completion."""
    until(
        lambda: triggered(pipeline) > completed(pipeline),
        "a checkpoint under way",
        timeout=30,
        every=_AT_ONCE_S,
    )


def until_checkpoint_commits(pipeline: RunningPipeline) -> None:
    """Return as a checkpoint completes: its files are about to get their final names, or just got them."""
    before = completed(pipeline)
    until(lambda: completed(pipeline) > before, "a completed checkpoint", timeout=30, every=_AT_ONCE_S)


def until_recovered(pipeline: RunningPipeline, *, after: int) -> None:
    """Return when the job runs and has completed a checkpoint later than the one with the id `after`."""
    until(lambda: pipeline.state == "RUNNING", f"{pipeline.name} running", timeout=90)
    until(lambda: completed(pipeline) > after, f"a checkpoint of {pipeline.name} after {after}", timeout=90)


def until_committed(pipeline: RunningPipeline, *, after: int) -> None:
    """Return when a checkpoint later than `after` has committed files; the first may have none."""
    until(
        lambda: newest_logged(pipeline.paths.commit_log) > after,
        f"files of {pipeline.name} committed by a checkpoint after {after}",
        timeout=90,
    )


def _running(home: Home, service: str) -> psutil.Process:
    process = processes.find(home.read().processes[service])
    assert process is not None, f"{service} is not running"
    return process


def _ids(pipeline: RunningPipeline, pattern: str) -> list[int]:
    found = (pipeline.home.checkpoints / pipeline.job_id).glob(pattern)
    parts = [part for path in found for part in path.parts[-2:] if part.startswith("chk-")]
    return [int(part.removeprefix("chk-")) for part in parts]

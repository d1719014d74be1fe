"""One run: a bounded job from its start to its end, its rate, and whether all rows arrived."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from procstream_common.errors import ProcstreamError
from procstream_job.plan.job_plan import JobPlan
from procstream_job.submitting.flink.session import FlinkSession

from bench import jobs, sinks
from bench.embedded import EmbeddedStack


@dataclass(frozen=True)
class Run:
    """The measurements of a job."""

    job_id: str
    rows: int
    """Number of rows according to the footers of the Parquet files."""
    files: int
    bytes: int
    """Size of the Parquet files."""
    seconds: float
    """From the moment the first source task runs until the last byte of the last file is written.

    Planning, deployment and the wait for the last checkpoint, which only a job that ends has, are not in it.
    """
    cpu_seconds: float
    """CPU time of the TaskManager while the job ran; other load affects it less than the rate."""

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.rows / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """CPU time per record."""
        return self.cpu_seconds / self.rows * 1e6


def run(session: FlinkSession, plan: JobPlan, stack: EmbeddedStack, folder: Path, expected: int) -> Run:
    """Run the job of `plan` to its end; remove `folder`, which it writes to, afterwards.

    `expected` is the number of rows that make a run valid. Raises `ProcstreamError` when the job fails, or
    the number is another.
    """
    try:
        cpu = cpu_seconds(stack)
        job_id = jobs.submit(session, plan)
        jobs.wait_until_finished(stack.flink_url, job_id)
        return _measure(stack.flink_url, job_id, folder, expected, cpu_seconds(stack) - cpu)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cpu_seconds(stack: EmbeddedStack) -> float:
    """CPU time of the TaskManager until now."""
    times = stack.taskmanager.cpu_times()
    return float(times.user + times.system)


def _measure(rest: str, job_id: str, folder: Path, expected: int, cpu_seconds: float) -> Run:
    files = _data_files(sinks.output(folder))
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    if rows != expected:
        raise ProcstreamError(f"job {job_id}: found {rows} rows in {len(files)} files; expected {expected}")
    # A rename keeps the time of the last write, so this is when the writer closed the file. Logs count too.
    written = max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())
    return Run(
        job_id=job_id,
        rows=rows,
        files=len(files),
        bytes=sum(path.stat().st_size for path in files),
        seconds=written - first_source_task_running(rest, job_id),
        cpu_seconds=cpu_seconds,
    )


def _data_files(output: Path) -> list[Path]:
    return [path for path in output.rglob("*") if path.is_file() and not path.name.startswith((".", "_"))]


def first_source_task_running(rest: str, job_id: str) -> float:
    """When a job began to read, in seconds since 1970."""
    plan = jobs.get(rest, f"/jobs/{job_id}/plan")["plan"]
    sources = [node["id"] for node in plan["nodes"] if not node.get("inputs")]
    running: list[int] = [
        subtask["timestamps"]["RUNNING"]
        for source in sources
        for subtask in jobs.get(rest, f"/jobs/{job_id}/vertices/{source}/subtasktimes")["subtasks"]
    ]
    return min(running) / 1000

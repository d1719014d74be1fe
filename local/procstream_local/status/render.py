"""The state of a stack or a release as tables."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from procstream_local.stack import ServiceStatus
from procstream_local.status.model import GONE, Pipeline, Status, Workload

_SILENT = "?"  # requested without an answer
_UNKNOWN = "-"
_JOB = ("state", "for", "in", "out", "lag", "dead", "late")
_CHECKPOINT = ("age", "size", "took", "every", "restarts")
_STYLES = {"ready": "green", "RUNNING": "green", "FINISHED": "green"}


def status_table(status: Status) -> RenderableType:
    """The whole status: services, pipelines, other jobs, problems."""
    parts: list[RenderableType] = [
        _workloads(status.workloads) if status.workloads else _services(status.services)
    ]
    if status.pipelines:
        cells = {pipeline.name: _cells(pipeline, status.at) for pipeline in status.pipelines}
        parts += ["", _table("pipeline", _JOB, cells), "", _table("checkpoint", _CHECKPOINT, cells)]
    if status.other_jobs:
        jobs = ", ".join(f"{job.name} ({job.state}, {job.job_id})" for job in status.other_jobs)
        parts += ["", Text(f"other jobs: {jobs}")]
    if status.problems:
        parts += ["", *(Text(f"✗ {problem}", "red") for problem in status.problems)]
    return Group(*parts)


def shipped_table(shipped: Mapping[str, str]) -> Table:
    """The pipelines that ship, with their descriptions."""
    table = Table("pipeline", "description", box=None)
    table.columns[0].no_wrap = True
    for name, description in shipped.items():
        table.add_row(name, description)
    return table


def jobs_table(pipelines: tuple[Pipeline, ...]) -> Table:
    """The pipelines of the stack with their jobs."""
    table = Table(box=None)
    for column in ("on this stack", "state", "job", "running since"):
        table.add_column(column, no_wrap=column != "job", overflow="fold")
    for pipeline in pipelines:
        table.add_row(pipeline.name, state_text(pipeline), pipeline.job_id, _time(pipeline.running_since))
    return table


def pipeline_detail(pipeline: Pipeline, now: datetime) -> RenderableType:
    """Everything that is known about one pipeline, one value per line."""
    cells, counts = _cells(pipeline, now), pipeline.counts
    table = Table.grid(padding=(0, 2))
    rows: dict[str, str | Text] = {
        "pipeline": pipeline.name,
        "job": pipeline.job_id,
        "state": cells["state"],
        "running since": _time(pipeline.running_since),
        "tasks": _of(pipeline.tasks_running, pipeline.tasks),
        "restarts": cells["restarts"],
        "checkpoint": _checkpoint(pipeline, now),
        "expected every": cells["every"],
        "stopped with": pipeline.savepoint or _UNKNOWN,
        "records in": cells["in"],
        "rows out": cells["out"],
        "rows dropped": _number(pipeline, "counts", counts.rows_dropped),
        "dead letters": cells["dead"],
        "late rows": _number(pipeline, "counts", counts.late_rows),
        "late in windows": _number(pipeline, "counts", counts.late_records_dropped),
        "lag": cells["lag"],
    }
    for failure in pipeline.failures[:1]:
        rows["last failure"] = f"{_time(failure.at)} {failure.cause}"
    for name, value in rows.items():
        table.add_row(name, value)
    return Group(table, *(Text(f"✗ {problem}", "red") for problem in pipeline.problems(now)))


def state_text(pipeline: Pipeline) -> Text:
    """The state of a pipeline's job, in a word or two."""
    if "state" in pipeline.unanswered:
        return Text("no answer", "red")
    state = "stopped" if pipeline.savepoint and not pipeline.expected else pipeline.state or _UNKNOWN
    if state == GONE and not pipeline.expected:
        state = "ended"
    return Text(state, _STYLES.get(state, "red" if pipeline.expected else "dim"))


def _services(services: tuple[ServiceStatus, ...]) -> Table:
    table = Table("service", "state", "address", "pid", "memory", "up", box=None)
    for service in services:
        alive = service.pid is not None
        table.add_row(
            service.name,
            Text(service.state, _STYLES.get(service.state, "red")),
            service.address or "",
            str(service.pid or ""),
            f"{service.memory_bytes / 2**20:.0f} MiB" if alive else "",
            _duration(timedelta(seconds=service.uptime_seconds)) if alive else "",
        )
    return table


def _workloads(workloads: tuple[Workload, ...]) -> Table:
    table = Table("workload", "state", "pods", "restarts", "up", box=None)
    table.columns[0].no_wrap = True
    for workload in workloads:
        table.add_row(
            workload.name,
            Text(workload.state, _STYLES.get(workload.state, "red")),
            str(workload.desired),
            str(workload.restarts),
            _duration(timedelta(seconds=workload.uptime_seconds)) if workload.uptime_seconds else "",
        )
    return table


def _table(title: str, columns: tuple[str, ...], cells: Mapping[str, Mapping[str, str | Text]]) -> Table:
    table = Table(box=None)
    table.add_column(title, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="left" if column == "state" else "right", no_wrap=True)
    for name, found in cells.items():
        table.add_row(name, *(found[column] for column in columns))
    return table


def _cells(pipeline: Pipeline, now: datetime) -> dict[str, str | Text]:
    checkpoint, counts = pipeline.checkpoint, pipeline.counts
    late = [count for count in (counts.late_rows, counts.late_records_dropped) if count is not None]
    silent = "checkpoint" in pipeline.unanswered
    return {
        "state": state_text(pipeline),
        "for": _duration(now - pipeline.running_since) if pipeline.running_since else _UNKNOWN,
        "restarts": _number(pipeline, "restarts", pipeline.restarts),
        "age": _duration(now - checkpoint.completed_at) if checkpoint else (_SILENT if silent else _UNKNOWN),
        "size": _size(checkpoint.size_bytes) if checkpoint else _UNKNOWN,
        "took": _duration(checkpoint.duration) if checkpoint else _UNKNOWN,
        "every": _SILENT
        if "checkpoint_interval" in pipeline.unanswered
        else _duration(pipeline.checkpoint_interval),
        "in": _number(pipeline, "counts", counts.records_in),
        "out": _number(pipeline, "counts", counts.rows_out),
        "lag": _number(pipeline, "lag", pipeline.lag),
        "dead": _number(pipeline, "counts", counts.dead_letters),
        "late": _number(pipeline, "counts", sum(late) if late else None),
    }


def _checkpoint(pipeline: Pipeline, now: datetime) -> str:
    checkpoint = pipeline.checkpoint
    if checkpoint is None:
        return _SILENT if "checkpoint" in pipeline.unanswered else _UNKNOWN
    return (
        f"{checkpoint.id}, completed {_duration(now - checkpoint.completed_at)} ago,"
        f" {_size(checkpoint.size_bytes)}, took {_duration(checkpoint.duration)}"
    )


def _number(pipeline: Pipeline, field: str, value: int | None) -> str:
    if field in pipeline.unanswered:
        return _SILENT
    return _UNKNOWN if value is None else f"{value:,}"


def _of(part: int | None, whole: int | None) -> str:
    return _UNKNOWN if part is None or whole is None else f"{part} of {whole} run"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else _UNKNOWN


def _duration(duration: timedelta | None) -> str:
    if duration is None:
        return _UNKNOWN
    seconds = max(0.0, duration.total_seconds())
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 120:
        return f"{minutes:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} d"


def _size(size_bytes: int) -> str:
    size, units = float(size_bytes), ["B", "KiB", "MiB", "GiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}"

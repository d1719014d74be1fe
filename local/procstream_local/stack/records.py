"""The record of a stack: what was started in its folder, read by every later command."""

import signal
from datetime import timedelta
from typing import Any

from procstream_common.durations import parse_duration
from pydantic import AliasChoices, BaseModel, Field, field_validator


class ProcessRecord(BaseModel):
    """A started process. Another process may get the same pid later, but not the same start time."""

    pid: int
    create_time: float
    stop_signal: int = signal.SIGTERM
    """The signal that asks it to end. With another one than SIGTERM, it ends its children itself."""


class RunOptions(BaseModel):
    """How a pipeline is run, where that differs from its file."""

    parallelism: int | None = None
    checkpoint_interval: timedelta | None = None
    flink: dict[str, str] = {}
    """Options of Flink for the job, which win over the file's."""


class PipelineRecord(BaseModel):
    """A pipeline that was submitted to this stack, with everything that a restart after a crash needs."""

    name: str
    source: str
    """Name of a shipped pipeline, or absolute path of a file."""
    options: RunOptions = RunOptions()
    variables: dict[str, str] = Field({}, validation_alias=AliasChoices("variables", "paths"))
    """Environment variables of its start that are not the stack's own; no secrets."""
    secrets: list[str] = []
    """Names of the variables that are secrets: they must be set again to restart the pipeline."""
    job_id: str
    active: bool = True
    """False after it was stopped or cancelled: `up` does not resume it."""
    restored_from: str | None = None
    """Checkpoint or savepoint that the job started from, if any."""
    savepoint: str | None = None
    """The savepoint of its stop, from which the next run resumes."""

    @field_validator("options", mode="before")
    @classmethod
    def _command_line(cls, value: Any) -> Any:
        """Earlier versions recorded the options of a command line."""
        return _options(list(value)) if isinstance(value, list) else value


class StackRecord(BaseModel):
    """What `up` and `pipeline run` started."""

    ports: dict[str, int] = {}
    processes: dict[str, ProcessRecord] = {}
    pipelines: dict[str, PipelineRecord] = {}
    optional: list[str] = []
    """What `up --with` added to this stack: optional services, and monitoring."""


def _options(arguments: list[str]) -> RunOptions:
    options = RunOptions()
    while arguments:
        argument = arguments.pop(0)
        if argument.startswith("-D"):
            key, _, value = argument.removeprefix("-D").partition("=")
            options.flink[key.strip()] = value.strip()
            continue
        flag, _, value = argument.partition("=")
        value = value or (arguments.pop(0) if arguments else "")
        if flag == "--parallelism":
            options.parallelism = int(value)
        elif flag == "--checkpoint-interval":
            options.checkpoint_interval = parse_duration(value)
    return options

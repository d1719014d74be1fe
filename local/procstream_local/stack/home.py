"""The folder that holds everything of one embedded stack, and the record of what runs in it."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from procstream_common import lake
from procstream_common.errors import ProcstreamError
from pydantic import AliasChoices, BaseModel, Field, ValidationError

_LOCK_POLL_SECONDS = 0.02


class ProcessRecord(BaseModel):
    """A started process. A pid alone may be used again by another process; with its start time it may not."""

    pid: int
    create_time: float
    stop_signal: int = signal.SIGTERM
    """Asks it to end. One that has a signal of its own ends its children itself."""


class PipelineRecord(BaseModel):
    """A pipeline that was submitted to this stack, with what is needed to submit it again after a crash."""

    name: str
    source: str
    """Name of a shipped pipeline or path of a file, as it was given."""
    options: list[str] = []
    """Options of `procstream pipeline run` to be used again."""
    variables: dict[str, str] = Field({}, validation_alias=AliasChoices("variables", "paths"))
    """Environment variables that it was started with and that are not the stack's own; no secrets."""
    secrets: list[str] = []
    """Names of those that are secrets, and so must be set again to start it again."""
    job_id: str
    active: bool = True
    """False once it was cancelled: it is not resumed by itself."""
    restored_from: str | None = None
    """Checkpoint or savepoint that the job began with, if any."""
    savepoint: str | None = None
    """What it was stopped with, to go on from."""


class StackRecord(BaseModel):
    """What `up` started: read by every later command."""

    ports: dict[str, int] = {}
    processes: dict[str, ProcessRecord] = {}
    pipelines: dict[str, PipelineRecord] = {}
    optional: list[str] = []
    """Optional services that belong to this stack since an `up --with`."""


def current_home() -> "Home":
    """The stack's folder: `PROCSTREAM_HOME`, by default `./.procstream`."""
    return Home(lake.home(os.environ))


@dataclass(frozen=True)
class Home:
    """Paths below `PROCSTREAM_HOME`."""

    path: Path

    @property
    def logs(self) -> Path:
        """One log file for each process."""
        return self.path / "logs"

    @property
    def checkpoints(self) -> Path:
        """Flink's checkpoints: `<job id>/chk-<n>`."""
        return self.path / "flink" / "checkpoints"

    @property
    def savepoints(self) -> Path:
        """What pipelines were stopped with: `<job id>/savepoint-…`."""
        return self.path / "flink" / "savepoints"

    @property
    def _record(self) -> Path:
        return self.path / "run" / "stack.json"

    def read(self) -> StackRecord:
        """The record; an empty one where nothing was started yet."""
        try:
            return StackRecord.model_validate_json(self._record.read_text())
        except FileNotFoundError:
            return StackRecord()
        except ValidationError as error:
            raise ProcstreamError(
                f"{self._record}: not a record of a stack ({error.errors()[0]['msg']}); "
                "stop its processes by hand and remove the file"
            ) from error

    def write(self, record: StackRecord) -> None:
        """Replace the record at once, so that a crash leaves either the old or the new one."""
        self._record.parent.mkdir(parents=True, exist_ok=True)
        new = self._record.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)  # options of pipelines may hold secrets
        new.write_text(record.model_dump_json(indent=2))
        new.replace(self._record)

    @contextmanager
    def locked(self, *, patience: float = 0) -> Iterator[None]:
        """Only one command at a time changes a stack; the lock ends with its process.

        Waits `patience` seconds for another's change to end, then raises `ProcstreamError`.
        """
        self._record.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._record.parent / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        deadline = time.monotonic() + patience
        try:
            while not _lock(descriptor):
                if time.monotonic() >= deadline:
                    raise ProcstreamError(
                        f"{self.path}: another procstream command is changing this stack; wait for it to end"
                    )
                time.sleep(_LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

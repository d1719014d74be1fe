"""The folder of an embedded stack, and the record of what runs in it."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from procstream_common import lake
from procstream_common.errors import ProcstreamError
from pydantic import ValidationError

from procstream_local.stack.records import StackRecord

_LOCK_POLL_SECONDS = 0.02


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
        """Savepoints of stopped pipelines: `<job id>/savepoint-…`."""
        return self.path / "flink" / "savepoints"

    @property
    def _record(self) -> Path:
        return self.path / "run" / "stack.json"

    def create(self) -> None:
        """Create the folder, readable by its user only: the lake in it may have personal data.

        A folder that exists already is closed to others, too. Raises `ProcstreamError` if it cannot be.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = self.path.stat().st_mode
        expected = "expected one of your own (set PROCSTREAM_HOME)"
        if mode & stat.S_ISVTX:
            raise ProcstreamError(f"{self.path}: found a folder that users share; {expected}")
        if mode & 0o077:
            try:
                self.path.chmod(0o700)
            except PermissionError:
                raise ProcstreamError(f"{self.path}: found another user's folder; {expected}") from None
        self._record.parent.mkdir(exist_ok=True)

    def read(self) -> StackRecord:
        """The record; empty if nothing was started yet."""
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
        """Replace the record atomically: a crash leaves either the old or the new one."""
        self.create()
        new = self._record.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)  # options of pipelines may hold secrets
        new.write_text(record.model_dump_json(indent=2))
        new.replace(self._record)

    @contextmanager
    def locked(self, *, patience: float = 0) -> Iterator[None]:
        """A lock: only one command at a time changes a stack. It ends with its process.

        Waits up to `patience` seconds for another command, then raises `ProcstreamError`.
        """
        self.create()
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

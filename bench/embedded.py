"""An embedded stack for one benchmark."""

import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from procstream_local import stack
from procstream_local.stack.home import Home
from rich.console import Console


@dataclass(frozen=True)
class EmbeddedStack:
    """The addresses and folders of the running stack."""

    env: dict[str, str]
    """This process's environment, with the stack's addresses."""
    folder: Path
    """Folder for files of the benchmark; removed with the stack."""
    taskmanager: psutil.Process
    """The process that handles the rows."""

    @property
    def flink_url(self) -> str:
        """Flink's REST interface."""
        return f"http://{self.env['FLINK_ADDRESS']}"


@contextmanager
def embedded_stack(console: Console) -> Iterator[EmbeddedStack]:
    """Kafka, registry and Flink in a temporary folder (in TMPDIR), removed at the end in any case."""
    # By default SIGTERM would leave the services running.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="procstream-bench-") as folder:
        home = Home(Path(folder) / "stack")
        try:
            with console.status("starting Kafka, the schema registry and Flink"):
                record = stack.up(home)
            # PyFlink reads the folders of Flink's client only from this process's environment.
            os.environ.update(stack.environment(home, record))
            taskmanager = psutil.Process(record.processes["taskmanager"].pid)
            yield EmbeddedStack(dict(os.environ), Path(folder), taskmanager)
        finally:
            with console.status("stopping the stack"):
                stack.down(home)

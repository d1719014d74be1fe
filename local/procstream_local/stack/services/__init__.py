"""The services of the embedded stack: how each is configured, started and found ready."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from procstream_local.stack.home import ProcessRecord


@dataclass(frozen=True)
class Service:
    """A process and how to tell that it serves."""

    name: str
    start: Callable[[Path], ProcessRecord]
    """Starts the process with its output in the log file that is given."""
    ready: Callable[[], bool]
    prepare: Callable[[], None] = lambda: None
    """Writes configuration and first data before the process starts; harmless when done again."""
    timeout: float = 120
    """Seconds until it must be ready."""

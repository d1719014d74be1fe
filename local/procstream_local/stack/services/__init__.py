"""The services of the embedded stack: how each is configured, started and checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from procstream_local.stack.records import ProcessRecord


@dataclass(frozen=True)
class Service:
    """A process, and the check whether it serves requests."""

    name: str
    start: Callable[[Path], ProcessRecord]
    """Starts the process; its output goes to the given log file."""
    ready: Callable[[], bool]
    prepare: Callable[[], None] = lambda: None
    """Writes configuration and first data before the process starts; may be repeated."""
    timeout: float = 120
    """Seconds in which it must become ready."""

"""The services of the embedded stack: how each is configured, started and found ready."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Service:
    """A process and how to tell that it serves."""

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], bool]
    env: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[], None] = lambda: None
    """Writes configuration files before the process starts; harmless when done again."""
    timeout: float = 120
    """Seconds until it must be ready."""

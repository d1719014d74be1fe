"""Records that a generator sends during a failure."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.integration import commands

_END_S = 90


@dataclass
class Load:
    """A running `procstream-producer generate`; `summary` is what it prints at its end."""

    process: "subprocess.Popen[str]"
    summary: dict[str, Any] = field(default_factory=dict)
    log: str = ""

    @property
    def delivered(self) -> int:
        return int(self.summary["delivered"])

    def end(self) -> None:
        """End it; it flushes first."""
        self.process.send_signal(signal.SIGTERM)
        output, self.log = self.process.communicate(timeout=_END_S)
        assert self.process.returncode == 0, self.log
        self.summary = json.loads(output)


@contextmanager
def generated(topic: str, rate: int, source: str = "lineage-input", *options: str) -> Iterator[Load]:
    """Records of a generator to `topic` at `rate` a second, until the block ends."""
    arguments = ("generate", source, "--topic", topic, "--rate", str(rate), *options)
    load = Load(commands.start("procstream-producer", *arguments))
    try:
        yield load
        load.end()
    finally:
        load.process.kill()
        load.process.wait()

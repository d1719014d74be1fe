"""A running `procstream-producer procstat`, with its counters and its health."""

import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.integration import commands
from tests.integration.conftest import free_port
from tests.integration.waiting import until

_END_S = 60
_STOPPED = re.compile(r"INFO stopped; (\d+) records delivered, (\d+) dropped$", re.MULTILINE)


@dataclass
class Sampler:
    """Its counters by HTTP while it runs; `exit_code` and `log` once it has ended."""

    process: "subprocess.Popen[str]"
    address: str
    log_file: Path
    exit_code: int | None = None
    log: str = ""

    def metrics(self) -> dict[str, float]:
        """Every `procstream_producer_…` sample, by its name without that; those of `dropped` by reason."""
        response = httpx.get(f"{self.address}/metrics", timeout=10)
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/plain")
        found = {}
        for family in text_string_to_metric_families(response.text):
            for sample in family.samples:
                name = sample.name.removeprefix("procstream_producer_")
                found[f"{name}/{sample.labels['reason']}" if "reason" in sample.labels else name] = (
                    sample.value
                )
        return found

    def health(self) -> tuple[int, dict[str, Any]]:
        """Status and report of `/healthz`; status 0 while nothing listens yet."""
        try:
            response = httpx.get(f"{self.address}/healthz", timeout=10)
        except httpx.ConnectError:
            return 0, {}
        return response.status_code, response.json()

    def end(self) -> None:
        """Send SIGTERM, and wait for its end."""
        self.signal_end()
        self.wait()

    def signal_end(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def until_stopping(self) -> None:
        """Return when the sampler has begun to stop: it then takes no more samples."""
        until(lambda: "INFO stopping; " in self.log_file.read_text(), "a sampler that stops")

    def wait(self) -> None:
        """Return when it has ended."""
        self.process.communicate(timeout=_END_S)
        self.log = self.log_file.read_text()
        self.exit_code = self.process.returncode

    @property
    def last_words(self) -> tuple[int, int]:
        """Records delivered and dropped, as the last line of its log has them."""
        found = _STOPPED.findall(self.log)
        assert len(found) == 1, self.log
        delivered, dropped = found[0]
        return int(delivered), int(dropped)


@contextmanager
def sampling(
    topic: str, interval: float, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[Sampler]:
    """Samples of this machine to `topic`, until `end` or the end of the block."""
    port = free_port()
    arguments = ("procstat", "--topic", topic, "--interval", str(interval), "--node", "this-machine")
    listen = ("--metrics-host", "127.0.0.1", "--metrics-port", str(port))
    with NamedTemporaryFile("a") as log:
        process = commands.start("procstream-producer", *arguments, *listen, *options, env=env, log=log)
        try:
            yield Sampler(process, f"http://127.0.0.1:{port}", Path(log.name))
        finally:
            process.kill()
            process.wait()

"""The cost of the sampler: CPU time per sample and resident memory of the real process.

Needs a broker and a registry, with the same environment as the sampler (`KAFKA_BOOTSTRAP_SERVERS`,
`SCHEMA_REGISTRY_URL`, …). Sends real samples to `KAFKA_TOPIC` (default `procstat_snapshots`).

    python bench/sampler.py [--seconds 30] [--json]
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from procstream_common.proxies import bypass_proxies

WARM_UP_SECONDS = 5.0
START_SECONDS = 60.0
AIM_CORE_PERCENT = 0.2
AIM_RSS_MB = 45.0


@dataclass(frozen=True)
class Cost:
    """The cost in one run; MB is 10^6 bytes."""

    hertz: float
    seconds: float
    samples: int
    skipped: int
    cpu_us_per_sample: float
    core_percent: float
    rss_mb: float


@contextmanager
def sampler(interval: float) -> Iterator[tuple[psutil.Process, str]]:
    """A running sampler and the address of its metrics."""
    command = [sys.executable, "-m", "procstream_producer.cli", "procstat", "--interval", str(interval)]
    options = ["--metrics-host", "127.0.0.1", "--metrics-port", "0"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        address: list[str] = []
        ready = threading.Event()

        def follow() -> None:
            assert process.stderr is not None
            for line in process.stderr:
                print(f"  {line}", end="", file=sys.stderr)
                if found := re.search(r"/metrics and /healthz at (\S+)", line):
                    address.append(found[1])
                if "sampling" in line:
                    ready.set()

        threading.Thread(target=follow, daemon=True).start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not ready.wait(0.1):
                if process.poll() is not None or time.monotonic() > deadline:
                    sys.exit("the sampler did not start")
            yield psutil.Process(process.pid), address[0]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time of all threads, from the scheduler's nanoseconds: clock ticks of 10 ms are too coarse."""
    tasks = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def metric(address: str, name: str) -> int:
    """The value of a counter."""
    with urllib.request.urlopen(f"{address}/metrics") as response:
        text = response.read().decode()
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found is not None, name
    return int(float(found[1]))


def measure(hertz: float, seconds: float) -> Cost:
    """Run the sampler at `hertz`, and measure it for `seconds` after a warm-up."""
    with sampler(1 / hertz) as (process, address):
        time.sleep(WARM_UP_SECONDS)
        samples = metric(address, "procstream_producer_records_delivered_total")
        cpu, started = cpu_seconds(process), time.monotonic()
        time.sleep(seconds)
        cpu, elapsed = cpu_seconds(process) - cpu, time.monotonic() - started
        samples = metric(address, "procstream_producer_records_delivered_total") - samples
        return Cost(
            hertz=hertz,
            seconds=round(elapsed, 1),
            samples=samples,
            skipped=metric(address, "procstream_producer_ticks_skipped_total"),
            cpu_us_per_sample=round(cpu / samples * 1e6, 1),
            core_percent=round(cpu / elapsed * 100, 3),
            rss_mb=round(process.memory_info().rss / 1e6, 1),
        )


def show(costs: list[Cost]) -> None:
    """Print the table."""
    print(f"{'Hz':>4} {'samples':>8} {'skipped':>8} {'CPU us/sample':>14} {'% of a core':>12} {'RSS MB':>7}")
    for cost in costs:
        print(
            f"{cost.hertz:4g} {cost.samples:8d} {cost.skipped:8d} {cost.cpu_us_per_sample:14.1f} "
            f"{cost.core_percent:12.3f} {cost.rss_mb:7.1f}"
        )


def main() -> None:
    """Measure at 1 Hz, as on a node, and at 50 Hz, where samples cost more than the idle process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    bypass_proxies()
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each run")
    parser.add_argument("--json", action="store_true", help="one JSON line instead of the table")
    arguments = parser.parse_args()
    costs = [measure(hertz, arguments.seconds) for hertz in (1, 50)]
    if not arguments.json:
        show(costs)
        return
    at_1_hz = costs[0]
    within = at_1_hz.core_percent < AIM_CORE_PERCENT and at_1_hz.rss_mb < AIM_RSS_MB
    report = {
        "bench": "sampler",
        "cpus": os.cpu_count(),
        "runs": [asdict(cost) for cost in costs],
        "aim": {"core_percent": AIM_CORE_PERCENT, "rss_mb": AIM_RSS_MB, "met": within},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()

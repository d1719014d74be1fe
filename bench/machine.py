"""The machine and the versions behind the numbers."""

import os
import platform
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import psutil
from procstream_local.stack.artifacts import Artifacts


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The properties of the machine that a rate depends on."""

    measured_at: str
    cpu: str
    cores: int
    memory_gib: float
    kernel: str
    java: str
    flink: str
    kafka: str
    load_before: float
    """Load average of the last minute before the start: above 0.5, other programs are running too."""


def describe(parts: Artifacts) -> Machine:
    """Collect the facts about this machine and the installed versions."""
    broker = next(parts.kafka.glob("kafka-server-[0-9]*.jar"), None) or next(
        parts.kafka.glob("kafka-clients-*.jar")
    )
    return Machine(
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        cpu=_cpu_model(),
        cores=os.cpu_count() or 0,
        memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
        kernel=platform.release(),
        java=_java_version(parts.java),
        flink=metadata.version("apache-flink"),
        kafka=broker.stem.rpartition("-")[2],
        load_before=round(os.getloadavg()[0], 2),
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()


def _java_version(java: Path) -> str:
    output = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    return output.split('"')[1] if '"' in output else output.strip()

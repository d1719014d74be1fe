"""A reading as a record of the schema `ProcstatSnapshot`."""

import uuid
from typing import Any

from procstream_producer.procstat.parser import CpuTimes, ProcStat


def snapshot(
    stat: ProcStat, *, identity: uuid.UUID, node: str, timestamp_ms: int, ticks_per_second: int
) -> dict[str, Any]:
    """The record of one reading.

    Args:
        stat: the reading.
        identity: unique for every snapshot.
        node: name of the node, also the record's key.
        timestamp_ms: when the file was read, milliseconds since 1970 UTC.
        ticks_per_second: unit of the CPU times, `sysconf(_SC_CLK_TCK)`.
    """
    boot = stat.boot_time_seconds
    return {
        "uuid": str(identity),
        "node": node,
        "timestamp": timestamp_ms,
        "boot_time": None if boot is None else boot * 1000,
        "clock_ticks_per_second": ticks_per_second,
        "cpus": [_cpu(times) for times in stat.cpus],
        "context_switches": stat.context_switches,
        "processes_created": stat.processes_created,
        "processes_running": stat.processes_running,
        "processes_blocked": stat.processes_blocked,
        "interrupts": stat.interrupts,
        "softirqs": stat.softirqs,
    }


def _cpu(times: CpuTimes) -> dict[str, Any]:
    return {
        "cpu": times.cpu,
        "user": times.user,
        "nice": times.nice,
        "system": times.system,
        "idle": times.idle,
        "iowait": times.iowait,
        "irq": times.irq,
        "softirq": times.softirq,
        "steal": times.steal,
        "guest": times.guest,
        "guest_nice": times.guest_nice,
    }

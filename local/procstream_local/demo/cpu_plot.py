"""This machine's CPU use, read from the lake and plotted in the terminal."""

import itertools
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import plotext
import pyarrow.dataset as ds

_COLUMNS = ["node", "timestamp", "cpus"]
_IDLE = ("idle", "iowait")
# Without guest and guest_nice: the kernel includes them in user and nice (man 5 proc).
_BUSY = ("user", "nice", "system", "irq", "softirq", "steal")


def busy_shares(snapshots: Sequence[dict[str, Any]]) -> list[tuple[datetime, float]]:
    """Busy share of all CPUs, 0 to 100 %, between each snapshot of a node and the one before it.

    Intervals in which a counter decreased (a reboot, a removed CPU) are omitted.
    """
    ordered = sorted(snapshots, key=lambda snapshot: snapshot["timestamp"])
    shares = []
    for before, after in itertools.pairwise(ordered):
        first, second = before["cpus"][0], after["cpus"][0]
        busy = _ticks(second, _BUSY) - _ticks(first, _BUSY)
        idle = _ticks(second, _IDLE) - _ticks(first, _IDLE)
        if busy >= 0 and idle >= 0 and busy + idle > 0:
            shares.append((after["timestamp"], 100 * busy / (busy + idle)))
    return shares


def draw(dataset: ds.Dataset, width: int, since: datetime) -> str:
    """The plot as text, of the committed snapshots since `since`; empty with fewer than two."""
    rows = dataset.to_table(columns=_COLUMNS, filter=ds.field("timestamp") >= since).to_pylist()
    shares = busy_shares(rows)
    if not shares:
        return ""
    start = shares[0][0]
    plotext.clear_figure()
    plotext.plot_size(min(width, 100) - 1, 14)
    plotext.plot(
        [(time - start).total_seconds() for time, _ in shares],
        [share for _, share in shares],
        marker="braille",
    )
    plotext.ylim(0, 100)
    plotext.title(f"CPU use of {rows[0]['node']}, % (from the Parquet)")
    plotext.xlabel(f"seconds since {start:%H:%M:%S} UTC")
    # Without colour codes: the output may be a file or a pipe.
    return str(plotext.uncolorize(plotext.build())).rstrip()


def _ticks(cpu: dict[str, Any], kinds: Sequence[str]) -> int:
    return sum(cpu[kind] or 0 for kind in kinds)

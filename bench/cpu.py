"""CPU time of a process and of its descendants, which may end before the measurement does."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

import psutil

_LOOK_SECONDS = 0.25


@dataclass(frozen=True)
class CpuTimes:
    """Seconds of CPU since the processes began; `at` in seconds since 1970."""

    at: float
    own: float
    descendants: float


class CpuMeter:
    """Samples a process and its descendants several times a second."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._seen: list[CpuTimes] = []
        self._ending = threading.Event()

    @contextmanager
    def running(self) -> "Iterator[CpuMeter]":
        """Sample while the block runs."""
        thread = threading.Thread(target=self._watch, name="cpu", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            thread.join()

    def between(self, start: float, end: float) -> tuple[float, float]:
        """Seconds of CPU from `start` to `end` (seconds since 1970): the process's own, its descendants'."""
        first, last = self._interpolated(start), self._interpolated(end)
        return last.own - first.own, last.descendants - first.descendants

    def _watch(self) -> None:
        by_pid: dict[int, float] = {}
        while True:
            ending = self._ending.wait(_LOOK_SECONDS)
            own = _cpu_seconds(self._process)
            for child in self._process.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    # A process that has ended keeps its last sample.
                    by_pid[child.pid] = _cpu_seconds(child)
            self._seen.append(CpuTimes(time.time(), own, sum(by_pid.values())))
            if ending:
                return

    def _interpolated(self, at: float) -> CpuTimes:
        for before, after in pairwise(self._seen):
            if before.at <= at <= after.at:
                share = (at - before.at) / (after.at - before.at)
                return CpuTimes(
                    at,
                    before.own + share * (after.own - before.own),
                    before.descendants + share * (after.descendants - before.descendants),
                )
        raise ValueError(f"{at}: expected a time from {self._seen[0].at} to {self._seen[-1].at}")


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)

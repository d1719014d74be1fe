"""Processes that go on after the command that started them, and are known again by a later one."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil
from procstream_common.errors import ProcstreamError
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from procstream_local.home import ProcessRecord

_STOP_SECONDS = 20


def start(argv: Sequence[str], *, env: Mapping[str, str], log: Path) -> ProcessRecord:
    """Start a process in a session of its own (Ctrl-C in the terminal does not reach it), output to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return ProcessRecord(pid=process.pid, create_time=psutil.Process(process.pid).create_time())


def find(record: ProcessRecord | None) -> psutil.Process | None:
    """The live process of a record, or None when it has ended."""
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.create_time) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def wait_until_ready(
    name: str, record: ProcessRecord, probe: Callable[[], bool], log: Path, timeout: float
) -> None:
    """Return once `probe` is true. Raises at once when the process ends, and after `timeout` seconds."""

    @retry(
        retry=retry_if_result(lambda ready: not ready), stop=stop_after_delay(timeout), wait=wait_fixed(0.1)
    )
    def poll() -> bool:
        if find(record) is None:
            raise ProcstreamError(f"{name} ended before it was ready: {_last_line(log)} (all of it in {log})")
        return probe()

    try:
        poll()
    except RetryError:
        raise ProcstreamError(f"{name} was not ready after {timeout:.0f} s; its log is {log}") from None


def stop(records: Iterable[ProcessRecord]) -> None:
    """End processes and their children: SIGTERM to all, then SIGKILL for what is left after 20 s."""
    processes = [process for process in map(find, records) if process is not None]
    family = [*processes, *(child for process in processes for child in process.children(recursive=True))]
    for member in family:
        _signal(member.terminate)
    _, left = psutil.wait_procs(family, timeout=_STOP_SECONDS)
    for member in left:
        _signal(member.kill)
    psutil.wait_procs(left, timeout=_STOP_SECONDS)


def _signal(send: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        send()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it wrote nothing"

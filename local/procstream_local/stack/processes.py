"""Processes that outlive the command that started them, and that later commands find again."""

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

import psutil
from procstream_common.errors import ProcstreamError
from tenacity import RetryError, retry, retry_if_result, stop_after_delay, wait_fixed

from procstream_local.stack.records import ProcessRecord

_STOP_SECONDS = 20


class Identity(TypedDict, total=False):
    """See `identity`."""

    user: str
    group: int
    extra_groups: list[str | int]
    cwd: str


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    log: Path,
    user: str | None = None,
    descriptors: Sequence[int] = (),
    stop_signal: int = signal.SIGTERM,
) -> ProcessRecord:
    """Start a process in its own session (Ctrl-C in the terminal does not reach it), its output in `log`.

    `user` is another user to run it as, which only root may set. The process inherits the open
    `descriptors`. `stop` sends `stop_signal`.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=descriptors,
            **identity(user),
        )
    return ProcessRecord(
        pid=process.pid,
        create_time=psutil.Process(process.pid).create_time(),
        stop_signal=stop_signal,
    )


def identity(user: str | None) -> Identity:
    """Arguments of `subprocess.Popen` to run as `user`, without the groups of this process."""
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": [], "cwd": "/"}


def find(record: ProcessRecord | None) -> psutil.Process | None:
    """The running process of a record, or None if it has ended."""
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
    """Return when `probe` is true. Raises `ProcstreamError` if it ends, or after `timeout` seconds."""

    @retry(
        retry=retry_if_result(lambda ready: not ready), stop=stop_after_delay(timeout), wait=wait_fixed(0.1)
    )
    def poll() -> bool:
        if find(record) is None:
            raise ProcstreamError(f"{name} ended before it was ready: {_last_line(log)} (full log: {log})")
        return probe()

    try:
        poll()
    except RetryError:
        raise ProcstreamError(f"{name} was not ready after {timeout:.0f} s; its log is {log}") from None


def stop(records: Iterable[ProcessRecord]) -> None:
    """End processes and their children: first the stop signal, after 20 s SIGKILL.

    A process with its own stop signal gets it alone: it ends its children in its own order.
    """
    family: list[psutil.Process] = []
    for record in records:
        process = find(record)
        if process is None:
            continue
        children = _children(process)
        family += [process, *children]
        _send(process, record.stop_signal)
        if record.stop_signal == signal.SIGTERM:
            for child in children:
                _send(child, signal.SIGTERM)
    _, left = psutil.wait_procs(family, timeout=_STOP_SECONDS)
    for member in left:
        _send(member, signal.SIGKILL)
    psutil.wait_procs(left, timeout=_STOP_SECONDS)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _send(process: psutil.Process, number: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it printed nothing"

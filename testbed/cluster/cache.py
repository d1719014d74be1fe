"""What is built once and kept: `~/.cache/procstream/kubernetes/NAME-KEY`, where KEY hashes the sources."""

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from procstream_common.errors import ProcstreamError
from procstream_local.stack.artifacts import cache_folder

from testbed.cluster import trees

FOLDER = cache_folder() / "kubernetes"


def key(*sources: str | Path) -> str:
    """Twelve digits that change with any of the texts, files or folders."""
    digest = hashlib.sha256()
    for source in sources:
        if isinstance(source, str):
            digest.update(source.encode())
            continue
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for file in (file for file in files if file.is_file()):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def built(name: str, notice: str, build: Callable[[Path], None]) -> Path:
    """The path of the file or folder `name`; if it does not exist, `build` creates it at the path it gets.

    Other processes that need the same name wait. An interrupted build leaves nothing at the final path.
    """
    path = FOLDER / name
    if path.exists():
        return path
    with lock(name, notice):
        for abandoned in FOLDER.glob(f"{name}.*"):
            trees.remove(abandoned)
        if path.exists():  # another process has built it meanwhile
            return path
        _say(f"building {notice} …")
        begin = time.monotonic()
        partial = FOLDER / f"{name}.{os.getpid()}"
        try:
            build(partial)
            partial.rename(path)
        finally:
            trees.remove(partial)
        _say(f"… took {time.monotonic() - begin:.0f} s")
    return path


def run(
    what: str, argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run one step of a build. Raises `ProcstreamError` with its last line; the log has all of its output."""
    log = FOLDER / "logs" / f"{re.sub(r'[^a-z0-9.]+', '-', what.lower())}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        output.write(f"\n{' '.join(argv)}\n")
        output.flush()
        result = subprocess.run(
            argv,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if result.returncode != 0:
        lines = log.read_text(errors="replace").strip().splitlines()
        raise ProcstreamError(f"{what}: {argv[0]} failed: {lines[-1]} (its output is in {log})")


@contextmanager
def lock(name: str, notice: str) -> Iterator[None]:
    """Held by one process of this machine at a time; `notice` is shown while another one has it."""
    path = FOLDER / "locks" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"waiting for another process: {notice} …")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _say(text: str) -> None:
    print(f"test cluster: {text}", file=sys.stderr, flush=True)

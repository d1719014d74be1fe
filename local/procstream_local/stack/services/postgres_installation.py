"""Which PostgreSQL the embedded stack runs, and as which user: the server refuses to run as root."""

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from procstream_common.errors import ProcstreamError

from procstream_local.stack.processes import identity

_DEBIAN = Path("/usr/lib/postgresql")
_UNPRIVILEGED = ("postgres", "nobody")
_COPIES = Path("/var/cache/procstream")


@dataclass(frozen=True)
class Installation:
    """A folder with `initdb`, `postgres` and perhaps `psql`, and its major version."""

    bin: Path
    major: int


def server_user(data: Path) -> str | None:
    """The user that the server runs as, or None for the user of this command.

    For root it is the owner of the `data`, or an unprivileged account if there are none yet. Raises
    `ProcstreamError` if there is no such account, or another user owns the data.
    """
    if os.geteuid() != 0:
        if data.exists() and data.stat().st_uid != os.geteuid():
            raise ProcstreamError(
                f"{data}: found the owner {data.owner()}; expected the user of this command"
            )
        return None
    if data.exists():
        return data.owner()
    accounts = {entry.pw_name for entry in pwd.getpwall()}
    for name in _UNPRIVILEGED:
        if name in accounts:
            return name
    raise ProcstreamError(
        f"PostgreSQL does not run as root; expected an account named {' or '.join(_UNPRIVILEGED)}"
    )


def find(user: str | None, major: int | None = None) -> Installation:
    """The first PostgreSQL that `user` can run: on the PATH, Debian's, or the one in the package pgserver.

    `major` is the version that existing data need. Raises `ProcstreamError` if there is none.
    """
    others = []
    for folder in _candidates(user):
        found = _major(folder, user)
        if found is not None and major in (None, found):
            return Installation(folder, found)
        others.append(f"{folder} ({found or 'does not run'})")
    wanted = f"PostgreSQL {major}, which created the data" if major else "a PostgreSQL server"
    raise ProcstreamError(f"found {', '.join(others) or 'no PostgreSQL'}; expected {wanted}")


def _candidates(user: str | None) -> Iterator[Path]:
    """Folders of binaries, best first."""
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    yield from sorted(_DEBIAN.glob("*/bin"), key=lambda folder: folder.parent.name, reverse=True)
    package = importlib.util.find_spec("pgserver")
    if package is not None and package.origin is not None:
        own = Path(package.origin).parent / "pginstall"
        yield own / "bin"
        if user is not None:
            yield _copy(own) / "bin"


def _copy(installation: Path) -> Path:
    """A copy for a user who cannot enter the folder of our packages, for example below /root."""
    copy = _COPIES / f"postgresql-{version('pgserver')}"
    if copy.is_dir():
        return copy
    partial = copy.with_name(f"{copy.name}.{os.getpid()}")
    try:
        _COPIES.mkdir(parents=True, exist_ok=True)
        _COPIES.chmod(0o755)
        shutil.copytree(installation, partial, ignore=shutil.ignore_patterns("include", "*.a"))
        partial.chmod(0o755)
        partial.rename(copy)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if not copy.is_dir():  # otherwise another command was first
            raise ProcstreamError(f"{copy}: PostgreSQL could not be copied here: {error.strerror}") from error
    return copy


def _major(folder: Path, user: str | None) -> int | None:
    if not (folder / "initdb").exists():
        return None
    try:
        result = subprocess.run(
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            check=False,
            **identity(user),
        )
    except OSError:  # the user cannot reach it
        return None
    match = re.search(r"\(PostgreSQL\) (\d+)", result.stdout)
    return int(match[1]) if match else None

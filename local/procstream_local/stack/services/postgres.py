"""PostgreSQL, an optional service: one database, one user, on 127.0.0.1 only.

The server's user owns the data folder, but often may not enter the folders above it: a home below /root, or a
temporary folder. So the server inherits the open folder and names it by its descriptor (/proc/self/fd/N,
man 5 proc). No permissions outside our own folder change.
"""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from procstream_common import postgres
from procstream_common.errors import ProcstreamError, ServerError
from procstream_common.settings import PostgresSettings, load

from procstream_local.stack import processes
from procstream_local.stack.records import ProcessRecord
from procstream_local.stack.services import Service
from procstream_local.stack.services.postgres_installation import find, server_user

NAME = "postgres"
DATABASE = USER = "procstream"
_HOST = "127.0.0.1"
_CONNECT_SECONDS = 2
_INITDB = ("-U", USER, "--auth=scram-sha-256", "--pwfile=/dev/stdin", "--encoding=UTF8", "--no-locale")
_SETTINGS = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def service(folder: Path, port: int) -> Service:
    """The server, with its data and its password in `folder`."""
    return Service(
        name=NAME,
        start=lambda log: _start(folder, port, log),
        prepare=lambda: _prepare(folder),
        ready=lambda: is_ready(folder, port),
    )


def environment(folder: Path, port: int) -> dict[str, str]:
    """The variables that point procstream's commands to the database; empty before its first start."""
    password = _read_password(folder)
    if password is None:
        return {}
    return {
        "POSTGRES_URL": f"postgresql://{_HOST}:{port}/{DATABASE}",
        "POSTGRES_USER": USER,
        "POSTGRES_PASSWORD": password,
    }


def is_ready(folder: Path, port: int) -> bool:
    """Whether our user can connect to the database."""
    variables = environment(folder, port)
    if not variables:
        return False
    try:
        postgres.connect(load(PostgresSettings, variables), timeout=_CONNECT_SECONDS).close()
    except ServerError:
        return False
    return True


def psql(folder: Path, port: int, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Command and environment of PostgreSQL's own client, connected to the database.

    Raises `ProcstreamError` if it is not installed.
    """
    beside = find(server_user(folder / "data"), _major(folder / "data")).bin / "psql"
    client = str(beside) if os.access(beside, os.X_OK) else shutil.which("psql")
    if client is None:
        raise ProcstreamError(f"psql: found none in the server's folder ({beside.parent}) or on the PATH")
    variables = {
        "PGHOST": _HOST,
        "PGPORT": str(port),
        "PGDATABASE": DATABASE,
        "PGUSER": USER,
        "PGPASSWORD": _read_password(folder) or "",
    }
    return [client, *arguments], variables


def _prepare(folder: Path) -> None:
    """Create the database cluster; the folder gets its final name when it is complete."""
    data, partial = folder / "data", folder / "data.new"
    if data.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # the server's user must enter it, whatever our umask is
    user = server_user(data)
    installation = find(user)
    password = folder / "password"
    if not password.exists():
        _write_private(password, secrets.token_urlsafe(24))
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    if user is not None:
        for path in (partial, password):
            shutil.chown(path, user)
    with _handed_over(partial, user) as (name, descriptors):

        def run(program: str, *arguments: str, given: IO[bytes]) -> None:
            result = subprocess.run(
                [str(installation.bin / program), *arguments],
                stdin=given,
                capture_output=True,
                text=True,
                check=False,
                pass_fds=descriptors,
                **processes.identity(user),
            )
            if result.returncode != 0:
                raise ProcstreamError(f"{program} could not create the database: {result.stderr.strip()}")

        with password.open("rb") as given:
            run("initdb", "-D", name, *_INITDB, given=given)
        with TemporaryFile() as statement:
            statement.write(f"CREATE DATABASE {DATABASE}\n".encode())
            statement.seek(0)
            run("postgres", "--single", "-D", name, "postgres", given=statement)
    partial.rename(data)


def _start(folder: Path, port: int, log: Path) -> ProcessRecord:
    data = folder / "data"
    user = server_user(data)
    installation = find(user, _major(data))
    with _handed_over(data, user) as (name, descriptors):
        argv = [str(installation.bin / "postgres"), "-D", name, "-p", str(port)]
        argv += [text for key, value in _SETTINGS.items() for text in ("-c", f"{key}={value}")]
        return processes.start(
            argv,
            env={},
            log=log,
            user=user,
            descriptors=descriptors,
            # "Fast shutdown": after SIGTERM it would wait for all clients to disconnect (PostgreSQL, 19.5).
            stop_signal=signal.SIGINT,
        )


@contextmanager
def _handed_over(data: Path, user: str | None) -> Iterator[tuple[str, Sequence[int]]]:
    """The server's name for its folder, and the descriptors that it must inherit."""
    if user is None:
        yield str(data), ()
        return
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}", (descriptor,)
    finally:
        os.close(descriptor)


def _major(data: Path) -> int | None:
    """Version of the server that created the data."""
    try:
        return int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def _read_password(folder: Path) -> str | None:
    try:
        return (folder / "password").read_text().strip()
    except FileNotFoundError:
        return None


def _write_private(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(path)

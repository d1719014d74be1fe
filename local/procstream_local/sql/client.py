"""A SQL gateway with every topic as a table, and Flink's own client for it."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from procstream_common.errors import ProcstreamError
from procstream_job.topics.sql_catalog import tables_file
from procstream_job.topics.sql_catalog.tables_file import RunningPipeline

from procstream_local import stack
from procstream_local.sql import gateway
from procstream_local.sql.statements import split_statements
from procstream_local.stack import artifacts
from procstream_local.stack.home import Home
from procstream_local.stack.services import sql_gateway

# The client runs for a short time: a quick start matters more than peak speed.
_JVM = "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def connect(home: Home, env: Mapping[str, str], progress: Callable[[str], None]) -> str:
    """Start the stack's gateway if it does not run, and list every topic as a table; returns its address.

    Raises `ProcstreamError` if the stack is not up, or Kafka or the registry does not answer.
    """
    record = stack.start_optional(home, sql_gateway.NAME, progress)
    progress("reading the topics")
    write_tables(home, env)
    return f"127.0.0.1:{record.ports[sql_gateway.NAME]}"


def become_client(home: Home, address: str) -> None:
    """Replace this process by Flink's SQL client, connected to the gateway at `address`, HOST:PORT."""
    home.create()
    parts, folder = artifacts.find(), home.path / "sql"
    argv = ["bash", str(parts.flink / "bin" / "sql-client.sh"), "gateway"]
    argv += ["--endpoint", address, "--history", str(folder / "history")]
    env = {**os.environ, **sql_gateway.client_environment(folder, parts)}
    env["JVM_ARGS"] = f"{_JVM} {os.environ.get('JVM_ARGS', '')}".strip()
    os.execvpe(argv[0], argv, env)  # noqa: S606


def write_tables(home: Home, env: Mapping[str, str]) -> None:
    """List every topic as a table, for all sessions of the gateway."""
    running = [
        RunningPipeline(source=pipeline.source, env=pipeline.variables)
        for pipeline in home.read().pipelines.values()
        if pipeline.active
    ]
    tables_file.update(sql_gateway.tables_file(home.path / "sql"), tables_file.document(running, env))


def check_address(address: str) -> None:
    """Raise `ProcstreamError` if no gateway answers at `address`, HOST:PORT."""
    if not re.fullmatch(r"[^\s/@]+:\d{1,5}", address):
        raise ProcstreamError(f"--address: found {address!r}; expected HOST:PORT, such as localhost:8083")
    with gateway.session(address):
        pass


def read_statements(text: str | None, file: Path | None) -> list[str] | None:
    """The statements of `-e` or `-f`, or None without either.

    Raises `ProcstreamError` if both are set, the file cannot be read, or there is no statement.
    """
    if text is not None and file is not None:
        raise ProcstreamError("-e and -f: found both; expected one")
    if file is not None:
        try:
            text = file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ProcstreamError(f"{file}: not readable: {error}") from None
    if text is None:
        return None
    statements = split_statements(text)
    if not statements:
        raise ProcstreamError(f"{file or '-e'}: found no statement; expected SQL")
    return statements

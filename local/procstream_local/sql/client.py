"""`procstream sql`: Flink's own SQL client on the stack's gateway."""

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from procstream_common.errors import ProcstreamError

from procstream_local import artifacts, stack
from procstream_local.home import Home
from procstream_local.services import sql_gateway
from procstream_local.sql import catalog_file

# The client is small and short-lived: quick to start matters more than peak speed.
_JVM = "-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Client:
    """How to start the SQL client: its command line so far, and variables beside those of this process."""

    argv: list[str]
    env: Mapping[str, str]

    def interactive(self) -> None:
        """Become the client."""
        os.execvpe(self.argv[0], self.argv, {**os.environ, **self.env})  # noqa: S606

    def run(self, statements: str) -> int:
        """Run SQL to its end, results on standard output; returns the client's exit code."""
        with TemporaryDirectory(prefix="procstream-sql") as folder:
            script = Path(folder) / "statements.sql"
            script.write_text(statements)
            argv = [*self.argv, "-f", str(script), "-Dsql-client.execution.result-mode=tableau"]
            return subprocess.run(argv, env={**os.environ, **self.env}, check=False).returncode


def connect(home: Home, env: Mapping[str, str], progress: Callable[[str], None]) -> Client:
    """Start the gateway if it is not up and make every topic a table.

    Raises `ProcstreamError` when the stack is not up, or Kafka or the registry does not answer.
    """
    record = stack.start_optional(home, sql_gateway.NAME, progress)
    progress("looking at the topics")
    write_tables(home, env)
    folder = home.path / "sql"
    parts = artifacts.find()
    argv = ["bash", str(parts.flink / "bin" / "sql-client.sh"), "gateway"]
    argv += [
        "--endpoint",
        f"127.0.0.1:{record.ports[sql_gateway.NAME]}",
        "--history",
        str(folder / "history"),
    ]
    variables = sql_gateway.environment(folder, home.path / "flink", parts)
    return Client(argv, {**variables, "JVM_ARGS": f"{_JVM} {env.get('JVM_ARGS', '')}".strip()})


def write_tables(home: Home, env: Mapping[str, str]) -> None:
    """Make every topic a table, for all sessions of the gateway."""
    active = [pipeline for pipeline in home.read().pipelines.values() if pipeline.active]
    catalog_file.write(sql_gateway.tables_file(home.path / "sql"), active, env)


def read_statements(text: str | None, file: Path | None) -> str | None:
    """SQL given by one of `-e` and `-f`, or None without either. Raises `ProcstreamError` for both."""
    if text is not None and file is not None:
        raise ProcstreamError("-e and -f: found both; expected one")
    if file is not None:
        try:
            return file.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise ProcstreamError(f"{file}: not readable: {error}") from None
    # The client wants every statement ended, a person gives one.
    return None if text is None else f"{text.rstrip().rstrip(';')};\n"

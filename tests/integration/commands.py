"""The project's own commands, run as a user runs them."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

UNREACHABLE_PROXY = {
    name: "http://127.0.0.1:1"
    for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    for name in (upper, upper.lower())
}
"""The environment of a machine whose proxy cannot be reached."""

_BIN = Path(sys.executable).parent


def run(
    command: str, *arguments: str, env: Mapping[str, str] | None = None, timeout: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; `env` extends this process's environment. Any exit code is accepted."""
    return subprocess.run(
        [_BIN / command, *arguments],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def start(
    command: str, *arguments: str, env: Mapping[str, str] | None = None, log: IO[str] | None = None
) -> "subprocess.Popen[str]":
    """A command that runs until it is stopped; its stderr goes to `log`, or to a pipe."""
    return subprocess.Popen(
        [_BIN / command, *arguments],
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=log or subprocess.PIPE,
        text=True,
    )


def run_json(command: str, *arguments: str, env: Mapping[str, str] | None = None) -> Any:
    """The last line that a successful command prints, parsed as JSON."""
    result = run(command, *arguments, env=env)
    assert result.returncode == 0, f"{command} {' '.join(arguments)}: {result.stdout}{result.stderr}"
    return json.loads(result.stdout.strip().splitlines()[-1])

"""Runs every procstream command: an error is one line on stderr and a non-zero exit code."""

import sys
from collections.abc import Callable
from typing import Any

from procstream_common.errors import ProcstreamError
from procstream_common.proxies import bypass_proxies


def run(app: Callable[..., Any]) -> None:
    """Run a Typer app (or any callable); print a `ProcstreamError` as `error: …` and exit with its code."""
    bypass_proxies()
    try:
        app()
    except ProcstreamError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)

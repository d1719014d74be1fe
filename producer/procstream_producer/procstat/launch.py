"""From the command line's process to the lean one that samples."""

import os
import signal
import sys
from typing import NoReturn

from procstream_producer.procstat.config import CONFIG_VARIABLE, SamplerConfig
from procstream_producer.stop import STOP_SIGNALS


def start(config: SamplerConfig) -> NoReturn:
    """Replace this process by the sampling process; process id and open streams stay.

    One sampler runs on every node all the time. Typer, pydantic and httpx, which resolve the options, hold
    about as much memory as sampling itself; the new process imports none of them.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {
        **os.environ,
        CONFIG_VARIABLE: config.dumps(),
        # glibc would give each of librdkafka's threads a heap of its own, which a sampler has no use for.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "1"),
    }
    # A stop that comes while the new process starts is kept for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    # -P: the current folder must not become a place to import from.
    os.execve(  # noqa: S606 - no shell is wanted
        sys.executable, [sys.executable, "-P", "-m", "procstream_producer.procstat"], environment
    )

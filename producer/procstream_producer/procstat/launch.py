"""Replaces the command line's process by a smaller one that samples."""

import os
import signal
import sys
from typing import NoReturn

from procstream_producer.procstat.config import CONFIG_VARIABLE, SamplerConfig
from procstream_producer.stop import STOP_SIGNALS


def start(config: SamplerConfig) -> NoReturn:
    """Replace this process by the sampling process; process id and open streams stay.

    A sampler runs on every node all the time. Typer, pydantic and httpx, which resolve the options, use about
    as much memory as sampling itself. The new process imports none of them.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {
        **os.environ,
        CONFIG_VARIABLE: config.dumps(),
        # By default glibc gives each of librdkafka's threads its own heap, which a sampler does not need.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "1"),
    }
    # A signal that arrives while the new process starts stays pending for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    # -P: the current folder must not become a place to import from.
    os.execve(  # noqa: S606 - no shell is needed
        sys.executable, [sys.executable, "-P", "-m", "procstream_producer.procstat"], environment
    )

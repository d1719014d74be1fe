"""Command line options that several commands share."""

import math
from typing import Annotated

import typer
from procstream_common.errors import SettingsError
from procstream_common.logs import LogFormat, LogLevel

Topic = Annotated[str, typer.Option(envvar="KAFKA_TOPIC", help="Topic to send to.")]
LogFormatOption = Annotated[
    LogFormat, typer.Option(envvar="LOG_FORMAT", help="Format of log lines on stderr.")
]
LogLevelOption = Annotated[
    LogLevel, typer.Option(envvar="LOG_LEVEL", case_sensitive=False, help="Lowest level of log lines.")
]
StartupTimeout = Annotated[
    float,
    typer.Option(
        envvar="STARTUP_TIMEOUT_SECONDS",
        min=0,
        help="Seconds to wait for the registry, if the records need one, and then for the broker.",
    ),
]
FlushTimeout = Annotated[
    float,
    typer.Option(
        envvar="FLUSH_TIMEOUT_SECONDS", min=0, help="Seconds to wait for outstanding deliveries at the end."
    ),
]


def check_interval(interval: float) -> None:
    """Check the seconds between two records.

    Raises:
        SettingsError: it is not a number above 0.
    """
    if not (interval > 0 and math.isfinite(interval)):
        raise SettingsError(f"PRODUCER_INTERVAL_SECONDS: found {interval:g}, expected more than 0 seconds")

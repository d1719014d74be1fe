"""Commands of the sample generators, also available as `procstream produce …`."""

import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from procstream_common.errors import ProcstreamError, SettingsError
from procstream_common.logs import LogFormat, LogLevel, set_up
from procstream_common.settings import KafkaSettings, RegistrySettings, load

from procstream_producer.generators import RecordSource
from procstream_producer.options import (
    FlushTimeout,
    LogFormatOption,
    LogLevelOption,
    StartupTimeout,
    Topic,
    check_interval,
)
from procstream_producer.stop import StopSignal, exit_on_sigterm
from procstream_producer.value_schema import subject_of, value_schema

generate_app = typer.Typer(
    help="Send generated records.", pretty_exceptions_enable=False, no_args_is_help=True
)


def rate(value: str | float) -> float:
    """Records per second; `max` is infinity."""
    try:
        number = math.inf if value == "max" else float(value)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise typer.BadParameter(f"found {value!r}, expected more than 0 records per second, or max")
    return number


def share(option: typer.CallbackParam, value: float) -> float:
    """Check an option that is a share of the records.

    Raises:
        SettingsError: it is not from 0 to 1.
    """
    if not 0 <= value <= 1:
        raise SettingsError(f"{option.opts[0]}: found {value:g}, expected a share of the records, 0 to 1")
    return value


Rate = Annotated[
    float,
    typer.Option(
        "--rate",
        envvar="PRODUCER_RATE",
        parser=rate,
        metavar="NUMBER|max",
        help="Records per second, or max: as fast as the broker accepts them.",
    ),
]
Count = Annotated[
    int | None, typer.Option(min=1, help="Number of records after which to end.", show_default="no end")
]
Duration = Annotated[
    float | None, typer.Option(min=0, help="Seconds after which to end.", show_default="no end")
]
Seed = Annotated[
    int | None,
    typer.Option(help="The same seed generates the same values, except for times.", show_default="a new one"),
]
Malformed = Annotated[
    float, typer.Option(callback=share, help="Share of records (0 to 1) that are malformed, in various ways.")
]


@dataclass(frozen=True, kw_only=True)
class Sending:
    """How records are sent, and until when. `rate` is in records per second, times are in seconds."""

    topic: str
    rate: float
    count: int | None
    duration: float | None
    startup_timeout: float
    flush_timeout: float
    log_format: LogFormat
    log_level: LogLevel


@generate_app.command("lineage-input")
def lineage_input(
    topic: Topic = "lineage-input",
    records_per_second: Rate = 10.0,
    count: Count = None,
    duration: Duration = None,
    startup_timeout: StartupTimeout = 30.0,
    flush_timeout: FlushTimeout = 30.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Send records of a uuid and a timestamp, spread evenly over the topic's partitions.

    Prints one JSON line at the end: what was delivered and dropped, the seconds and the rate. Exit code 1
    if anything was dropped.
    """

    def source() -> RecordSource:
        from procstream_producer.encoding import AvroEncoder
        from procstream_producer.generators.lineage_input import LineageInput

        schema = value_schema(load(RegistrySettings), topic, startup_timeout)
        return LineageInput(
            AvroEncoder(subject=subject_of(topic), schema_id=schema.id, schema_text=schema.schema_text)
        )

    _generate(
        source,
        Sending(
            topic=topic,
            rate=records_per_second,
            count=count,
            duration=duration,
            startup_timeout=startup_timeout,
            flush_timeout=flush_timeout,
            log_format=log_format,
            log_level=log_level,
        ),
    )


@generate_app.command("transactions")
def transactions(
    topic: Topic = "transactions",
    interval: Annotated[
        float, typer.Option(envvar="PRODUCER_INTERVAL_SECONDS", help="Seconds between records.")
    ] = 2.0,
    records_per_second: Annotated[
        float | None,
        typer.Option(
            "--rate",
            envvar="PRODUCER_RATE",
            parser=rate,
            metavar="NUMBER|max",
            help="Records per second, instead of an interval; or max: as fast as the broker accepts them.",
        ),
    ] = None,
    count: Count = None,
    duration: Duration = None,
    seed: Seed = None,
    malformed: Malformed = 0.0,
    startup_timeout: StartupTimeout = 30.0,
    flush_timeout: FlushTimeout = 30.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Send card payments as JSON, keyed by user; about 5 % are above 5000.

    Prints one JSON line at the end: what was delivered and dropped, how many of the records were
    malformed, the seconds and the rate. Exit code 1 if anything was dropped.
    """

    def source() -> RecordSource:
        from procstream_producer.generators.transactions import Transactions

        return Transactions(seed=seed, malformed=malformed)

    check_interval(interval)
    _generate(
        source,
        Sending(
            topic=topic,
            rate=1 / interval if records_per_second is None else records_per_second,
            count=count,
            duration=duration,
            startup_timeout=startup_timeout,
            flush_timeout=flush_timeout,
            log_format=log_format,
            log_level=log_level,
        ),
    )


@generate_app.command("splitpay")
def splitpay(
    topic: Topic = "topic_splitpay",
    records_per_second: Rate = 5.0,
    count: Count = None,
    duration: Duration = None,
    seed: Seed = None,
    malformed: Malformed = 0.0,
    repeat: Annotated[
        float,
        typer.Option(
            callback=share,
            help="Share of the well-formed records (0 to 1) with an earlier event_id and another location.",
        ),
    ] = 0.0,
    startup_timeout: StartupTimeout = 30.0,
    flush_timeout: FlushTimeout = 30.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Send split bills as nested JSON, keyed by event_id.

    Prints one JSON line at the end: what was delivered and dropped, how many of the records were
    malformed or repeated, the seconds and the rate. Exit code 1 if anything was dropped.
    """

    def source() -> RecordSource:
        from procstream_producer.generators.splitpay import SplitPay

        return SplitPay(seed=seed, malformed=malformed, repeat=repeat)

    _generate(
        source,
        Sending(
            topic=topic,
            rate=records_per_second,
            count=count,
            duration=duration,
            startup_timeout=startup_timeout,
            flush_timeout=flush_timeout,
            log_format=log_format,
            log_level=log_level,
        ),
    )


@generate_app.command("orders")
def orders(
    topic: Topic = "partitioned-topic",
    records_per_second: Rate = 20.0,
    count: Count = None,
    duration: Duration = None,
    seed: Seed = None,
    malformed: Malformed = 0.0,
    late: Annotated[
        float,
        typer.Option(callback=share, help="Share of the well-formed records (0 to 1) that are late."),
    ] = 0.0,
    late_by: Annotated[
        float, typer.Option(help="Maximum lateness of a late record in seconds; the minimum is half of it.")
    ] = 60.0,
    startup_timeout: StartupTimeout = 30.0,
    flush_timeout: FlushTimeout = 30.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Send orders as JSON, keyed by customer; event times are up to a second out of order.

    Prints one JSON line at the end: what was delivered and dropped, how many of the records were
    malformed or late, the seconds and the rate. Exit code 1 if anything was dropped.
    """

    def source() -> RecordSource:
        from procstream_producer.generators.orders import Orders

        return Orders(seed=seed, malformed=malformed, late=late, late_by=late_by)

    if not (late_by > 0 and math.isfinite(late_by)):
        raise SettingsError(f"--late-by: found {late_by:g}, expected more than 0 seconds")
    _generate(
        source,
        Sending(
            topic=topic,
            rate=records_per_second,
            count=count,
            duration=duration,
            startup_timeout=startup_timeout,
            flush_timeout=flush_timeout,
            log_format=log_format,
            log_level=log_level,
        ),
    )


def _generate(make_source: Callable[[], RecordSource], sending: Sending) -> None:
    from procstream_common.kafka import KafkaCluster

    from procstream_producer.delivery import kafka
    from procstream_producer.generators.run import GENERATOR_PROPERTIES, Generator, Limits

    set_up(sending.log_format, sending.log_level)
    topic = sending.topic
    exit_on_sigterm()
    settings = load(KafkaSettings)
    source = make_source()
    stop = StopSignal()
    cluster = KafkaCluster(settings, client_id="procstream-generate", properties=kafka.log_properties())
    producer, errors = cluster.producer(GENERATOR_PROPERTIES), cluster.errors
    partitions = kafka.partitions_of(producer, topic, errors, timeout=sending.startup_timeout, stop=stop)
    limits = Limits(
        rate=None if math.isinf(sending.rate) else sending.rate,
        count=sending.count,
        duration=sending.duration,
    )
    logging.getLogger("procstream.producer.generate").info(
        "generating to %s (%d partitions), %s", topic, partitions,
        "as fast as possible" if limits.rate is None else f"{limits.rate:g} records/s",
    )  # fmt: skip
    summary = Generator(producer, errors, source, topic, partitions).run(
        limits, stop, flush_timeout=sending.flush_timeout
    )
    print(json.dumps(summary.as_dict()), flush=True)
    if summary.dropped:
        raise ProcstreamError(
            f"{topic}: {summary.dropped} records lost, refused by the broker or not confirmed within "
            f"{sending.flush_timeout:g} s (--flush-timeout)"
        )

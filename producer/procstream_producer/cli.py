"""Command line of the producer: `procstat`, `generate …`, `tail`.

`procstream-producer` is `app`; the root command mounts `produce_app` and the function `tail`.
"""

import json
import logging
import math
import os
import platform
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.cli import run
from procstream_common.errors import ProcstreamError, SettingsError
from procstream_common.registry import RegisteredSchema, SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load

from procstream_producer.logs import set_up

app = typer.Typer(
    help="Samples /proc/stat, generates sample records, reads topics.",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
produce_app = typer.Typer(
    help="Send records: this machine's /proc/stat, or generated ones.",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)
generate_app = typer.Typer(
    help="Send generated records.", pretty_exceptions_enable=False, no_args_is_help=True
)


class LogFormat(StrEnum):
    """How log lines look."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least important lines that are shown."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def rate(value: str | float) -> float:
    """Records a second; `max` is infinity."""
    try:
        number = math.inf if value == "max" else float(value)
    except ValueError:
        number = 0.0
    if not number > 0:
        raise typer.BadParameter(f"found {value!r}, expected more than 0 records a second, or max")
    return number


Topic = Annotated[str, typer.Option(envvar="KAFKA_TOPIC", help="Topic to send to.")]
LogFormatOption = Annotated[LogFormat, typer.Option(envvar="LOG_FORMAT", help="Log lines on stderr.")]
LogLevelOption = Annotated[
    LogLevel, typer.Option(envvar="LOG_LEVEL", case_sensitive=False, help="Least level of log lines.")
]
StartupTimeout = Annotated[
    float,
    typer.Option(
        envvar="STARTUP_TIMEOUT_SECONDS",
        min=0,
        help="Seconds to wait for the registry, and then for the broker, at the start.",
    ),
]
FlushTimeout = Annotated[
    float,
    typer.Option(
        envvar="FLUSH_TIMEOUT_SECONDS", min=0, help="Seconds to wait for the last deliveries at the end."
    ),
]


@produce_app.command("procstat")
@app.command("procstat")
def procstat(
    topic: Topic = "procstat_snapshots",
    path: Annotated[str, typer.Option(envvar="PROCSTAT_PATH", help="File to sample.")] = "/proc/stat",
    interval: Annotated[
        float, typer.Option(envvar="PRODUCER_INTERVAL_SECONDS", help="Seconds from sample to sample.")
    ] = 1.0,
    node: Annotated[
        str | None,
        typer.Option(
            envvar="NODE_NAME", help="Name of the node, the records' key.", show_default="this host's name"
        ),
    ] = None,
    buffer_max_records: Annotated[
        int,
        typer.Option(
            envvar="BUFFER_MAX_RECORDS",
            min=1,
            help="Records kept while the broker is away; beyond it the oldest are dropped and counted.",
        ),
    ] = 3600,
    metrics: Annotated[
        bool, typer.Option(envvar="METRICS_ENABLED", help="Serve /metrics and /healthz over HTTP.")
    ] = True,
    metrics_host: Annotated[
        str, typer.Option(envvar="METRICS_HOST", help="Address to serve them at.")
    ] = "0.0.0.0",  # noqa: S104 - Prometheus and the kubelet ask from outside
    metrics_port: Annotated[
        int, typer.Option(envvar="METRICS_PORT", min=0, max=65535, help="Port; 0 takes any free one.")
    ] = 9108,
    startup_timeout: StartupTimeout = 30.0,
    flush_timeout: FlushTimeout = 10.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Sample /proc/stat into a topic until SIGTERM or Ctrl-C."""
    from procstream_producer.procstat.config import SamplerConfig
    from procstream_producer.procstat.launch import start

    if not (interval > 0 and math.isfinite(interval)):
        raise SettingsError(f"PRODUCER_INTERVAL_SECONDS: found {interval:g}, expected more than 0 seconds")
    set_up(log_format.value, log_level.value)
    kafka = load(KafkaSettings)
    registry = load(RegistrySettings)
    _check_proc_stat(path)
    schema = _schema(registry, topic, startup_timeout)
    start(
        SamplerConfig(
            path=path,
            interval=interval,
            node=node or platform.node(),
            topic=topic,
            subject=_subject(topic),
            schema_id=schema.id,
            schema_text=schema.schema_text,
            kafka=kafka.librdkafka_properties(),
            msk_iam_region=kafka.msk_iam_region,
            buffer_max_records=buffer_max_records,
            startup_timeout=startup_timeout,
            flush_timeout=flush_timeout,
            metrics_host=metrics_host,
            metrics_port=metrics_port if metrics else None,
            log_format=log_format.value,
            log_level=log_level.value,
        )
    )


@produce_app.command("lineage-input")
@generate_app.command("lineage-input")
def lineage_input(
    topic: Topic = "lineage-input",
    records_per_second: Annotated[
        float,
        typer.Option(
            "--rate",
            envvar="PRODUCER_RATE",
            parser=rate,
            metavar="NUMBER|max",
            help="Records a second, or max: as fast as the broker takes them.",
        ),
    ] = 10.0,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many records.", show_default="no end")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(min=0, help="End after so many seconds.", show_default="no end")
    ] = None,
    startup_timeout: StartupTimeout = 30.0,
    flush_timeout: FlushTimeout = 30.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Send records of a uuid and a timestamp, spread evenly over the topic's partitions.

    Prints one JSON line at the end: what was delivered and dropped, the seconds and the rate. Exit code 1
    when anything was dropped.
    """
    from confluent_kafka import Producer

    from procstream_producer.delivery import kafka
    from procstream_producer.encoding import AvroEncoder
    from procstream_producer.generators.lineage_input import LineageInput
    from procstream_producer.generators.run import GENERATOR_PROPERTIES, Generator, Limits
    from procstream_producer.stop import StopSignal

    set_up(log_format.value, log_level.value)
    settings = load(KafkaSettings)
    schema = _schema(load(RegistrySettings), topic, startup_timeout)
    source = LineageInput(
        AvroEncoder(subject=_subject(topic), schema_id=schema.id, schema_text=schema.schema_text)
    )
    stop = StopSignal()
    connection = kafka.Connection(settings.bootstrap_servers)
    producer = kafka.create(Producer, GENERATOR_PROPERTIES | settings.librdkafka(), connection)
    partitions = kafka.partitions_of(producer, topic, connection, timeout=startup_timeout, stop=stop)
    limits = Limits(
        rate=None if math.isinf(records_per_second) else records_per_second, count=count, duration=duration
    )
    logging.getLogger("procstream.producer.generate").info(
        "generating to %s (%d partitions), %s", topic, partitions,
        "as fast as it goes" if limits.rate is None else f"{limits.rate:g} records/s",
    )  # fmt: skip
    summary = Generator(producer, connection, source, topic, partitions).run(
        limits, stop, flush_timeout=flush_timeout
    )
    print(json.dumps(asdict(summary)), flush=True)
    if summary.dropped:
        raise ProcstreamError(
            f"{topic}: {summary.dropped} records lost, refused by the broker or not confirmed within "
            f"{flush_timeout:g} s (--flush-timeout)"
        )


@app.command("tail")
def tail(
    topic: Annotated[str, typer.Argument(help="Topic to read.")],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start with the oldest record, not with new ones.")
    ] = False,
    max_messages: Annotated[
        int | None,
        typer.Option("--max-messages", "-n", min=1, help="End after so many records.", show_default="no end"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, help="End after so many seconds without a record.", show_default="no end"),
    ] = None,
    partition: Annotated[
        int | None, typer.Option(help="Read this partition alone.", show_default="all")
    ] = None,
    startup_timeout: StartupTimeout = 30.0,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Print decoded records as JSON lines. Commits nothing, joins no consumer group.

    Avro with the Confluent header is decoded with the registry's schema, the rest shown as JSON, text or
    base64. A record that cannot be decoded has an `error`.
    """
    from confluent_kafka import Consumer

    from procstream_producer.delivery import kafka
    from procstream_producer.stop import StopSignal
    from procstream_producer.tail import reader
    from procstream_producer.tail.decoding import Decoder

    set_up("text", log_level.value)
    settings = load(KafkaSettings)
    stop = StopSignal()
    connection = kafka.Connection(settings.bootstrap_servers)
    consumer = kafka.create(Consumer, reader.CONSUMER_PROPERTIES | settings.librdkafka(), connection)
    try:
        partitions = kafka.partitions_of(consumer, topic, connection, timeout=startup_timeout, stop=stop)
        if partitions:
            reach = reader.Reach(
                from_beginning=from_beginning, partition=partition, max_messages=max_messages, timeout=timeout
            )
            decoder = Decoder(_lookup_when_needed())
            reader.tail(consumer, connection, topic, partitions, reach, decoder, stop, sys.stdout)
    except BrokenPipeError:
        # A reader such as `head` has enough; the interpreter is not to complain when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        consumer.close()


app.add_typer(generate_app, name="generate")


def main() -> None:
    """Run `procstream-producer`."""
    run(app)


def _subject(topic: str) -> str:
    """Where the schema of a topic's values is registered (Confluent's TopicNameStrategy)."""
    return f"{topic}-value"


def _schema(settings: RegistrySettings, topic: str, timeout: float) -> RegisteredSchema:
    # The first process of a container ignores SIGTERM unless it says otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with SchemaRegistry(settings) as registry:
        return registry.wait_for_schema(_subject(topic), timeout)


def _lookup_when_needed() -> Callable[[int], str]:
    """A lookup that wants a registry only once a record names a schema: JSON topics need none."""
    registry: SchemaRegistry | None = None

    def schema_text(schema_id: int) -> str:
        nonlocal registry
        if registry is None:
            registry = SchemaRegistry(load(RegistrySettings))
        return registry.by_id(schema_id)

    return schema_text


def _check_proc_stat(path: str) -> None:
    from procstream_producer.procstat.parser import parse

    try:
        text = Path(path).read_bytes().decode("ascii", "replace")
    except OSError as error:
        raise SettingsError(
            f"PROCSTAT_PATH: found {path!r} ({error.strerror}), expected a readable file like /proc/stat"
        ) from None
    parse(text, source=path)


if __name__ == "__main__":
    main()

"""Command line of the producer: `procstat`, `generate …`, `tail`.

`procstream-producer` is `app`; the root command mounts `produce_app` and the function `tail`.
"""

import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.cli import run
from procstream_common.errors import SettingsError
from procstream_common.logs import LogFormat, LogLevel, set_up
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import KafkaSettings, RegistrySettings, load

from procstream_producer.generators.cli import generate_app
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


@produce_app.command("procstat")
@app.command("procstat")
def procstat(
    topic: Topic = "procstat_snapshots",
    path: Annotated[str, typer.Option(envvar="PROCSTAT_PATH", help="File to sample.")] = "/proc/stat",
    interval: Annotated[
        float, typer.Option(envvar="PRODUCER_INTERVAL_SECONDS", help="Seconds between samples.")
    ] = 1.0,
    node: Annotated[
        str | None,
        typer.Option(
            envvar="NODE_NAME",
            help="Name of the node: the key of the records.",
            show_default="this host's name",
        ),
    ] = None,
    buffer_max_records: Annotated[
        int,
        typer.Option(
            envvar="BUFFER_MAX_RECORDS",
            min=1,
            help="Records buffered while the broker is unavailable; then the oldest are dropped and counted.",
        ),
    ] = 3600,
    metrics: Annotated[
        bool, typer.Option(envvar="METRICS_ENABLED", help="Serve /metrics and /healthz over HTTP.")
    ] = True,
    metrics_host: Annotated[
        str, typer.Option(envvar="METRICS_HOST", help="Address of /metrics and /healthz.")
    ] = "127.0.0.1",
    metrics_port: Annotated[
        int,
        typer.Option(
            envvar="METRICS_PORT", min=0, max=65535, help="Port of /metrics and /healthz; 0: any free port."
        ),
    ] = 9108,
    startup_timeout: StartupTimeout = 30.0,
    flush_timeout: FlushTimeout = 10.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Sample /proc/stat into a topic until SIGTERM or Ctrl-C."""
    from procstream_producer.procstat.config import SamplerConfig
    from procstream_producer.procstat.launch import start

    check_interval(interval)
    set_up(log_format, log_level)
    kafka = load(KafkaSettings)
    registry = load(RegistrySettings)
    _check_proc_stat(path)
    exit_on_sigterm()
    schema = value_schema(registry, topic, startup_timeout)
    start(
        SamplerConfig(
            path=path,
            interval=interval,
            node=node or platform.node(),
            topic=topic,
            subject=subject_of(topic),
            schema_id=schema.id,
            schema_text=schema.schema_text,
            kafka=kafka.librdkafka_properties(),
            msk_iam_region=kafka.msk_iam_region,
            buffer_max_records=buffer_max_records,
            startup_timeout=startup_timeout,
            flush_timeout=flush_timeout,
            metrics_host=metrics_host,
            metrics_port=metrics_port if metrics else None,
            log_format=log_format,
            log_level=log_level,
        )
    )


@app.command("tail")
def tail(
    topic: Annotated[str, typer.Argument(help="Topic to read.")],
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Start with the oldest record instead of new ones.")
    ] = False,
    max_messages: Annotated[
        int | None,
        typer.Option(
            "--max-messages", "-n", min=1, help="Number of records after which to end.", show_default="no end"
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(min=0, help="Seconds without a record after which to end.", show_default="no end"),
    ] = None,
    partition: Annotated[
        int | None, typer.Option(help="Read only this partition.", show_default="all")
    ] = None,
    startup_timeout: StartupTimeout = 30.0,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Print decoded records as JSON lines. Commits nothing, joins no consumer group.

    Avro with the Confluent header is decoded with the registry's schema. Other values are printed as JSON,
    text or base64. A record that cannot be decoded has an `error`.
    """
    from procstream_common.kafka import KafkaCluster

    from procstream_producer.delivery import kafka
    from procstream_producer.tail import reader
    from procstream_producer.tail.decoding import Decoder

    set_up(LogFormat.TEXT, log_level)
    settings = load(KafkaSettings)
    stop = StopSignal()
    cluster = KafkaCluster(settings, client_id="procstream-tail", properties=kafka.log_properties())
    consumer, errors = cluster.consumer(reader.CONSUMER_PROPERTIES), cluster.errors
    try:
        partitions = kafka.partitions_of(consumer, topic, errors, timeout=startup_timeout, stop=stop)
        if partitions:
            reach = reader.Reach(
                from_beginning=from_beginning, partition=partition, max_messages=max_messages, timeout=timeout
            )
            decoder = Decoder(_lookup_when_needed())
            reader.tail(consumer, errors, topic, partitions, reach, decoder, stop, sys.stdout)
    except BrokenPipeError:
        # The reader, such as `head`, has ended. Otherwise Python reports an error when it flushes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        consumer.close()


@app.command("round-trip")
def round_trip_command(
    topic: Annotated[str, typer.Argument(help="Topic to write and read.")],
    count: Annotated[int, typer.Option(min=1, help="Number of records.")] = 10,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for sending, and for reading.")] = 30.0,
) -> None:
    """Send records to a topic and read them back. Exit code 1 if one is missing."""
    from procstream_common.kafka import KafkaCluster

    from procstream_producer.round_trip import round_trip

    round_trip(KafkaCluster(load(KafkaSettings), timeout=timeout), topic, count, timeout)
    print(f"{topic}: sent {count} records and read {count} of them")


app.add_typer(generate_app, name="generate")
produce_app.add_typer(generate_app)  # without a name: its commands are commands of `produce`


def main() -> None:
    """Run `procstream-producer`."""
    run(app)


def _lookup_when_needed() -> Callable[[int], str]:
    """A lookup that connects to the registry when a record names a schema: JSON topics need no registry."""
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

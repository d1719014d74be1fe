"""Command line of the operator."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.cli import run as run_app
from procstream_common.errors import SettingsError
from procstream_common.kubernetes import service_account_namespace
from procstream_common.logs import LogFormat, LogLevel, set_up

app = typer.Typer(
    help="Operate topics, schemas and the producer DaemonSet as resources of procstream.io/v1alpha1.",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

LogFormatOption = Annotated[
    LogFormat, typer.Option(envvar="LOG_FORMAT", help="Format of log lines on stderr.")
]
LogLevelOption = Annotated[
    LogLevel, typer.Option(envvar="LOG_LEVEL", case_sensitive=False, help="Lowest level of log lines.")
]


@app.command()
def run(
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WATCH_NAMESPACE",
            help="Namespace to watch; repeat the option for several.",
            show_default="the operator's own",
        ),
    ] = None,
    all_namespaces: Annotated[
        bool,
        typer.Option(
            "--all-namespaces", "-A", envvar="WATCH_ALL_NAMESPACES", help="Watch the whole cluster."
        ),
    ] = False,
    settings_folder: Annotated[
        Path | None,
        typer.Option(
            "--settings-dir",
            envvar="SETTINGS_DIR",
            help="Folder with a file for each setting, such as a mounted Secret; changes need no restart.",
        ),
    ] = None,
    producer_image: Annotated[
        str | None,
        typer.Option(envvar="PRODUCER_IMAGE", help="Image of producers whose resource does not set one."),
    ] = None,
    resync_seconds: Annotated[
        float,
        typer.Option(
            "--resync-seconds",
            envvar="RESYNC_SECONDS",
            min=1,
            help="Seconds between two comparisons of everything, which repair drift.",
        ),
    ] = 60.0,
    deletion_timeout_seconds: Annotated[
        float,
        typer.Option(
            envvar="DELETION_TIMEOUT_SECONDS",
            min=0,
            help="Seconds that a deletion is retried before the data are retained.",
        ),
    ] = 300.0,
    own_namespace: Annotated[
        str | None,
        typer.Option(
            "--own-namespace",
            envvar="POD_NAMESPACE",
            help="Namespace to watch by default.",
            show_default="the pod's",
        ),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(envvar="METRICS_HOST", help="Address of /metrics, /healthz and /readyz.")
    ] = "0.0.0.0",  # noqa: S104 - Prometheus and the kubelet ask from outside
    metrics_port: Annotated[
        int,
        typer.Option(envvar="METRICS_PORT", min=1, max=65535, help="Port of /metrics, /healthz and /readyz."),
    ] = 8080,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Run the operator until SIGTERM."""
    from procstream_operator.operator import Options
    from procstream_operator.operator import run as run_operator

    if namespace and all_namespaces:
        raise SettingsError("WATCH_NAMESPACE and WATCH_ALL_NAMESPACES are both set, expected one of the two")
    set_up(log_format, log_level)
    logging.getLogger("kopf").setLevel(logging.WARNING)  # below that it logs every event of every watch
    logging.getLogger("kopf.objects").addFilter(_is_no_retry)
    watched = [] if all_namespaces else namespace or [own_namespace or service_account_namespace()]
    options = Options(
        namespaces=tuple(watched),
        settings_folder=settings_folder,
        producer_image=producer_image,
        resync=timedelta(seconds=resync_seconds),
        deletion_patience=timedelta(seconds=deletion_timeout_seconds),
        metrics_host=metrics_host,
        metrics_port=metrics_port,
    )
    asyncio.run(run_operator(options))


@app.command()
def uninstall(
    selector: Annotated[
        str,
        typer.Option("--selector", "-l", help="Labels of the resources: app.kubernetes.io/instance=RELEASE."),
    ],
    own_namespace: Annotated[
        str | None,
        typer.Option(
            "--namespace",
            "-n",
            envvar="POD_NAMESPACE",
            help="Namespace of the resources.",
            show_default="the pod's",
        ),
    ] = None,
    timeout_seconds: Annotated[
        float, typer.Option(envvar="TIMEOUT_SECONDS", min=0, help="Seconds to wait for the operator.")
    ] = 240.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Delete the resources whose data are deleted with them, before the operator itself is removed."""
    from procstream_operator.uninstallation import delete_resources

    set_up(log_format, log_level)
    namespace = own_namespace or service_account_namespace()
    asyncio.run(delete_resources(namespace, selector, timedelta(seconds=timeout_seconds)))


def main() -> None:
    """Run `procstream-operator`."""
    run_app(app)


def _is_no_retry(record: logging.LogRecord) -> bool:
    # An attempt that failed is in the condition and, once, in the log. kopf logs each for each resource.
    return "failed temporarily" not in record.getMessage()


if __name__ == "__main__":
    main()

"""Command line of the operator."""

import asyncio
import logging
import os
import platform
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from procstream_common.cli import run as run_app
from procstream_common.errors import SettingsError
from procstream_common.logs import LogFormat, LogLevel, set_up

app = typer.Typer(
    help="Topics, schemas and the producer DaemonSet as resources of procstream.io/v1alpha1 say.",
    pretty_exceptions_enable=False,
    no_args_is_help=True,
)

LogFormatOption = Annotated[LogFormat, typer.Option(envvar="LOG_FORMAT", help="Log lines on stderr.")]
LogLevelOption = Annotated[
    LogLevel, typer.Option(envvar="LOG_LEVEL", case_sensitive=False, help="Least level of log lines.")
]

_SERVICE_ACCOUNT_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@app.command()
def run(
    namespace: Annotated[
        list[str] | None,
        typer.Option(
            envvar="WATCH_NAMESPACE",
            help="Namespace to look after; repeat it for several.",
            show_default="the operator's own",
        ),
    ] = None,
    all_namespaces: Annotated[
        bool,
        typer.Option(
            "--all-namespaces", "-A", envvar="WATCH_ALL_NAMESPACES", help="Look after the whole cluster."
        ),
    ] = False,
    settings_folder: Annotated[
        Path | None,
        typer.Option(
            "--settings-dir",
            envvar="SETTINGS_DIR",
            help="Folder with a file for each setting, such as a mounted Secret; changes are taken up.",
        ),
    ] = None,
    producer_image: Annotated[
        str | None,
        typer.Option(envvar="PRODUCER_IMAGE", help="Image of producers whose resource names none."),
    ] = None,
    resync_seconds: Annotated[
        float,
        typer.Option(
            "--resync-seconds",
            envvar="RESYNC_SECONDS",
            min=1,
            help="How often everything is compared, and drift repaired.",
        ),
    ] = 60.0,
    deletion_timeout_seconds: Annotated[
        float,
        typer.Option(
            envvar="DELETION_TIMEOUT_SECONDS",
            min=0,
            help="How long a deletion waits for Kafka or the registry before the data are left.",
        ),
    ] = 300.0,
    lease: Annotated[
        str, typer.Option(envvar="LEASE_NAME", help="Lease that the working replica holds.")
    ] = "procstream-operator",
    own_namespace: Annotated[
        str | None,
        typer.Option(
            "--own-namespace",
            envvar="POD_NAMESPACE",
            help="Namespace of the Lease.",
            show_default="the pod's",
        ),
    ] = None,
    metrics_host: Annotated[
        str, typer.Option(envvar="METRICS_HOST", help="Address of /metrics, /healthz and /readyz.")
    ] = "0.0.0.0",  # noqa: S104 - Prometheus and the kubelet ask from outside
    metrics_port: Annotated[
        int, typer.Option(envvar="METRICS_PORT", min=1, max=65535, help="Port of these.")
    ] = 8080,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Look after the resources until SIGTERM."""
    from procstream_operator.operator import Options
    from procstream_operator.operator import run as run_operator

    own = own_namespace or _namespace_of_pod()
    if namespace and all_namespaces:
        raise SettingsError("WATCH_NAMESPACE and WATCH_ALL_NAMESPACES are both set, expected one of the two")
    set_up(log_format, log_level)
    logging.getLogger("kopf").setLevel(logging.WARNING)  # it tells of every event of every watch
    options = Options(
        namespaces=() if all_namespaces else tuple(namespace or [own]),
        own_namespace=own,
        lease=lease,
        identity=f"{platform.node()}_{os.getpid()}",
        settings_folder=settings_folder,
        producer_image=producer_image,
        resync=timedelta(seconds=resync_seconds),
        deletion_patience=timedelta(seconds=deletion_timeout_seconds),
        metrics_host=metrics_host,
        metrics_port=metrics_port,
    )
    try:
        asyncio.run(run_operator(options))
    except asyncio.CancelledError:  # a signal while it stood by
        return


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
        float, typer.Option(envvar="TIMEOUT_SECONDS", min=0, help="How long to wait for the operator.")
    ] = 240.0,
    log_format: LogFormatOption = LogFormat.TEXT,
    log_level: LogLevelOption = LogLevel.INFO,
) -> None:
    """Delete the resources whose data go with them, before the operator that deletes these goes itself."""
    from procstream_operator.uninstallation import delete_resources

    set_up(log_format, log_level)
    namespace = own_namespace or _namespace_of_pod()
    asyncio.run(delete_resources(namespace, selector, timedelta(seconds=timeout_seconds)))


def main() -> None:
    """Run `procstream-operator`."""
    run_app(app)


def _namespace_of_pod() -> str:
    try:
        return _SERVICE_ACCOUNT_NAMESPACE.read_text().strip()
    except OSError:
        raise SettingsError(
            "POD_NAMESPACE is not set and this is no pod, expected the namespace of the operator's Lease"
        ) from None


if __name__ == "__main__":
    main()

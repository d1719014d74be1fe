"""A long run: the broker is restarted every minute. It prints the operator's memory and watches.

python -m tests.e2e.custom_resources.soak --minutes 10
"""

import time
from typing import Annotated

import typer
from procstream_common.cli import run
from procstream_common.errors import ProcstreamError
from rich.console import Console
from rich.progress import Progress

from testbed.cluster import start
from tests.e2e.custom_resources.metrics import metrics, total
from tests.e2e.custom_resources.release import installed, operator_pod
from tests.e2e.custom_resources.resources import record, schema, topic
from tests.e2e.namespaces import Namespace
from tests.integration.waiting import until

TOPICS, SCHEMAS = 50, 10
NAMESPACE = "soak-test"
console = Console()


def soak(minutes: Annotated[int, typer.Option(min=1, help="Restarts of the broker.")] = 10) -> None:
    """Restart the broker every minute. In the end all resources must be Ready and nothing must have grown."""
    with installed(start(), NAMESPACE) as namespace:
        namespace.apply(*(topic(f"soak-{number:02}", partitions=3) for number in range(TOPICS)))
        namespace.apply(
            *(schema(f"soak-{number}-value", record(("id", "string"))) for number in range(SCHEMAS))
        )
        _until_all_ready(namespace)
        pod = operator_pod(namespace)
        console.print("minute  memory  open files  threads  watches  not Ready after the restart for")
        _report(namespace, pod, 0, 0.0)
        with Progress(console=console, transient=True) as progress:
            for minute in progress.track(range(1, minutes + 1), description="broker restarts"):
                began = time.monotonic()
                namespace.kubectl("delete", "pod", "kafka-0")
                namespace.wait("condition=Ready", "pod/kafka-0", timeout=120)
                _until_all_ready(namespace)
                _report(namespace, pod, minute, time.monotonic() - began)
                time.sleep(max(0.0, 60 - (time.monotonic() - began)))
        _until_all_ready(namespace)
        if operator_pod(namespace) != pod:
            raise ProcstreamError(f"the operator's pod {pod} did not run to the end")
        restarts = namespace.get("pod", pod)["status"]["containerStatuses"][0]["restartCount"]
        console.print(f"all resources are Ready; restarts of the operator: {restarts}")


def _until_all_ready(namespace: Namespace) -> None:
    template = (
        '--output=jsonpath={range .items[*]}{.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
    )

    def all_ready() -> bool:
        return set(namespace.kubectl("get", "procstream", template).split()) == {"True"}

    until(all_ready, "everything is Ready", timeout=180, every=1)


def _report(namespace: Namespace, pod: str, minute: int, unready: float) -> None:
    text = metrics(namespace, pod)
    server = namespace.cluster.run("get", "--raw", "/metrics").stdout
    watches = sum(
        total(server, "apiserver_longrunning_requests", verb="WATCH", resource=kind)
        for kind in ("topics", "schemas", "procstatproducers")
    )
    console.print(
        f"{minute:6}  {total(text, 'process_resident_memory_bytes') / 1e6:3.0f} MB "
        f"{total(text, 'process_open_fds'):10.0f}  {total(text, 'procstream_operator_threads'):8.0f} "
        f"{watches:8.0f}  {unready:.0f} s"
    )


if __name__ == "__main__":
    run(lambda: typer.run(soak))

"""All shipped pipelines at once, with their sample records. Needs about 16 GB of memory."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from procstream_job import shipped_pipelines
from rich.console import Console
from rich.table import Table

from testbed import images, standins
from testbed.cluster import Cluster
from tests.e2e import helm
from tests.e2e.namespaces import Namespace, new_namespace
from tests.e2e.pipelines.release import RELEASE, Pipeline
from tests.integration.waiting import until

NAMESPACE = "all-shipped"
GENERATORS = ("lineage-input", "transactions", "splitpay", "orders")
LAKES = ("lineage", "procstat-lineage")


def memory(request: str, limit: str) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": "20m", "memory": request}, "limits": {"memory": limit}}}


VALUES: dict[str, Any] = {
    "image": {"mirror": "localhost"},
    "postgres": {"enabled": True},
    "flink": {
        "jobManager": memory("600Mi", "1Gi"),
        "taskManager": memory("600Mi", "1400Mi"),
        "checkpoints": {"interval": "20s"},
    },
    "generators": {name: {"enabled": True} for name in GENERATORS},
    "pipelines": {name: {"enabled": True, "parallelism": 1} for name in shipped_pipelines()},
    "verification": {"options": ["--deep", "--wait=120s"]},
}
pytestmark = pytest.mark.long


def test_every_pipeline_works_at_once(cluster: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    cluster.load(*images.archives().values(), *standins.archives().values())
    with (
        new_namespace(cluster, NAMESPACE) as namespace,
        helm.installed(namespace, RELEASE, helm.LOCAL, VALUES),
    ):
        began = time.monotonic()
        until(lambda: _all_write(namespace), "rows of every pipeline", timeout=1500, every=5)
        seconds = time.monotonic() - began
        for name in LAKES:
            Pipeline(namespace, name).verify()
        with capsys.disabled():
            print(f"\nevery pipeline writes after {seconds:.0f} s")
            Console().print(_pods(namespace))


def _all_write(namespace: Namespace) -> bool:
    program = Path(sys.executable).with_name("procstream")
    command = [program, "status", "--namespace", namespace.name, "--release", RELEASE, "--json"]
    result = subprocess.run(
        command, env=namespace.cluster.environment, capture_output=True, text=True, check=False
    )
    status = json.loads(result.stdout) if result.stdout else {"problems": ["no answer"]}
    return not status["problems"] and all(job["rows_out"] for job in status["pipelines"])


def _pods(namespace: Namespace) -> Table:
    """Memory (the working set that the kubelet reports) and restarts of each pod."""
    node = namespace.cluster.node_name
    answer = namespace.cluster.run("get", "--raw", f"/api/v1/nodes/{node}/proxy/stats/summary").stdout
    used = {
        pod["podRef"]["name"]: pod["memory"]["workingSetBytes"]
        for pod in json.loads(answer)["pods"]
        if pod["podRef"]["namespace"] == namespace.name and "memory" in pod
    }
    table = Table("pod", "MB", "restarts")
    for pod in namespace.all("pods", "--field-selector=status.phase=Running"):
        name = pod["metadata"]["name"]
        restarts = sum(one["restartCount"] for one in pod["status"]["containerStatuses"])
        table.add_row(name, f"{used.get(name, 0) / 1e6:.0f}", str(restarts))
    table.add_row("all", f"{sum(used.values()) / 1e6:.0f}", "")
    return table

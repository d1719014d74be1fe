"""The whole chart with small resources, and one of its pipelines as users see it."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from testbed import images, standins
from testbed.cluster import Cluster
from tests.e2e import helm
from tests.e2e.namespaces import RESTRICTED, Namespace, new_namespace
from tests.integration.waiting import until

SCRIPTS = Path(__file__).parents[3] / "scripts"
RELEASE = "procstream"
PROCSTREAM = Path(sys.executable).with_name("procstream")


def memory(size: str) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": "100m", "memory": size}, "limits": {"memory": size}}}


VALUES: dict[str, Any] = {
    "image": {"mirror": "localhost"},  # the stand-ins
    "producer": {"enabled": False},
    "flink": {
        "jobManager": memory("1Gi"),
        "taskManager": memory("1600Mi"),
        "checkpoints": {"interval": "5s"},
    },
    "generators": {"lineage-input": {"env": {"PRODUCER_RATE": "100"}}},
    "pipelines": {"procstat-lineage": {"enabled": False}},
    "verification": {"options": ["--deep", "--wait=120s", "--max-dropped=0"]},
}


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of the release."""

    namespace: Namespace
    name: str
    operated: bool = False
    """Whether Flink's operator runs it."""

    @property
    def fullname(self) -> str:
        return f"{RELEASE}-pipeline-{self.name}"

    def upgrade(self, values: Mapping[str, Any]) -> None:
        """`helm upgrade` with these values for the pipeline; does not wait for pods."""
        upgrade(self.namespace, {"pipelines": {self.name: values}}, operated=self.operated)

    def delete(self, role: str) -> None:
        """Kill its JobManager or TaskManagers."""
        pods = f"procstream.io/flink={role},procstream.io/pipeline={self.name}"
        self.namespace.kubectl("delete", "pod", "--selector", pods, "--grace-period=0", "--force")

    def wait_for_checkpoint(self, after: int = 0, timeout: float = 60) -> int:
        """Wait until the job has completed a checkpoint of a higher id than `after`; the newest one's id."""

        def newest() -> int:
            found = self._checkpoint("completed")
            return found if found > after else 0

        return until(newest, f"a checkpoint after {after}", timeout=timeout, every=1)

    def wait_for_recovery(self, last: int) -> None:
        """Wait until the job has resumed from the checkpoint `last` or a later one, and completed another."""

        def recovered() -> bool:
            return last <= self._checkpoint("restored") < self._checkpoint("completed")

        until(recovered, f"a job that resumes from checkpoint {last}", timeout=240, every=1)

    def wait_for_log(self, text: str, role: str = "jobmanager") -> None:
        """Wait for a text in the log of the JobManager or TaskManager, in this container or the previous one.

        Not with Flink's operator.
        """
        log = ("logs", f"deployment/{self.fullname}-{role}", f"--container={role}")

        def said() -> bool:
            return any(text in self.namespace.kubectl(*log, *which, check=False) for which in ((), ("-p",)))

        until(said, f"{text!r} in the log of the {role}", timeout=240, every=2)

    def parallelism(self) -> int:
        return int(self._job()["vertices"][0]["parallelism"])

    def _checkpoint(self, which: str) -> int:
        """Id of the last completed or restored checkpoint; 0 without any."""
        job = self._job()
        latest = self._get(f"jobs/{job['jid']}/checkpoints").get("latest") if job else None
        return int(((latest or {}).get(which) or {}).get("id", 0))

    def _job(self) -> dict[str, Any]:
        jobs = self._get("jobs/overview").get("jobs")
        return self._get(f"jobs/{jobs[0]['jid']}") if jobs else {}

    def _get(self, path: str) -> dict[str, Any]:
        """A response of Flink; empty while it is unavailable."""
        service = f"{self.fullname}-rest" if self.operated else self.fullname
        proxy = f"/api/v1/namespaces/{self.namespace.name}/services/{service}:rest/proxy/{path}"
        answer = self.namespace.kubectl("get", "--raw", proxy, check=False)
        return dict(yaml.safe_load(answer)) if answer.startswith("{") else {}

    def verify(self) -> None:
        """Run the chart's verification with `scripts/verify.sh`; fails unless the lake is proven."""
        command = [SCRIPTS / "verify.sh", "--namespace", self.namespace.name, self.name]
        result = subprocess.run(
            command, env=self.namespace.cluster.environment, capture_output=True, text=True, check=False
        )
        report = result.stdout + result.stderr
        assert result.returncode == 0, report
        assert "proven: every record is committed exactly once" in report


@contextmanager
def installed(cluster: Cluster, name: str, *, operated: bool = False) -> Iterator[Namespace]:
    """A new namespace that admits only restricted pods, with the chart in it; deleted afterwards.

    Does not wait for its pods.
    """
    cluster.load(*images.archives().values(), *standins.archives().values())
    with (
        new_namespace(cluster, name, RESTRICTED) as namespace,
        helm.installed(namespace, RELEASE, helm.LOCAL, VALUES, _flink(cluster, operated)),
    ):
        yield namespace


def upgrade(namespace: Namespace, values: Mapping[str, Any], *, operated: bool = False) -> None:
    """`helm upgrade --install` with these values in addition to the release's own; does not wait for pods."""
    helm.upgrade(namespace, RELEASE, helm.LOCAL, VALUES, _flink(namespace.cluster, operated), values)


def status(namespace: Namespace) -> dict[str, Any]:
    """The output of `procstream status` for the release, with any exit code."""
    command = [PROCSTREAM, "status", "--json", "--namespace", namespace.name, "--release", RELEASE]
    result = subprocess.run(
        command, env=namespace.cluster.environment, capture_output=True, text=True, check=False
    )
    assert result.stdout, result.stderr
    return dict(json.loads(result.stdout))


def _flink(cluster: Cluster, operated: bool) -> dict[str, Any]:
    # `kubectl get --raw` names the API server, which passes that on to Flink.
    server = cluster.run(
        "config", "view", "--minify", "--output=jsonpath={.clusters[0].cluster.server}"
    ).stdout
    hosts = [urlsplit(server).hostname]
    return {"flink": {"operator": {"enabled": operated}, "rest": {"allowedHosts": hosts}}}

"""The whole chart, installed small, and a pipeline of it as its users see it."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e import images, standins
from tests.e2e.cluster import Cluster
from tests.e2e.namespaces import Namespace
from tests.integration.waiting import until

CHART = Path(__file__).parents[3] / "helm" / "procstream"
RELEASE = "procstream"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


def memory(size: str) -> dict[str, Any]:
    return {"resources": {"requests": {"cpu": "100m", "memory": size}, "limits": {"memory": size}}}


VALUES: dict[str, Any] = {
    "image": {"mirror": "localhost"},  # the stand-ins
    "producer": {"enabled": False},
    "flink": {
        "operator": {"enabled": False},
        "jobManager": memory("1Gi"),
        "taskManager": memory("1600Mi"),
        "checkpoints": {"interval": "5s"},
    },
    "generators": {"lineage-input": {"env": {"PRODUCER_RATE": "100"}}},
    "pipelines": {"procstat-lineage": {"enabled": False}},
}


@dataclass(frozen=True)
class Pipeline:
    """A pipeline of the release."""

    namespace: Namespace
    name: str

    @property
    def fullname(self) -> str:
        return f"{RELEASE}-pipeline-{self.name}"

    def upgrade(self, values: Mapping[str, Any]) -> None:
        """`helm upgrade` with these values for the pipeline."""
        upgrade(self.namespace, {"pipelines": {self.name: values}})

    def delete(self, role: str) -> None:
        """End its JobManager or TaskManagers at once."""
        pods = f"procstream.io/flink={role},procstream.io/pipeline={self.name}"
        self.namespace.kubectl("delete", "pod", "--selector", pods, "--grace-period=0", "--force")

    def wait_for_checkpoint(self, after: int = 0, timeout: float = 60) -> int:
        """Wait until the job has completed a checkpoint of a higher id than `after`; the newest one's id."""

        def newest() -> int:
            found = self._checkpoint("completed")
            return found if found > after else 0

        return until(newest, f"a checkpoint after {after}", timeout=timeout, every=1)

    def wait_for_recovery(self, last: int) -> None:
        """Wait until the job has gone on from the checkpoint `last` or a later one, and completed another."""

        def recovered() -> bool:
            return last <= self._checkpoint("restored") < self._checkpoint("completed")

        until(recovered, f"a job that goes on from checkpoint {last}", timeout=240, every=1)

    def wait_for_log(self, text: str, role: str = "jobmanager") -> None:
        """Wait for the JobManager or TaskManager to say something, in this container or the one before."""
        log = ("logs", f"deployment/{self.fullname}-{role}", f"--container={role}")

        def said() -> bool:
            return any(text in self.namespace.kubectl(*log, *which, check=False) for which in ((), ("-p",)))

        until(said, f"the {role} to say {text!r}", timeout=240, every=2)

    def parallelism(self) -> int:
        return int(self._job()["vertices"][0]["parallelism"])

    def _checkpoint(self, which: str) -> int:
        """Id of the checkpoint that was completed or restored last; 0 when there is none."""
        job = self._job()
        latest = self._get(f"jobs/{job['jid']}/checkpoints").get("latest") if job else None
        return int(((latest or {}).get(which) or {}).get("id", 0))

    def _job(self) -> dict[str, Any]:
        jobs = self._get("jobs/overview").get("jobs")
        return self._get(f"jobs/{jobs[0]['jid']}") if jobs else {}

    def _get(self, path: str) -> dict[str, Any]:
        """An answer of Flink; empty while it gives none."""
        proxy = f"/api/v1/namespaces/{self.namespace.name}/services/{self.fullname}:rest/proxy/{path}"
        answer = self.namespace.kubectl("get", "--raw", proxy, check=False)
        return dict(yaml.safe_load(answer)) if answer.startswith("{") else {}

    def verify(self, *options: str) -> str:
        """`procstream lineage verify` in a pod of its own, with the pipeline's environment.

        Its output; fails unless the lake is proven.
        """
        pod = self.namespace.get("deployment", f"{self.fullname}-jobmanager")["spec"]["template"]["spec"]
        container = {key: pod["containers"][0][key] for key in ("image", "env", "envFrom", "securityContext")}
        container |= {"name": "verify", "args": ["procstream-lineage", "verify", self.name, *options]}
        container |= {"volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}
        spec = {
            "containers": [container],
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "securityContext": pod["securityContext"],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        }
        self.namespace.kubectl("delete", "pod", "verify", "--ignore-not-found")
        self.namespace.apply(
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "verify"}, "spec": spec}
        )
        phase = until(self._verdict, "a verdict", timeout=240, every=1)
        report = self.namespace.kubectl("logs", "verify")
        assert phase == "Succeeded", report
        return report

    def _verdict(self) -> str:
        phase = str(self.namespace.get("pod", "verify")["status"]["phase"])
        return phase if phase in ("Succeeded", "Failed") else ""


@contextmanager
def installed(cluster: Cluster, name: str) -> Iterator[Namespace]:
    """A new namespace, that takes restricted pods alone, with the chart in it; gone afterwards."""
    cluster.load(*images.archives().values(), *standins.archives().values())
    cluster.run("delete", "namespace", name, "--ignore-not-found", "--timeout=100s")
    cluster.run("create", "namespace", name)
    cluster.run("label", "namespace", name, RESTRICTED)
    namespace = Namespace(cluster, name)
    try:
        upgrade(namespace)
        yield namespace
    finally:
        cluster.run_helm("uninstall", RELEASE, "--namespace", name, "--ignore-not-found", "--wait")
        cluster.run("delete", "namespace", name, "--timeout=100s")


def upgrade(namespace: Namespace, values: Mapping[str, Any] | None = None) -> None:
    """`helm upgrade --install` with the local values, `VALUES` and these; does not wait for pods."""
    with tempfile.TemporaryDirectory() as folder:
        files = [CHART / "values-local.yaml"]
        for index, given in enumerate((VALUES, values or {})):
            files.append(Path(folder, f"{index}.yaml"))
            files[-1].write_text(yaml.safe_dump(dict(given)))
        arguments = [f"--values={file}" for file in files]
        namespace.cluster.run_helm(
            "upgrade", "--install", RELEASE, str(CHART), *arguments, "--namespace", namespace.name
        )

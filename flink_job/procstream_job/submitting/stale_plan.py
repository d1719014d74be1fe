"""Before a JobManager of Kubernetes starts: forget the plan of a pipeline that has changed since.

Flink's high availability keeps a job's plan beside the pointers to its checkpoints. A JobManager that starts
goes on with that plan and its last checkpoint, whatever its program would submit now. Without the plan it
takes the program's, and goes on from the same checkpoint. The Flink Kubernetes Operator does the same for
`upgradeMode: last-state`.

    python -m procstream_job.submitting.stale_plan CLUSTER_ID CHECKSUM

Two requests do, so that the image of pipelines goes without the Kubernetes client and what it brings along.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from procstream_common.cli import run
from procstream_common.errors import ProcstreamError

CHECKSUM_ANNOTATION = "procstream.io/pipeline-checksum"
"""On Flink's ConfigMap: which pipeline its plan was made of."""
PLAN_PREFIXES = ("executionPlan-", "jobGraph-")
"""Of the keys that plans are under; the second one in Flink 1."""

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def stale_plan_patch(config_map: Mapping[str, Any], checksum: str) -> dict[str, Any] | None:
    """The merge patch that removes the plans of another pipeline; None when they are of this one."""
    if (config_map["metadata"].get("annotations") or {}).get(CHECKSUM_ANNOTATION) == checksum:
        return None
    stale = [key for key in config_map.get("data") or {} if key.startswith(PLAN_PREFIXES)]
    return {
        "metadata": {"annotations": {CHECKSUM_ANNOTATION: checksum}},
        "data": dict.fromkeys(stale),
    }


def forget_stale_plan(cluster_id: str, checksum: str) -> bool:
    """Remove the plan if it is another pipeline's; whether there was one.

    Raises:
        ProcstreamError: Kubernetes does not answer, or refuses.
    """
    url = f"configmaps/{cluster_id}-cluster-config-map"
    try:
        with _kubernetes() as client:
            found = client.get(url)
            if found.status_code == httpx.codes.NOT_FOUND:
                return False  # its first start
            patch = stale_plan_patch(found.raise_for_status().json(), checksum)
            if patch is None:
                return False
            headers = {"Content-Type": "application/merge-patch+json"}
            client.patch(url, json=patch, headers=headers).raise_for_status()
            return bool(patch["data"])
    except (OSError, httpx.HTTPError) as error:
        raise ProcstreamError(f"could not look for a stale plan in Kubernetes: {error}") from None


def _kubernetes() -> httpx.Client:
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    namespace = (_SERVICE_ACCOUNT / "namespace").read_text()
    return httpx.Client(
        base_url=f"https://{f'[{host}]' if ':' in host else host}:{port}/api/v1/namespaces/{namespace}/",
        headers={"Authorization": f"Bearer {(_SERVICE_ACCOUNT / 'token').read_text()}"},
        verify=str(_SERVICE_ACCOUNT / "ca.crt"),
        trust_env=False,
    )


def main() -> None:
    """Forget the plan that the arguments name, if it is stale."""
    if len(sys.argv) != 3:
        raise ProcstreamError(f"found {len(sys.argv) - 1} arguments; expected CLUSTER_ID and CHECKSUM")
    if forget_stale_plan(*sys.argv[1:]):
        print("the pipeline has changed: its new plan goes on from the last checkpoint")


if __name__ == "__main__":
    run(main)

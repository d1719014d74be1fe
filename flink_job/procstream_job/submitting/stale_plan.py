"""Before a JobManager of Kubernetes starts: remove the plan of a pipeline that has changed since.

Flink's high availability keeps a job's plan beside the pointers to its checkpoints. A JobManager that starts
resumes that plan from its last checkpoint, whatever its program would submit now. Without the plan it runs
the program, whose plan resumes from the same checkpoint. The Flink Kubernetes Operator does the same for
`upgradeMode: last-state`.

    python -m procstream_job.submitting.stale_plan CLUSTER_ID CHECKSUM
"""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from procstream_common.cli import run
from procstream_common.errors import NotFoundError, ProcstreamError
from procstream_common.kubernetes import ApiServer, connected, path_of, service_account_namespace

CHECKSUM_ANNOTATION = "procstream.io/pipeline-checksum"
"""On Flink's ConfigMap: the checksum of the pipeline that its plan is for."""
PLAN_PREFIXES = ("executionPlan-", "jobGraph-")
"""Prefixes of the keys of plans; the second one in Flink 1."""


def stale_plan_patch(config_map: Mapping[str, Any], checksum: str) -> dict[str, Any] | None:
    """The merge patch that removes the plans of another pipeline; None when they are of this one."""
    if (config_map["metadata"].get("annotations") or {}).get(CHECKSUM_ANNOTATION) == checksum:
        return None
    stale = [key for key in config_map.get("data") or {} if key.startswith(PLAN_PREFIXES)]
    return {
        "metadata": {"annotations": {CHECKSUM_ANNOTATION: checksum}},
        "data": dict.fromkeys(stale),
    }


async def remove_stale_plan(server: ApiServer, namespace: str, cluster_id: str, checksum: str) -> bool:
    """Remove the plan if it is for another pipeline; whether there was one.

    Raises:
        ServerError: Kubernetes does not answer, or refuses.
    """
    path = path_of("v1", namespace, "configmaps", f"{cluster_id}-cluster-config-map")
    try:
        found = await server.request("get", path)
    except NotFoundError:
        return False  # its first start
    patch = stale_plan_patch(found, checksum)
    if patch is None:
        return False
    await server.request("patch", path, patch)
    return bool(patch["data"])


async def _remove(cluster_id: str, checksum: str) -> bool:
    async with connected(field_manager="procstream-job") as server:
        return await remove_stale_plan(server, service_account_namespace(), cluster_id, checksum)


def main() -> None:
    """Remove the plan that the arguments name, if it is stale."""
    if len(sys.argv) != 3:
        raise ProcstreamError(f"found {len(sys.argv) - 1} arguments; expected CLUSTER_ID and CHECKSUM")
    if asyncio.run(_remove(*sys.argv[1:])):
        print("the pipeline has changed: its new plan resumes from the last checkpoint")


if __name__ == "__main__":
    run(main)

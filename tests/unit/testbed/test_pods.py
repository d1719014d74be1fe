"""What counts as a pod that was restarted, in the end-to-end tests."""

from typing import Any

from tests.e2e.pods import disturbed, restarts


def pod(
    name: str, count: int = 0, *, owner: str = "ReplicaSet", init: int = 0, uid: str = "first"
) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "uid": uid, "ownerReferences": [{"kind": owner, "name": "owner"}]},
        "status": {
            "initContainerStatuses": [{"name": "wait", "restartCount": init}],
            "containerStatuses": [{"name": "main", "restartCount": count}],
        },
    }


KAFKA, FLINK = pod("kafka-0", owner="StatefulSet"), pod("flink-a", 1)
VERIFICATION = pod("verify-lineage-1-a", owner="Job")
BEFORE = restarts([KAFKA, FLINK])


def test_every_container_is_counted() -> None:
    counts = {f"{found.pod}/{found.name}": count for found, count in BEFORE.items()}
    assert counts == {"kafka-0/wait": 0, "kafka-0/main": 0, "flink-a/wait": 0, "flink-a/main": 1}


def test_pods_of_flinks_own_deployments_and_of_daemon_sets_are_counted() -> None:
    pods = [pod("a", owner="Deployment"), pod("b", owner="DaemonSet")]
    assert {found.pod for found in restarts(pods)} == {"a", "b"}


def test_pods_of_jobs_and_pods_without_an_owner_are_not() -> None:
    alone = pod("helm-test")
    del alone["metadata"]["ownerReferences"]
    assert restarts([VERIFICATION, alone]) == {}


def test_a_pod_that_is_being_deleted_is_not() -> None:
    ending = pod("flink-a")
    ending["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:00Z"
    assert restarts([ending]) == {}


def test_a_pending_pod_has_no_containers_yet() -> None:
    assert restarts([{**KAFKA, "status": {"phase": "Pending"}}]) == {}


def test_where_nothing_happened_nothing_is_found() -> None:
    assert disturbed(BEFORE, BEFORE) == []


def test_a_pod_that_a_schedule_started_or_that_has_ended_is_no_disturbance() -> None:
    assert disturbed(BEFORE, restarts([KAFKA, FLINK, VERIFICATION])) == []
    assert disturbed(restarts([KAFKA, FLINK, VERIFICATION]), BEFORE) == []


def test_a_restarted_container_is_found() -> None:
    assert disturbed(BEFORE, restarts([KAFKA, pod("flink-a", 2)])) == ["flink-a/main: 2 restarts, expected 1"]
    assert disturbed(BEFORE, restarts([pod("kafka-0", init=1, owner="StatefulSet"), FLINK])) == [
        "kafka-0/wait: 1 restarts, expected 0"
    ]


def test_a_replaced_pod_is_found_whatever_its_successor_is_called() -> None:
    gone = ["kafka-0/wait: its pod is gone", "kafka-0/main: its pod is gone"]
    assert disturbed(BEFORE, restarts([pod("kafka-0", owner="StatefulSet", uid="second"), FLINK])) == gone
    assert disturbed(BEFORE, restarts([FLINK, pod("kafka-1", owner="StatefulSet")])) == gone

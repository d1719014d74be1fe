import json
from datetime import UTC, datetime
from typing import Any

from procstream_local.status.cluster import Deployed, flink_clusters, pipelines_of, workloads
from procstream_local.status.model import Workload

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
OURS = {"app.kubernetes.io/part-of": "procstream", "app.kubernetes.io/instance": "events"}


def owner(name: str, labels: dict[str, str], *, selects: str, **more: Any) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": {"app": selects}}, **more.pop("spec", {})}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, **more}


def pod(app: str, start: str, restarts: int) -> dict[str, Any]:
    status = {"startTime": start, "containerStatuses": [{"restartCount": restarts}]}
    return {"metadata": {"labels": {"app": app, "more": "x"}}, "status": status}


def service(name: str, port: int = 8081, labels: dict[str, str] = OURS) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}, "spec": {"ports": [{"port": port}]}}


def test_a_releases_workloads_are_found_with_their_pods() -> None:
    kafka = owner("events-kafka", OURS, selects="kafka", spec={"replicas": 3}, status={"readyReplicas": 2})
    foreign = owner("other", {"app.kubernetes.io/instance": "events"}, selects="other")
    nodes = owner(
        "events-nodes",
        {"app.kubernetes.io/instance": "events-nodes", "procstream.io/producer": "events-nodes"},
        selects="nodes",
        status={"desiredNumberScheduled": 5, "numberReady": 5},
    )
    pods = [
        pod("kafka", "2026-01-31T11:00:00Z", 1),
        pod("kafka", "2026-01-31T11:59:00Z", 2),
        pod("other", "2026-01-31T11:00:00Z", 9),
    ]
    owned = {"deployments": [foreign], "statefulsets": [kafka], "daemonsets": [nodes]}
    assert list(workloads(owned, pods, "events", NOW)) == [
        Workload("events-kafka", "StatefulSet", desired=3, ready=2, restarts=3, uptime_seconds=60.0),
        Workload("events-nodes", "DaemonSet", desired=5, ready=5, restarts=0, uptime_seconds=0.0),
    ]


def test_pipelines_are_found_by_the_services_of_their_jobmanagers() -> None:
    services = [
        service("events-procstream-pipeline-lineage"),
        service("events-procstream-pipeline-fraud-alerts-rest", labels={"app": "created by Flink"}),
        service("events-procstream-pipeline-lineage-metrics", port=9249),
        service("other-pipeline-x", labels={}),
        service("events-procstream-kafka", port=9092),
    ]
    assert list(pipelines_of(services, [], "events")) == [
        Deployed("lineage", "events-procstream-pipeline-lineage"),
        Deployed("fraud-alerts", "events-procstream-pipeline-fraud-alerts-rest"),
    ]


def test_pipelines_of_a_release_whose_name_begins_the_same_are_not_shown() -> None:
    theirs = {**OURS, "app.kubernetes.io/instance": "events-2"}
    services = [
        service("events-2-pipeline-lineage", labels=theirs),
        service("events-2-pipeline-operated-rest", labels={"app": "created by Flink"}),
        service("eventsother-pipeline-x-rest", labels={"app": "created by Flink"}),
    ]
    clusters = [flink_deployment("events-2-pipeline-operated", theirs)]
    assert list(pipelines_of(services, clusters, "events")) == []


def flink_deployment(name: str, labels: dict[str, str] = OURS, **status: Any) -> dict[str, Any]:
    spec = {"jobManager": {"replicas": 1}}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


def flink_pod(cluster: str, start: str, restarts: int, ready: str) -> dict[str, Any]:
    found = pod(cluster, start, restarts)
    found["metadata"]["labels"]["type"] = "flink-native-kubernetes"
    found["status"]["conditions"] = [{"type": "Ready", "status": ready}]
    return found


def test_the_pods_of_a_flink_deployment_are_those_that_flink_labels() -> None:
    lineage = flink_deployment("events-pipeline-lineage", taskManager={"replicas": 2})
    other = flink_deployment("other-pipeline-lineage", {"app.kubernetes.io/instance": "events"})
    new = flink_deployment("events-pipeline-new")
    pods = [
        flink_pod("events-pipeline-lineage", "2026-01-31T11:00:00Z", 1, "True"),
        flink_pod("events-pipeline-lineage", "2026-01-31T11:59:00Z", 2, "False"),
        flink_pod("other-pipeline-lineage", "2026-01-31T11:00:00Z", 9, "True"),
        pod("events-pipeline-lineage", "2026-01-31T11:00:00Z", 9),
    ]
    kind = "FlinkDeployment"
    assert list(flink_clusters([lineage, other, new], pods, "events", NOW)) == [
        Workload("events-pipeline-lineage", kind, desired=3, ready=1, restarts=3, uptime_seconds=60.0),
        Workload("events-pipeline-new", kind, desired=1, ready=0, restarts=0, uptime_seconds=0.0),
    ]


def test_a_pipeline_that_flinks_operator_refuses_is_shown_with_the_cause() -> None:
    error = {"message": "Could not create it.", "throwableList": [{"message": "Overlapping key prefixes"}]}
    clusters = [
        flink_deployment("events-pipeline-lineage", error=json.dumps(error)),
        flink_deployment(
            "events-pipeline-late", error=json.dumps({"message": "Not yet", "throwableList": []})
        ),
        flink_deployment("events-pipeline-well", error=""),
        flink_deployment("events-pipeline-odd", error="no JSON"),
        flink_deployment("other-pipeline-x", {"app.kubernetes.io/instance": "events"}),
    ]
    assert list(pipelines_of([service("events-pipeline-well-rest")], clusters, "events")) == [
        Deployed("lineage", "events-pipeline-lineage-rest", "Overlapping key prefixes"),
        Deployed("late", "events-pipeline-late-rest", "Not yet"),
        Deployed("well", "events-pipeline-well-rest"),
        Deployed("odd", "events-pipeline-odd-rest", "no JSON"),
    ]

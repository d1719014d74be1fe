from datetime import UTC, datetime
from typing import Any

from procstream_local.status.cluster import pipelines_of, workloads
from procstream_local.status.model import Workload

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
OURS = {"app.kubernetes.io/part-of": "procstream", "app.kubernetes.io/instance": "events"}


def owner(name: str, labels: dict[str, str], *, selects: str, **more: Any) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": {"app": selects}}, **more.pop("spec", {})}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, **more}


def pod(app: str, start: str, restarts: int) -> dict[str, Any]:
    status = {"startTime": start, "containerStatuses": [{"restartCount": restarts}]}
    return {"metadata": {"labels": {"app": app, "more": "x"}}, "status": status}


def service(name: str, port: int = 8081) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": port}]}}


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


def test_pipelines_are_known_by_the_services_of_their_job_managers() -> None:
    services = [
        service("events-procstream-pipeline-lineage"),
        service("events-procstream-pipeline-fraud-alerts-rest"),
        service("events-procstream-pipeline-lineage-metrics", port=9249),
        service("other-pipeline-x"),
        service("events-procstream-kafka", port=9092),
    ]
    assert list(pipelines_of(services, "events")) == [
        ("lineage", "events-procstream-pipeline-lineage"),
        ("fraud-alerts", "events-procstream-pipeline-fraud-alerts-rest"),
    ]

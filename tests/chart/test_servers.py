"""The containers of each component: image, user, command, settings and mounts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.chart.rendering import Rendered, environment
from tests.chart.workloads import by_name

OURS, MIRROR = "registry.example/team/procstream-{}:1.2.3", "mirror.example/{}"
FLINK = {"/opt/flink/conf": "configuration", "/tmp": "tmp", "/opt/flink/log": "log"}


@dataclass(frozen=True)
class Expected:
    """A container, the last of its pod."""

    image: str
    user: int
    args: list[str] | None = None
    """None: long, or looked at by another test."""
    variables: Mapping[str, str] = field(default_factory=dict)
    mounts: Mapping[str, str] = field(default_factory=dict)
    """Name of the volume by the path."""
    grace_seconds: int = 30


CONTAINERS = {
    "StatefulSet/kafka": Expected(
        MIRROR.format("apache/kafka:4.3.1"),
        1000,
        variables={"EXTRA_ARGS": "-name kafkaServer"},
        mounts={
            "/var/lib/kafka/data": "data",
            "/mnt/shared/config": "settings",
            "/opt/kafka/config": "work",
            "/opt/kafka/logs": "work",
            "/tmp": "work",
        },
        grace_seconds=120,
    ),
    "StatefulSet/minio": Expected(
        MIRROR.format("minio/minio:RELEASE.2025-09-07T16-13-09Z"),
        1000,
        ["server", "/data", "--address=:9000", "--console-address=:9001", "--certs-dir=/tmp/certs"],
        {"MINIO_UPDATE": "off", "MINIO_PROMETHEUS_AUTH_TYPE": "public"},
        {"/data": "data", "/tmp": "tmp"},
    ),
    "StatefulSet/postgres": Expected(
        MIRROR.format("postgres:17"),
        999,
        variables={"PGDATA": "/var/lib/postgresql/data/pgdata", "POSTGRES_DB": "procstream"},
        mounts={"/var/lib/postgresql/data": "data", "/var/run/postgresql": "work", "/tmp": "work"},
    ),
    "Deployment/registry": Expected(
        MIRROR.format("apicurio/apicurio-registry:3.3.3"),
        1001,
        variables={
            "APICURIO_STORAGE_KIND": "kafkasql",
            "APICURIO_KAFKASQL_BOOTSTRAP_SERVERS": "events-procstream-kafka:9092",
            "JAVA_MAX_MEM_RATIO": "50",
        },
        mounts={"/tmp": "tmp"},
    ),
    "Deployment/generator-orders": Expected(
        OURS.format("producer"),
        10001,
        ["generate", "orders"],
        {"KAFKA_TOPIC": "partitioned-topic", "LOG_FORMAT": "json"},
        grace_seconds=45,
    ),
    "Deployment/sql-gateway": Expected(
        OURS.format("flink"),
        9999,
        ["sql-gateway"],
        mounts={
            **FLINK,
            "/var/lib/procstream/tables": "tables",
            "/opt/flink/catalogs": "catalogs",
            "/opt/flink/catalogs/procstream.yaml": "configuration",
        },
    ),
    "Deployment/sql-gateway-jobmanager": Expected(OURS.format("flink"), 9999, ["jobmanager"], mounts=FLINK),
    "Deployment/sql-gateway-taskmanager": Expected(
        OURS.format("flink"),
        9999,
        ["taskmanager", "-Dtaskmanager.host=$(POD_IP)", "-Dtaskmanager.resource-id=$(POD_NAME)"],
        mounts=FLINK,
    ),
    "Deployment/pipeline-lineage-jobmanager": Expected(OURS.format("flink"), 9999, mounts=FLINK),
    "Deployment/pipeline-lineage-taskmanager": Expected(
        OURS.format("flink"),
        9999,
        ["taskmanager", "-Dtaskmanager.host=$(POD_IP)", "-Dtaskmanager.resource-id=$(POD_NAME)"],
        mounts=FLINK,
    ),
    "CronJob/verify-lineage": Expected(OURS.format("flink"), 9999, mounts={"/tmp": "tmp"}),
    "Pod/test": Expected(OURS.format("producer"), 10001, ["round-trip", "events-procstream-test"]),
}
SHARED = {
    "AWS_REGION",
    "S3_ENDPOINT",
    "S3_PATH_STYLE",
    "POSTGRES_URL",
    "OUTPUT_PATH",
    "DROPPED_PATH",
    "WRITE_AHEAD_COMMIT_LOG_PATH",
}
"""Variables of all that reads and writes lakes."""


@pytest.mark.parametrize(("workload", "expected"), CONTAINERS.items())
def test_a_container_is_as_expected(plain: Rendered, workload: str, expected: Expected) -> None:
    pod = by_name(plain)[workload].pod
    container = pod["containers"][-1]
    assert container["image"] == expected.image
    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": expected.user,
        "fsGroup": expected.user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    if expected.args is not None:
        assert container["args"] == expected.args
    found = {name: value for name, value in environment(container).items() if name not in SHARED}
    if workload != "StatefulSet/kafka":
        assert found == expected.variables
    assert found.items() >= expected.variables.items()
    mounts = {mount["mountPath"]: mount["name"] for mount in container.get("volumeMounts", ())}
    assert mounts == expected.mounts
    assert pod.get("terminationGracePeriodSeconds", 30) == expected.grace_seconds


def test_every_kind_of_container_is_expected(plain: Rendered) -> None:
    others = ("Deployment/generator-", "Deployment/pipeline-", "CronJob/verify-")
    unexpected = {name for name in by_name(plain).keys() - CONTAINERS.keys() if not name.startswith(others)}
    assert unexpected == {"Deployment/operator", "Job/uninstall"}


def test_metrics_of_minio_are_public_only_for_prometheus(local: Rendered) -> None:
    [container] = by_name(local)["StatefulSet/minio"].pod["containers"]
    assert "MINIO_PROMETHEUS_AUTH_TYPE" not in environment(container)


def test_folders_that_are_shared_have_a_path_each(plain: Rendered) -> None:
    for workload in ("StatefulSet/kafka", "StatefulSet/postgres"):
        [container] = by_name(plain)[workload].pod["containers"]
        paths = [mount.get("subPath") for mount in container["volumeMounts"] if mount["name"] == "work"]
        assert None not in paths
        assert len(set(paths)) == len(paths)


def test_data_are_on_a_volume_of_the_node(plain: Rendered) -> None:
    sizes = {"kafka": "10Gi", "minio": "20Gi", "postgres": "5Gi"}
    for name, one in plain.of("StatefulSet").items():
        [claim] = one["spec"]["volumeClaimTemplates"]
        assert claim["metadata"]["name"] == "data"
        assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
        assert claim["spec"]["resources"]["requests"]["storage"] == sizes.pop(name)
    assert sizes == {}


def test_what_may_hold_a_password_is_in_memory(plain: Rendered) -> None:
    volume = by_name(plain)["Deployment/sql-gateway"].volumes()["tables"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "32Mi"}


def test_logs_cannot_fill_a_node(plain: Rendered) -> None:
    with_logs = [one for one in by_name(plain).values() if "log" in one.volumes()]
    assert with_logs
    assert all(one.volumes()["log"]["emptyDir"]["sizeLimit"] == "256Mi" for one in with_logs)


def test_certificates_are_readable_by_the_group_alone(external: Rendered) -> None:
    volumes: list[Any] = [
        one.volumes()["tls"] for one in by_name(external).values() if "tls" in one.volumes()
    ]
    assert volumes
    assert all(one["secret"] == {"secretName": "kafka-ca", "defaultMode": 0o440} for one in volumes)


def test_certificates_are_where_kafka_is_reached(external: Rendered) -> None:
    for one in by_name(external).values():
        for container in one.containers():
            connected = any("configMapRef" in source for source in container.get("envFrom", ()))
            mounted = "/etc/procstream/tls" in [
                mount["mountPath"] for mount in container.get("volumeMounts", ())
            ]
            assert mounted is (connected or one.name == "Deployment/operator"), (one.name, container["name"])

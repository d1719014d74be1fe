"""A Kafka and a schema registry in the cluster, outside of the release.

Their images stand in for apache/kafka and apicurio/apicurio-registry where no image registry can be reached:
the same programs, paths and entry points.
"""

from typing import Any

from testbed import standins

EXTERNAL_PORT = 19092
"""Of Kafka's listener for clients that come by `kubectl port-forward`; the same port on both sides."""
REGISTRY_PORT = 8080

_KAFKA_ENVIRONMENT = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_LISTENERS": f"PLAINTEXT://:9092,EXTERNAL://:{EXTERNAL_PORT},CONTROLLER://:9093",
    "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://kafka:9092,EXTERNAL://127.0.0.1:{EXTERNAL_PORT}",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,EXTERNAL:PLAINTEXT",
    "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_HEAP_OPTS": "-Xmx512m",
    "KAFKA_LOG_DIRS": "/var/lib/kafka/data/log",
    "CLUSTER_ID": "5L6g3nShT-eMCtK--X86sw",
}
_REGISTRY_ENVIRONMENT = {"APICURIO_STORAGE_KIND": "sql", "APICURIO_STORAGE_SQL_KIND": "h2"}


def manifests() -> list[dict[str, Any]]:
    """Both with their Services. Kafka keeps its records when its pod is deleted."""
    kafka = _container(standins.KAFKA.reference, 1000, _KAFKA_ENVIRONMENT)
    kafka["readinessProbe"] = {"tcpSocket": {"port": 9092}, "periodSeconds": 1}
    kafka["volumeMounts"] = [{"name": "data", "mountPath": "/var/lib/kafka/data"}]
    registry = _container(standins.APICURIO.reference, 1001, _REGISTRY_ENVIRONMENT)
    registry["readinessProbe"] = {
        "httpGet": {"port": REGISTRY_PORT, "path": "/apis/ccompat/v7/subjects"},
        "periodSeconds": 1,
    }
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    return [
        _service("kafka", 9092, EXTERNAL_PORT),
        _stateful_set("kafka", kafka, volumeClaimTemplates=[claim]),
        _service("registry", REGISTRY_PORT),
        _stateful_set("registry", registry),
    ]


def _service(name: str, *ports: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {
            "selector": {"app": name},
            "ports": [{"name": f"port-{port}", "port": port} for port in ports],
        },
    }


def _stateful_set(name: str, container: dict[str, Any], **more: Any) -> dict[str, Any]:
    pod = {
        "containers": [container],
        "enableServiceLinks": False,  # Kafka would read KAFKA_PORT as a setting
        "securityContext": {"runAsNonRoot": True, "fsGroup": 1000},
        "terminationGracePeriodSeconds": 5,
    }
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name},
        "spec": {
            "serviceName": name,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **more,
        },
    }


def _container(image: str, user: int, environment: dict[str, str]) -> dict[str, Any]:
    return {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "securityContext": {"runAsUser": user},
    }

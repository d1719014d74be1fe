"""The DaemonSet of a `ProcstatProducer`. Pure.

It satisfies the restricted Pod Security Standard except for one point, a hostPath. Only the file `/proc/stat`
is mounted, read-only. The rest of /proc would show every process of the node.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from procstream_operator.resource import API_VERSION, GROUP, Resource

PRODUCER_LABEL = f"{GROUP}/producer"
"""On the DaemonSet and its pods: the name of their ProcstatProducer."""
CONNECTION_ANNOTATION = f"{GROUP}/connection"
"""On the pods: a fingerprint of the ConfigMaps and Secrets that they read. A new one restarts them."""

_STAT = "/proc/stat"
_STAT_IN_POD = "/host/proc/stat"
_TLS_FOLDER = "/etc/procstream/tls"
_USER = 10001
_METRICS_PORT = 9108
_STARTUP_SECONDS = 3600
_STARTUP_PERIOD = 2
_COMPUTE_TYPE = "eks.amazonaws.com/compute-type"


def build(resource: Resource, *, topic: str, default_image: str, connection: str) -> dict[str, Any]:
    """The manifest of the DaemonSet that samples every node into `topic`.

    `connection` is a fingerprint of the ConfigMaps and Secrets that the pods read when they start.
    """
    spec = resource.spec
    name, namespace = resource.key.name, resource.key.namespace
    labels = _labels(name)
    selector = {PRODUCER_LABEL: name}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "ownerReferences": [
                {
                    "apiVersion": API_VERSION,
                    "kind": resource.kind.title,
                    "name": name,
                    "uid": resource.uid,
                    "controller": True,
                    "blockOwnerDeletion": False,
                }
            ],
        },
        "spec": {
            "selector": {"matchLabels": selector},
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": spec.get("maxUnavailable", "10%")},
            },
            "template": {
                "metadata": {
                    "labels": {**spec.get("podLabels", {}), **labels},
                    "annotations": {**spec.get("podAnnotations", {}), CONNECTION_ANNOTATION: connection},
                },
                "spec": _pod(resource, topic, spec.get("image") or default_image),
            },
        },
    }


def references(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The ConfigMaps and Secrets that the pods read, as kind and name."""
    for source in spec.get("envFrom", ()):
        if "secretRef" in source:
            yield "Secret", source["secretRef"]["name"]
        else:
            yield "ConfigMap", source["configMapRef"]["name"]
    if "tlsSecretRef" in spec:
        yield "Secret", spec["tlsSecretRef"]["name"]


def topic_of(daemon_set: Mapping[str, Any] | None) -> str | None:
    """The topic that the pods of a DaemonSet send to; None without one."""
    if daemon_set is None:
        return None
    containers = daemon_set["spec"]["template"]["spec"]["containers"]
    variables = [one for container in containers for one in container.get("env", ())]
    return next((one.get("value") for one in variables if one["name"] == "KAFKA_TOPIC"), None)


def _labels(name: str) -> dict[str, str]:
    return {
        "app.kubernetes.io/name": "procstream-producer",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "producer",
        "app.kubernetes.io/part-of": "procstream",
        "app.kubernetes.io/managed-by": "procstream-operator",
        PRODUCER_LABEL: name,
    }


def _pod(resource: Resource, topic: str, image: str) -> dict[str, Any]:
    spec = resource.spec
    pod: dict[str, Any] = {
        # The kubelet's variables of every Service could be mistaken for settings.
        "enableServiceLinks": False,
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": {"nodeAffinity": _node_affinity()},
        "tolerations": spec.get("tolerations", []),
        "terminationGracePeriodSeconds": 30,
        "containers": [_container(resource, topic, image)],
        "volumes": [{"name": "proc-stat", "hostPath": {"path": _STAT, "type": "File"}}],
    }
    if "tlsSecretRef" in spec:
        tls = {"secretName": spec["tlsSecretRef"]["name"], "defaultMode": 0o440}
        pod["volumes"].append({"name": "tls", "secret": tls})
    for field in ("imagePullSecrets", "nodeSelector", "priorityClassName", "serviceAccountName"):
        if field in spec:
            pod[field] = spec[field]
    return pod


def _container(resource: Resource, topic: str, image: str) -> dict[str, Any]:
    spec = resource.spec
    probe = {"httpGet": {"path": "/healthz", "port": "metrics"}}
    container: dict[str, Any] = {
        "name": "producer",
        "image": image,
        "args": ["procstat"],
        "env": [*_environment(resource, topic), *spec.get("env", ())],
        "envFrom": spec.get("envFrom", []),
        "ports": [{"name": "metrics", "containerPort": _METRICS_PORT, "protocol": "TCP"}],
        # The producer waits for an unavailable broker, also at the start. Only a stuck sampler is restarted.
        "startupProbe": {
            **probe,
            "periodSeconds": _STARTUP_PERIOD,
            "failureThreshold": _STARTUP_SECONDS // _STARTUP_PERIOD,
        },
        "livenessProbe": {**probe, "periodSeconds": 10, "failureThreshold": 3},
        "readinessProbe": {**probe, "periodSeconds": 5},
        "resources": spec.get("resources", {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "proc-stat", "mountPath": _STAT_IN_POD, "readOnly": True}],
    }
    if "imagePullPolicy" in spec:
        container["imagePullPolicy"] = spec["imagePullPolicy"]
    if "tlsSecretRef" in spec:
        container["volumeMounts"].append({"name": "tls", "mountPath": _TLS_FOLDER, "readOnly": True})
    return container


def _environment(resource: Resource, topic: str) -> list[dict[str, Any]]:
    spec = resource.spec
    values = {
        "KAFKA_TOPIC": topic,
        "PROCSTAT_PATH": _STAT_IN_POD,
        "PRODUCER_INTERVAL_SECONDS": f"{spec.get('intervalSeconds', 1):g}",
        "BUFFER_MAX_RECORDS": str(spec.get("bufferMaxRecords", 3600)),
        "METRICS_HOST": "0.0.0.0",  # noqa: S104 - for Prometheus and the kubelet
        "METRICS_PORT": str(_METRICS_PORT),
        "STARTUP_TIMEOUT_SECONDS": str(_STARTUP_SECONDS),
        "LOG_FORMAT": "json",
    }
    given = {one["name"] for one in spec.get("env", ())}
    node = {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    return [node, *({"name": key, "value": value} for key, value in values.items() if key not in given)]


def _node_affinity() -> dict[str, Any]:
    # Fargate does not run DaemonSets: their pods would stay Pending.
    expressions = [
        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
        {"key": _COMPUTE_TYPE, "operator": "NotIn", "values": ["fargate"]},
    ]
    required = {"nodeSelectorTerms": [{"matchExpressions": expressions}]}
    return {"requiredDuringSchedulingIgnoredDuringExecution": required}

"""Objects against the types of the Kubernetes API, as the pinned Python client describes them."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from kubernetes.client import models
from pydantic import ValidationError

from tests.chart.rendering import CHART, Object

TYPES = {
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "Pod"): "V1Pod",
    ("v1", "Secret"): "V1Secret",
    ("v1", "Service"): "V1Service",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("apps/v1", "Deployment"): "V1Deployment",
    ("apps/v1", "StatefulSet"): "V1StatefulSet",
    ("batch/v1", "CronJob"): "V1CronJob",
    ("batch/v1", "Job"): "V1Job",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
    ("policy/v1", "PodDisruptionBudget"): "V1PodDisruptionBudget",
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): "V1ClusterRole",
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): "V1ClusterRoleBinding",
    ("rbac.authorization.k8s.io/v1", "Role"): "V1Role",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "V1RoleBinding",
}
OTHERS = {
    ("flink.apache.org/v1beta1", "FlinkDeployment"),
    ("monitoring.coreos.com/v1", "PodMonitor"),
}
"""Kinds of other projects, whose types are not at hand."""


def mistakes(thing: Object) -> list[str]:
    """What an object has that its type has not; nothing of kinds whose types are not at hand."""
    kind = (thing.get("apiVersion"), thing.get("kind"))
    if kind in TYPES:
        return list(_compared(thing, TYPES[kind]))
    if kind[0] == "procstream.io/v1alpha1":
        found = _resource(str(kind[1])).iter_errors(thing["spec"])
        return [f"{error.json_path}: {error.message}" for error in found]
    if kind in OTHERS:
        return list(_pod_templates(thing))
    return [f"{kind}: no such kind"]


def _pod_templates(thing: Object) -> Iterator[str]:
    spec = thing["spec"]
    places = {"podTemplate": spec.get("podTemplate")}
    for role in ("jobManager", "taskManager"):
        places[f"{role}.podTemplate"] = spec.get(role, {}).get("podTemplate")
    for place, template in places.items():
        if template is not None:
            # The roles have no containers of their own.
            whole = {**template, "spec": {"containers": [], **template["spec"]}}
            yield from (f"{place}.{one}" for one in _compared(whole, "V1PodTemplateSpec"))


def _compared(value: Any, type_name: str) -> Iterator[str]:
    # The models of the client are strict, and forbid other fields.
    try:
        getattr(models, type_name).model_validate(value)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            yield f"{'.'.join(map(str, detail['loc']))}: found {detail['input']!r}: {detail['msg']}"


@cache
def _resource(kind: str) -> Draft202012Validator:
    for file in (CHART / "crds").glob("*.yaml"):
        definition = yaml.safe_load(file.read_text())["spec"]
        if definition["names"]["kind"] == kind:
            [version] = definition["versions"]
            spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
            return Draft202012Validator(_closed(spec))
    raise AssertionError(f"{kind}: crds/ has no such kind")


def _closed(schema: Any) -> Any:
    """The API server drops fields that a structural schema does not have; here they are mistakes."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(one) for name, one in schema.items()}
    free = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    return closed if "properties" not in schema or free else {**closed, "additionalProperties": False}

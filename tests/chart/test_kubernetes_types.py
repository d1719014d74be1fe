"""The check of objects against their types finds mistakes."""

import copy
from typing import Any

import pytest

from tests.chart.kubernetes_types import mistakes

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "one", "labels": {"a": "b"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"a": "b"}},
        "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "main", "ports": [{"containerPort": 80}]}]},
        },
    },
}
TOPIC: dict[str, Any] = {
    "apiVersion": "procstream.io/v1alpha1",
    "kind": "Topic",
    "spec": {"topicName": "orders", "partitions": 3},
}


def changed(thing: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    result = copy.deepcopy(thing)
    target: Any = result
    *way, last = (int(part) if part.isdigit() else part for part in path.split("."))
    for part in way:
        target = target[part]
    target[last] = value
    return result


def test_an_object_as_it_should_be() -> None:
    assert mistakes(DEPLOYMENT) == []
    assert mistakes(TOPIC) == []


@pytest.mark.parametrize(
    ("path", "value", "mistake"),
    [
        ("apiVersion", "v1", "('v1', 'Deployment'): no such kind"),
        ("spec.replica", 2, "spec.replica: found 2: Extra inputs are not permitted"),
        ("spec.replicas", "2", "spec.replicas: found '2': Input should be a valid integer"),
        ("metadata.labels.a", 1, "metadata.labels.a: found 1: Input should be a valid string"),
        ("spec.template.spec.containers", {}, "spec.template.spec.containers: found {}: Input should be a"),
        ("spec.selector", None, "spec.selector: found None: Input should be a valid"),
        (
            "spec.template.spec.containers.0",
            {"image": "main:1"},
            "spec.template.spec.containers.0.name: found {'image': 'main:1'}: Field required",
        ),
    ],
)
def test_a_mistake_is_named_with_its_path(path: str, value: Any, mistake: str) -> None:
    [found] = mistakes(changed(DEPLOYMENT, path, value))
    assert found.startswith(mistake)


@pytest.mark.parametrize(
    ("path", "value"), [("spec.partitions", 0), ("spec.partition", 3), ("spec.deletionPolicy", "Keep")]
)
def test_a_mistake_in_a_resource_is_found_by_its_definition(path: str, value: Any) -> None:
    [found] = mistakes(changed(TOPIC, path, value))
    assert "partition" in found or "Keep" in found

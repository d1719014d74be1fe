"""Everything of a release that runs pods, as Kubernetes and Flink's operator create them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chart.rendering import PREFIX, Object, Rendered

FLINK_CONTAINER = "flink-main-container"
_FLINK_PORTS: Mapping[str, list[dict[str, Any]]] = {
    "jobManager": [{"name": "rest", "containerPort": 8081}],
    "taskManager": [{"name": "taskmanager-rpc", "containerPort": 6122}],
}
"""What Flink adds to its main container in native mode. Source: Flink 2.3, KubernetesJobManagerFactory."""


@dataclass(frozen=True)
class Workload:
    """Pods from one template."""

    name: str
    """Kind, and name without the release's prefix, such as `Deployment/registry`."""
    labels: Mapping[str, str]
    pod: Mapping[str, Any]
    """Their specification."""

    def containers(self) -> list[Mapping[str, Any]]:
        return [*self.pod.get("initContainers", ()), *self.pod["containers"]]

    def ports(self) -> dict[str, int]:
        return {
            port["name"]: port["containerPort"] for one in self.containers() for port in one.get("ports", ())
        }

    def volumes(self) -> Mapping[str, Mapping[str, Any]]:
        return {volume["name"]: volume for volume in self.pod.get("volumes", ())}


def workloads(rendered: Rendered) -> list[Workload]:
    return [one for thing in rendered.objects for one in _of(thing)]


def by_name(rendered: Rendered) -> dict[str, Workload]:
    return {one.name: one for one in workloads(rendered)}


def _of(thing: Object) -> Iterator[Workload]:
    kind, spec = thing["kind"], thing.get("spec", {})
    name = f"{kind}/{short(thing['metadata']['name'])}"
    if kind == "Pod":
        yield Workload(name, thing["metadata"]["labels"], spec)
    elif kind == "CronJob":
        yield _from_template(name, spec["jobTemplate"]["spec"]["template"])
    elif kind == "FlinkDeployment":
        for role in ("jobManager", "taskManager"):
            yield _flink(f"{name}/{role}", spec, role)
    elif "template" in spec:
        yield _from_template(name, spec["template"], spec.get("volumeClaimTemplates", ()))


def _from_template(name: str, template: Object, claims: Any = ()) -> Workload:
    volumes = [*template["spec"].get("volumes", ()), *({"name": one["metadata"]["name"]} for one in claims)]
    return Workload(name, template["metadata"]["labels"], {**template["spec"], "volumes": volumes})


def _flink(name: str, spec: Object, role: str) -> Workload:
    """Flink's operator merges the template of all pods and that of the role, containers by their names."""
    shared, own = spec["podTemplate"]["spec"], spec[role]["podTemplate"]
    [main] = shared["containers"]
    assert main["name"] == FLINK_CONTAINER
    assert "containers" not in own["spec"]
    main = {
        **main,
        "image": spec["image"],
        "imagePullPolicy": spec["imagePullPolicy"],
        "ports": [*main["ports"], *_FLINK_PORTS[role]],
    }
    pod = {**shared, **own["spec"], "containers": [main], "serviceAccountName": spec["serviceAccount"]}
    return Workload(name, own["metadata"]["labels"], pod)


def short(name: str) -> str:
    """Without the release's prefix."""
    return name.removeprefix(PREFIX).removeprefix("-")


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector matches. Source: Kubernetes, "Labels and Selectors"."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions", ()))


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, operator = expression["key"], expression["operator"]
    match operator:
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "In":
            return labels.get(key) in expression["values"]
        case _:
            return labels.get(key) not in expression["values"]

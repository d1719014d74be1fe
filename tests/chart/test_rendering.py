from collections import Counter

import pytest

from tests.chart.conftest import EVERYTHING
from tests.chart.kubernetes_types import mistakes
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, Chart, Rendered
from tests.chart.workloads import short


@pytest.mark.parametrize("file", ["values-local.yaml", "values-aws.yaml"])
def test_lint_finds_nothing(chart: Chart, file: str) -> None:
    assert "0 chart(s) failed" in chart.run("lint", str(CHART), "--strict", f"--values={CHART / file}")


def test_rendering_twice_gives_the_same(chart: Chart, everything: Rendered) -> None:
    again = Chart(chart.helm, chart.folder).render(EVERYTHING)
    assert again.text == everything.text


CLUSTER_WIDE = ("ClusterRole", "ClusterRoleBinding")


def test_objects_are_of_their_types(rendered: Rendered) -> None:
    found = {(one["kind"], one["metadata"]["name"]): mistakes(one) for one in rendered.objects}
    assert {thing: texts for thing, texts in found.items() if texts} == {}


def test_objects_have_names_of_their_own_and_are_in_the_releases_namespace(rendered: Rendered) -> None:
    identities = Counter((one["kind"], one["metadata"]["name"]) for one in rendered.objects)
    assert [identity for identity, count in identities.items() if count > 1] == []
    for one in rendered.objects:
        expected = None if one["kind"] in CLUSTER_WIDE else NAMESPACE
        assert one["metadata"].get("namespace") == expected, one["metadata"]["name"]


def test_objects_have_the_labels_of_the_release(everything: Rendered) -> None:
    for one in everything.objects:
        labels = one["metadata"]["labels"]
        assert (
            labels.items()
            >= {
                "app.kubernetes.io/name": "procstream",
                "app.kubernetes.io/instance": RELEASE,
                "app.kubernetes.io/part-of": "procstream",
                "app.kubernetes.io/managed-by": "Helm",
                "team": "streams",
            }.items()
        )
        assert {"app.kubernetes.io/version", "helm.sh/chart"} <= labels.keys()


def test_objects_have_the_label_of_their_component(rendered: Rendered) -> None:
    """The servers' objects are named after it."""
    for one in rendered.objects:
        component = one["metadata"]["labels"]["app.kubernetes.io/component"]
        name = short(one["metadata"]["name"])
        for server in ("kafka", "minio", "postgres", "registry", "sql-gateway"):
            assert (name == server or name.startswith(f"{server}-")) is component.startswith(server), name


def test_pods_say_what_they_need(rendered: Rendered) -> None:
    for name, pod in rendered.pods():
        assert pod["enableServiceLinks"] is False, name
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert container["imagePullPolicy"] == "IfNotPresent", name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert container["resources"]["limits"].keys() == {"memory"}, name


def test_options_reach_the_pods(everything: Rendered) -> None:
    template = everything.of("StatefulSet")["kafka"]["spec"]["template"]
    pod, metadata = template["spec"], template["metadata"]
    assert metadata["labels"]["one"] == "label"
    assert metadata["labels"]["team"] == "streams"
    assert metadata["annotations"]["one"] == "annotation"
    assert pod["nodeSelector"] == {"disk": "fast"}
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["affinity"] == {"podAntiAffinity": {}}
    assert pod["topologySpreadConstraints"][0]["topologyKey"] == "zone"
    assert pod["priorityClassName"] == "high"
    assert pod["imagePullSecrets"] == [{"name": "pull"}]


def test_images_come_from_the_registry_and_the_mirror(everything: Rendered) -> None:
    images = {one["image"] for _, pod in everything.pods() for one in pod["containers"]}
    assert "registry.example/team/procstream-producer:1.2.3" in images
    assert "mirror.example/apache/kafka:4.3.1" in images
    assert all(image.startswith(("registry.example/team/procstream-", "mirror.example/")) for image in images)


def test_an_image_can_have_a_digest(chart: Chart) -> None:
    digest = f"4.3.1@sha256:{'0' * 64}"
    values = {"minio": {"rootPassword": "not-a-secret"}, "kafka": {"image": {"tag": digest}}}
    [container] = chart.render(values).of("StatefulSet")["kafka"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"apache/kafka:{digest}"


def test_nothing_of_the_monitoring_is_there_by_default(local: Rendered) -> None:
    assert "monitoring" not in local.components()
    assert local.of("NetworkPolicy") == {}


def test_the_dashboard_is_found_by_grafana(everything: Rendered) -> None:
    dashboard = everything.of("ConfigMap")["dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert '"title": "procstream"' in dashboard["data"]["procstream.json"]

from collections import Counter

import pytest

from tests.chart.conftest import EVERYTHING
from tests.chart.pod_security import violations
from tests.chart.rendering import CHART, NAMESPACE, Chart, Rendered


@pytest.mark.parametrize("file", ["values-local.yaml", "values-aws.yaml"])
def test_lint_finds_nothing(chart: Chart, file: str) -> None:
    assert "0 chart(s) failed" in chart.run("lint", str(CHART), "--strict", f"--values={CHART / file}")


def test_rendering_twice_gives_the_same(chart: Chart, everything: Rendered) -> None:
    again = Chart(chart.helm, chart.folder).render(EVERYTHING)
    assert again.text == everything.text


def test_objects_have_their_own_names_and_all_labels(rendered: Rendered) -> None:
    identities = Counter((one["kind"], one["metadata"]["name"]) for one in rendered.objects)
    assert [identity for identity, count in identities.items() if count > 1] == []
    for one in rendered.objects:
        assert one["metadata"].get("namespace", NAMESPACE) == NAMESPACE
        assert one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "procstream"


def test_pods_are_restricted(rendered: Rendered) -> None:
    found = {name: violations(pod) for name, pod in rendered.pods()}
    assert len(found) >= 3
    assert {name: texts for name, texts in found.items() if texts} == {}


def test_pods_say_what_they_need(rendered: Rendered) -> None:
    for name, pod in rendered.pods():
        assert pod["enableServiceLinks"] is False, name
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            assert container["imagePullPolicy"] == "IfNotPresent", name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert container["resources"]["limits"].keys() == {"memory"}, name


def test_only_what_talks_to_the_api_server_has_a_token(rendered: Rendered) -> None:
    for name, pod in rendered.pods():
        if pod.get("automountServiceAccountToken", True):
            assert any(part in name for part in ("operator", "pipeline", "uninstall")), name


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


def test_an_image_can_be_told_by_its_digest(chart: Chart) -> None:
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

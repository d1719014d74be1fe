from collections import Counter

import pytest

from tests.chart.conftest import EVERYTHING
from tests.chart.pod_security import violations
from tests.chart.rendering import CHART, NAMESPACE, Chart, Rendered, references

# Made by the user, or by another chart.
FOREIGN = {"procstream-postgres"}
ALL = ["everything", "local", "aws"]


@pytest.fixture(params=ALL)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Rendered)
    return found


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


def test_selectors_find_their_pods(rendered: Rendered) -> None:
    for one in rendered.objects:
        if "template" in one.get("spec", {}):
            labels = one["spec"]["template"]["metadata"]["labels"]
            if one["kind"] != "Job":  # which selects by a label that Kubernetes gives
                assert one["spec"]["selector"]["matchLabels"].items() <= labels.items()
            assert labels["app.kubernetes.io/part-of"] == "procstream"


def test_services_lead_to_ports_of_pods(rendered: Rendered) -> None:
    templates = [one["spec"]["template"] for one in rendered.objects if "template" in one.get("spec", {})]
    for name, service in rendered.of("Service").items():
        behind = [
            pod
            for pod in templates
            if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
        ]
        assert len(behind) == 1, name
        ports = {port["name"] for one in behind[0]["spec"]["containers"] for port in one.get("ports", ())}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports


def test_every_configmap_and_secret_that_is_read_is_there(rendered: Rendered) -> None:
    there = {one["metadata"]["name"] for one in rendered.objects if one["kind"] in ("ConfigMap", "Secret")}
    for name, pod in rendered.pods():
        containers = (*pod.get("initContainers", ()), *pod["containers"])
        read = {reference for one in containers for reference in references(one)}
        for volume in pod.get("volumes", ()):
            read |= {volume["configMap"]["name"]} if "configMap" in volume else set()
            read |= {volume["secret"]["secretName"]} if "secret" in volume else set()
        assert read - there <= FOREIGN, name


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


def test_network_policies_guard_every_server(everything: Rendered) -> None:
    policies = everything.of("NetworkPolicy")
    assert policies.keys() >= {"kafka", "minio", "registry", "postgres"}
    peers = policies["kafka"]["spec"]["ingress"][0]["from"]
    assert {"namespaceSelector": {}} in peers
    nodes_only = policies["kafka"]["spec"]["ingress"][1]
    assert nodes_only["ports"] == [{"port": "controller"}]


@pytest.mark.parametrize("values", ["everything", "aws"])
def test_no_pod_is_without_a_network_policy(values: str, request: pytest.FixtureRequest) -> None:
    rendered: Rendered = request.getfixturevalue(values)
    templates = dict(rendered.templates())
    for name, one in rendered.of("FlinkDeployment").items():
        for role in ("jobManager", "taskManager"):
            templates[f"{name}/{role}"] = one["spec"][role]["podTemplate"]
    selectors = [one["spec"]["podSelector"] for one in rendered.of("NetworkPolicy").values()]
    selected = [one["matchLabels"] for one in selectors if "matchExpressions" not in one]
    for name, template in templates.items():
        labels = template["metadata"]["labels"]
        assert any(selector.items() <= labels.items() for selector in selected), name


def test_network_policies_let_in_to_the_metrics(everything: Rendered) -> None:
    [rule] = everything.of("NetworkPolicy")[""]["spec"]["ingress"]
    assert rule == {"ports": [{"port": "metrics"}]}


def test_the_network_policy_of_flink_is_for_its_pods_alone(everything: Rendered) -> None:
    policy = everything.of("NetworkPolicy")["flink"]["spec"]
    [expression] = policy["podSelector"]["matchExpressions"]
    assert expression == {"key": "procstream.io/flink", "operator": "Exists"}
    among_themselves, rest = policy["ingress"]
    ours = {"podSelector": {"matchLabels": {"app.kubernetes.io/part-of": "procstream"}}}
    assert ours in among_themselves["from"]
    assert "ports" not in among_themselves
    assert rest == {"ports": [{"port": 8081}]}
    deployment = everything.of("FlinkDeployment")["pipeline-lineage"]
    for role in ("jobManager", "taskManager"):
        assert expression["key"] in deployment["spec"][role]["podTemplate"]["metadata"]["labels"]


def test_an_image_can_be_told_by_its_digest(chart: Chart) -> None:
    digest = f"4.3.1@sha256:{'0' * 64}"
    values = {"minio": {"rootPassword": "not-a-secret"}, "kafka": {"image": {"tag": digest}}}
    [container] = chart.render(values).of("StatefulSet")["kafka"]["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"apache/kafka:{digest}"


def test_disruptions_leave_all_but_one(everything: Rendered) -> None:
    budgets = everything.of("PodDisruptionBudget")
    assert budgets.keys() >= {"kafka", "registry", "operator"}
    assert all(one["spec"]["maxUnavailable"] == 1 for one in budgets.values())


def test_nothing_of_the_monitoring_is_there_by_default(local: Rendered) -> None:
    assert "monitoring" not in local.components()
    assert local.of("NetworkPolicy") == {}


def test_the_dashboard_is_found_by_grafana(everything: Rendered) -> None:
    dashboard = everything.of("ConfigMap")["dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert '"title": "procstream"' in dashboard["data"]["procstream.json"]


def test_minio_tells_its_numbers_to_prometheus(everything: Rendered) -> None:
    assert everything.of("PodMonitor").keys() == {"", "minio"}

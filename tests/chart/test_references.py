"""Every name that an object refers to is that of an object of the release, or one of its user's."""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import pytest
import yaml

from tests.chart.conftest import FOREIGN_SECRETS
from tests.chart.rendering import NAMESPACE, PREFIX, Rendered
from tests.chart.workloads import Workload, workloads

FOREIGN_ACCOUNTS = {"procstream-producer", "default"}
"""ServiceAccounts that the users of values-aws.yaml create."""


def data_of(rendered: Rendered, kind: str) -> dict[str, Mapping[str, str]]:
    """Content of the ConfigMaps or Secrets by name."""
    return {
        one["metadata"]["name"]: one.get("data") or one.get("stringData") or {}
        for one in rendered.objects
        if one["kind"] == kind
    }


def read_by(workload: Workload) -> Iterator[tuple[str, str, str | None]]:
    """Kind, name, and key if one is named, of every ConfigMap and Secret that the pods need."""
    for container in workload.containers():
        for source in container.get("envFrom", ()):
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if field in source:
                    yield kind, source[field]["name"], None
        for variable in container.get("env", ()):
            for field, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                if reference := variable.get("valueFrom", {}).get(field):
                    yield kind, reference["name"], reference["key"]
    for volume in workload.volumes().values():
        for source in (volume, *volume.get("projected", {}).get("sources", ())):
            if "configMap" in source:
                yield "ConfigMap", source["configMap"]["name"], None
            if "secret" in source:
                yield "Secret", source["secret"].get("secretName") or source["secret"]["name"], None


def test_every_configmap_and_secret_is_there_with_its_keys(rendered: Rendered) -> None:
    there = {
        "ConfigMap": data_of(rendered, "ConfigMap"),
        "Secret": FOREIGN_SECRETS | data_of(rendered, "Secret"),
    }
    read = [(one.name, *reference) for one in workloads(rendered) for reference in read_by(one)]
    assert read
    for workload, kind, name, key in read:
        assert name in there[kind], (workload, kind)
        assert key is None or key in there[kind][name], (workload, kind, name)


def test_every_configmap_is_read_or_for_others(rendered: Rendered) -> None:
    read = {name for one in workloads(rendered) for kind, name, _ in read_by(one) if kind == "ConfigMap"}
    connection = {f"{PREFIX}-connection"}  # also read by the producers, which the operator creates
    assert data_of(rendered, "ConfigMap").keys() - read - connection <= {f"{PREFIX}-dashboard"}


def test_no_program_is_in_a_configmap(rendered: Rendered) -> None:
    own = {"my_rules.py"}  # a module that the user of the values wrote
    files = {name for data in data_of(rendered, "ConfigMap").values() for name in data} - own
    assert not [name for name in files if name.endswith((".py", ".sh", ".pl", ".js"))]


def test_mounts_are_of_volumes_of_the_pod_and_every_volume_is_mounted(rendered: Rendered) -> None:
    for one in workloads(rendered):
        mounted = {mount["name"] for each in one.containers() for mount in each.get("volumeMounts", ())}
        assert mounted <= one.volumes().keys(), one.name
        # A pod has the volume of the certificates wherever Kafka is reached.
        assert one.volumes().keys() - mounted <= {"tls"}, one.name


def test_a_file_of_a_configmap_that_is_mounted_alone_is_in_it(rendered: Rendered) -> None:
    data = data_of(rendered, "ConfigMap")
    for one in workloads(rendered):
        for container in one.containers():
            for mount in container.get("volumeMounts", ()):
                source = one.volumes()[mount["name"]].get("configMap")
                if source and "subPath" in mount:
                    assert mount["subPath"] in data[source["name"]], (one.name, mount)


def test_no_path_is_mounted_twice(rendered: Rendered) -> None:
    for one in workloads(rendered):
        for container in one.containers():
            paths = [mount["mountPath"] for mount in container.get("volumeMounts", ())]
            assert len(paths) == len(set(paths)), (one.name, container["name"])


def test_service_accounts_are_there(rendered: Rendered) -> None:
    accounts = {one["metadata"]["name"] for one in rendered.of("ServiceAccount").values()}
    for one in workloads(rendered):
        assert one.pod.get("serviceAccountName", "default") in accounts | FOREIGN_ACCOUNTS, one.name


def test_roles_are_bound_to_accounts_that_are_there(rendered: Rendered) -> None:
    roles = {
        (kind, one["metadata"]["name"])
        for kind in ("Role", "ClusterRole")
        for one in rendered.of(kind).values()
    }
    accounts = {one["metadata"]["name"] for one in rendered.of("ServiceAccount").values()}
    bound = set()
    for kind in ("RoleBinding", "ClusterRoleBinding"):
        for one in rendered.of(kind).values():
            reference = (one["roleRef"]["kind"], one["roleRef"]["name"])
            assert reference in roles
            bound.add(reference)
            for subject in one["subjects"]:
                assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", NAMESPACE)
                assert subject["name"] in accounts
    assert bound == roles


def test_pods_with_a_token_have_a_role(rendered: Rendered) -> None:
    bound = {
        subject["name"]
        for kind in ("RoleBinding", "ClusterRoleBinding")
        for one in rendered.of(kind).values()
        for subject in one["subjects"]
    }
    with_token = [one for one in workloads(rendered) if one.pod.get("automountServiceAccountToken", True)]
    assert with_token
    assert {one.pod["serviceAccountName"] for one in with_token} <= bound


def test_addresses_of_the_charts_own_servers_are_those_of_services(rendered: Rendered) -> None:
    ports = {
        one["metadata"]["name"]: {port["port"] for port in one["spec"]["ports"]}
        for one in rendered.of("Service").values()
    }
    found = [address for text in addresses(rendered) for address in hosts(text)]
    ours = [(host.split(".")[0], port) for host, port in found if host.startswith(PREFIX)]
    assert all(port in ports[host] for host, port in ours), ours
    assert ours or "kafka.example" in dict(found) or "example" in str(found)


def addresses(rendered: Rendered) -> Iterator[str]:
    """Texts that name a host and a port."""
    for one in workloads(rendered):
        for container in one.containers():
            for variable in container.get("env", ()):
                if any(part in variable["name"] for part in ("URL", "SERVERS", "ENDPOINT")):
                    yield str(variable.get("value", ""))
    yield from rendered.of("ConfigMap")["connection"]["data"].values()
    for data in data_of(rendered, "ConfigMap").values():
        configuration = yaml.safe_load(data.get("config.yaml", "")) or {}
        if "rest.address" in configuration:
            yield f"{configuration['rest.address']}:{configuration['rest.port']}"
        if "s3.endpoint" in configuration:
            yield configuration["s3.endpoint"]


def hosts(text: str) -> Iterator[tuple[str, int]]:
    for part in text.removeprefix("jdbc:").split(","):
        url = urlsplit(part if "//" in part else f"//{part}")
        if url.hostname and url.hostname.startswith(PREFIX):
            assert url.port, part
            yield url.hostname, url.port
        elif url.hostname:
            yield url.hostname, 0


def test_the_nodes_of_a_statefulset_have_a_service(rendered: Rendered) -> None:
    services = {one["metadata"]["name"] for one in rendered.of("Service").values()}
    for one in rendered.of("StatefulSet").values():
        assert one["spec"]["serviceName"] in services


def test_producers_refer_to_a_topic_and_a_schema_of_the_chart(rendered: Rendered) -> None:
    topics = {one["metadata"]["name"]: one["spec"]["topicName"] for one in rendered.of("Topic").values()}
    subjects = {one["metadata"]["name"]: one["spec"]["subject"] for one in rendered.of("Schema").values()}
    for one in rendered.of("ProcstatProducer").values():
        topic = topics[one["spec"]["topicRef"]["name"]]
        assert subjects[one["spec"]["schemaRef"]["name"]] == f"{topic}-value"
        there = {"ConfigMap": data_of(rendered, "ConfigMap"), "Secret": FOREIGN_SECRETS}
        for source in one["spec"]["envFrom"]:
            for field, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                assert source.get(field, {"name": None})["name"] in {None, *there[kind]}


@pytest.mark.parametrize("values", ["operated", "plain"])
def test_own_files_of_a_pipeline_are_mounted_where_the_job_looks(
    values: str, request: pytest.FixtureRequest
) -> None:
    rendered: Rendered = request.getfixturevalue(values)
    own = [one for one in workloads(rendered) if "pipeline-own" in one.name]
    assert len(own) == 2
    for one in own:
        [source] = [volume for name, volume in one.volumes().items() if name == "pipeline"]
        assert data_of(rendered, "ConfigMap")[source["configMap"]["name"]].keys() == {
            "own.yaml",
            "my_rules.py",
        }
        main = one.pod["containers"][0]
        assert "/etc/procstream/pipeline" in [mount["mountPath"] for mount in main["volumeMounts"]]

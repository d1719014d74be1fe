"""A mistake in values is reported with its path, a contradiction in one sentence."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.chart.rendering import CHART, Chart, RefusedError

EXTERNAL_KAFKA = {"enabled": False, "external": {"bootstrapServers": "kafka.example:9092"}}
EXTERNAL_REGISTRY = {"enabled": False, "external": {"url": "https://registry.example"}}


@pytest.mark.parametrize(
    ("values", "path", "found"),
    [
        ({"kafkas": {}}, "", "'kafkas' not allowed"),
        ({"kafka": {"replica": 3}}, "/kafka", "'replica' not allowed"),
        ({"kafka": {"replicas": 0}}, "/kafka/replicas", "got 0"),
        ({"kafka": {"controllers": 2}}, "/kafka/controllers", "one of"),
        ({"kafka": {"heap": "512"}}, "/kafka/heap", "512"),
        ({"kafka": {"external": {"securityProtocol": "TLS"}}}, "/kafka/external/securityProtocol", "one of"),
        ({"kafka": {"external": {"bootstrapServers": "kafka"}}}, "/kafka/external/bootstrapServers", "kafka"),
        ({"kafka": {"storage": {"size": "ten"}}}, "/kafka/storage/size", "ten"),
        ({"kafka": {"resources": {"limit": {}}}}, "/kafka/resources", "'limit' not allowed"),
        ({"kafka": {"tolerations": [{"op": "Exists"}]}}, "/kafka/tolerations/0", "'op' not allowed"),
        ({"minio": {"rootUser": "me"}}, "/minio/rootUser", "3"),
        ({"s3": {"bucket": "My_Bucket"}}, "/s3/bucket", "My_Bucket"),
        ({"s3": {"external": {"endpoint": "minio:9000"}}}, "/s3/external/endpoint", "minio:9000"),
        ({"registry": {"storage": "memory"}}, "/registry/storage", "one of"),
        ({"registry": {"external": {"uri": "x"}}}, "/registry/external", "'uri' not allowed"),
        ({"postgres": {"external": {"url": "mysql://x/y"}}}, "/postgres/external/url", "mysql"),
        ({"operator": {"replica": 2}}, "/operator", "'replica' not allowed"),
        ({"producer": {"interval": 2}}, "/producer", "'interval' not allowed"),
        ({"producer": {"intervalSeconds": 0}}, "/producer/intervalSeconds", "got 0"),
        ({"generators": {"payments": {"enabled": True}}}, "/generators", "payments"),
        ({"generators": {"orders": {"rate": 5}}}, "/generators/orders", "'rate' not allowed"),
        ({"monitoring": {"podMonitor": {}}}, "/monitoring", "'podMonitor' not allowed"),
        ({"networkPolicies": {"enabled": "yes"}}, "/networkPolicies/enabled", "want boolean"),
        ({"topics": [{"topicName": "a b", "partitions": 1}]}, "/topics/0/topicName", "a b"),
        ({"topics": [{"topicName": "a", "partition": 1}]}, "/topics/0", "'partition' not allowed"),
        ({"schemas": [{"subject": "a", "type": "XML"}]}, "/schemas/0/type", "one of"),
        ({"topics": [{"partitions": 1}]}, "/topics/0", "missing property 'topicName'"),
        ({"kafka": {"config": {"Log.Dirs": "/x"}}}, "/kafka/config", "Log.Dirs"),
        ({"kafka": {"config": {"log.dirs": ["/x"]}}}, "/kafka/config/log.dirs", "got array"),
        ({"kafka": {"podLabels": {"tier": 1}}}, "/kafka/podLabels/tier", "got number, want string"),
        ({"kafka": {"affinity": {"podAffinities": {}}}}, "/kafka/affinity", "'podAffinities' not allowed"),
        (
            {"kafka": {"affinity": {"nodeAffinity": {"requiredDuringScheduling": {}}}}},
            "/kafka/affinity/nodeAffinity",
            "'requiredDuringScheduling' not allowed",
        ),
        (
            {"registry": {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone"}]}},
            "/registry/topologySpreadConstraints/0",
            "missing property 'whenUnsatisfiable'",
        ),
        (
            {"networkPolicies": {"allowFrom": [{"podSelector": {"labels": {}}}]}},
            "/networkPolicies/allowFrom/0/podSelector",
            "'labels' not allowed",
        ),
        (
            {"networkPolicies": {"allowFrom": [{"ipBlock": {"except": []}}]}},
            "/networkPolicies/allowFrom/0/ipBlock",
            "missing property 'cidr'",
        ),
        ({"flink": {"taskManager": {"replicas": "two"}}}, "/flink/taskManager/replicas", "got string, want"),
        ({"flink": {"taskManager": {"replicas": 0}}}, "/flink/taskManager/replicas", "got 0"),
        ({"imagePullSecrets": [{}]}, "/imagePullSecrets/0", "missing property 'name'"),
    ],
)
def test_a_mistake_is_named_with_its_path(
    chart: Chart, values: Mapping[str, Any], path: str, found: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        chart.render(values, "values-local.yaml")
    lines = [line for line in str(refused.value).splitlines() if f"at '{path}'" in line]
    assert any(found in line for line in lines), str(refused.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"kafka": {"external": {"bootstrapServers": "kafka.example:9092"}}},
            "kafka.external.bootstrapServers: found kafka.example:9092, but kafka.enabled is true: "
            "set kafka.enabled to false to use that Kafka",
        ),
        (
            {"kafka": {"enabled": False}},
            "kafka.external.bootstrapServers: not set, but kafka.enabled is false: "
            "give host:port, several separated by commas",
        ),
        (
            {"kafka": {"replicas": 1, "controllers": 3}},
            "kafka.controllers: found 3, but kafka.replicas is 1: the first of these nodes are the "
            "controllers, so set it to 1 or less",
        ),
        (
            {"kafka": {"heap": "1g", "resources": {"limits": {"memory": "1152Mi"}}}},
            "kafka.heap: found 1g, but kafka.resources.limits.memory is 1152Mi: Java needs 256Mi besides its "
            "heap, so make one smaller or the other larger",
        ),
        (
            {"s3": {"external": {"endpoint": "https://s3.example"}}},
            "s3.external.endpoint: found https://s3.example, but minio.enabled is true: "
            "set minio.enabled to false to use that store",
        ),
        (
            {"registry": {"external": {"url": "https://registry.example"}}},
            "registry.external.url: found https://registry.example, but registry.enabled is true: "
            "set registry.enabled to false to use that registry",
        ),
        (
            {"registry": {"enabled": False}},
            "registry.external.url: not set, but registry.enabled is false: "
            "give the URL of a Confluent-compatible registry",
        ),
        (
            {"registry": {"storage": "postgres"}},
            "registry.storage: found postgres, but there is no PostgreSQL: "
            "set postgres.enabled to true or postgres.external.url",
        ),
        (
            {
                "kafka": {
                    **EXTERNAL_KAFKA,
                    "external": {**EXTERNAL_KAFKA["external"], "securityProtocol": "SSL"},  # type: ignore[dict-item]
                }
            },
            "registry.storage: found kafka, but kafka.external.securityProtocol is SSL, and the "
            "registry of this chart supports only PLAINTEXT: set registry.storage to postgres, "
            "or registry.enabled to false",
        ),
        (
            {"postgres": {"enabled": True, "password": ""}},
            "postgres.password: not set: give one, or a Secret's name in postgres.existingSecret, "
            "or set postgres.enabled to false",
        ),
        (
            {"minio": {"rootPassword": ""}},
            "minio.rootPassword: not set: give one of at least 8 characters, or a Secret's name in "
            "minio.existingSecret, or set minio.enabled to false",
        ),
        (
            {"minio": {"rootPassword": "short"}},
            "minio.rootPassword: found 5 characters, but MinIO wants at least 8: give a longer one",
        ),
    ],
)
def test_a_contradiction_gives_one_sentence(chart: Chart, values: Mapping[str, Any], sentence: str) -> None:
    with pytest.raises(RefusedError) as refused:
        chart.render(values, "values-local.yaml")
    # Helm says where it was found, and how its own debugging works.
    assert str(refused.value).splitlines()[0].endswith(f": {sentence}")


def test_two_regions_are_one_too_many(chart: Chart) -> None:
    with pytest.raises(
        RefusedError, match=r"s3\.external\.region: found us-east-1, but kafka\.external\.awsRegion"
    ):
        chart.render({"s3": {"external": {"region": "us-east-1"}}}, "values-aws.yaml")


def test_a_password_is_not_shown(chart: Chart) -> None:
    with pytest.raises(RefusedError) as refused:
        chart.render({"minio": {"rootPassword": "hushhus", "no": 1}})
    assert "hushhus" not in str(refused.value)


@pytest.mark.parametrize(
    ("crd", "values", "elsewhere"),
    [
        (
            "procstatproducers",
            "producer",
            {"topicRef", "schemaRef", "image", "imagePullPolicy", "imagePullSecrets"},
        ),
        ("topics", "topics", set()),
        ("schemas", "schemas", set()),
    ],
)
def test_the_schema_has_every_field_of_the_resources(crd: str, values: str, elsewhere: set[str]) -> None:
    """`elsewhere` are fields that the chart sets from others."""
    definition = yaml.safe_load((CHART / "crds" / f"{crd}.yaml").read_text())
    resource = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    schema = json.loads((CHART / "values.schema.json").read_text())
    field = schema["properties"][values]
    name = field.get("items", field)["$ref"].removeprefix("#/$defs/")
    own = schema["$defs"][name]["properties"]
    # The connection is the chart's own.
    assert resource["properties"].keys() - elsewhere - {"envFrom", "tlsSecretRef"} <= own.keys()

import pytest
from procstream_common.settings import KafkaSettings, RegistrySettings, load

from tests.chart.rendering import NAMESPACE, PREFIX, Chart, Rendered, environment, references

PASSWORD = {"minio": {"rootPassword": "not-a-secret"}}


def properties(rendered: Rendered) -> dict[str, str]:
    lines = rendered.of("ConfigMap")["kafka"]["data"]["server.properties"].split()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("replicas", "voters", "replication", "in_sync"), [(1, 1, "1", "1"), (2, 1, "2", "1"), (5, 3, "3", "2")]
)
def test_kafka_replicates_as_its_nodes_allow(
    chart: Chart, replicas: int, voters: int, replication: str, in_sync: str
) -> None:
    rendered = chart.render({**PASSWORD, "kafka": {"replicas": replicas}})
    found = properties(rendered)
    names = [f"{PREFIX}-kafka-{node}.{PREFIX}-kafka-nodes.{NAMESPACE}.svc" for node in range(voters)]
    quorum = ",".join(f"{node}@{name}:9093" for node, name in enumerate(names))
    assert found["controller.quorum.voters"] == quorum
    for name in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic"):
        assert found[f"{name}.replication.factor"] == replication
    assert found["default.replication.factor"] == replication
    assert found["transaction.state.log.min.isr"] == in_sync
    assert found["min.insync.replicas"] == in_sync
    assert found["auto.create.topics.enable"] == "false"
    topic = by_topic(rendered)["lineage-input"]
    assert str(topic["replicationFactor"]) == replication


def by_topic(rendered: Rendered) -> dict[str, dict[str, object]]:
    return {one["spec"]["topicName"]: one["spec"] for one in rendered.of("Topic").values()}


def test_nodes_of_kafka_are_spread(local: Rendered) -> None:
    template = local.of("StatefulSet")["kafka"]["spec"]["template"]
    spread = template["spec"]["topologySpreadConstraints"][0]
    assert spread["topologyKey"] == "kubernetes.io/hostname"
    assert spread["labelSelector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


def test_kafkas_settings_can_be_others(everything: Rendered) -> None:
    found = properties(everything)
    assert found["log.retention.hours"] == "48"
    assert found["log.retention.bytes"] == "10737418240"
    assert found["min.insync.replicas"] == "1"


def test_a_setting_of_kafka_rolls_its_pods(chart: Chart) -> None:
    def checksum(config: dict[str, int]) -> str:
        found = chart.render({**PASSWORD, "kafka": {"config": config}}).of("StatefulSet")["kafka"]
        return str(found["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum({"log.retention.hours": 1}) == checksum({"log.retention.hours": 1})
    assert checksum({"log.retention.hours": 1}) != checksum({"log.retention.hours": 2})


def test_kafkas_nodes_start_together_and_find_each_other(everything: Rendered) -> None:
    spec = everything.of("StatefulSet")["kafka"]["spec"]
    assert spec["podManagementPolicy"] == "Parallel"
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] >= 60
    nodes = everything.of("Service")["kafka-nodes"]["spec"]
    assert (nodes["clusterIP"], nodes["publishNotReadyAddresses"]) == ("None", True)
    assert spec["serviceName"] == f"{PREFIX}-kafka-nodes"
    assert spec["volumeClaimTemplates"][0]["spec"]["storageClassName"] == "fast"


def test_pods_find_the_charts_own_servers(local: Rendered) -> None:
    variables = local.of("ConfigMap")["connection"]["data"]
    assert load(KafkaSettings, variables).bootstrap_servers == f"{PREFIX}-kafka:9092"
    assert load(RegistrySettings, variables).url == f"http://{PREFIX}-registry:8080/apis/ccompat/v7"


def test_pods_find_the_servers_of_aws(aws: Rendered) -> None:
    variables = aws.of("ConfigMap")["connection"]["data"]
    kafka = load(KafkaSettings, variables)
    assert (kafka.security_protocol, kafka.sasl_mechanism) == ("SASL_SSL", "AWS_MSK_IAM")
    assert kafka.msk_iam_region == "eu-central-1"
    assert aws.of("StatefulSet") == {}
    assert {topic["replicationFactor"] for topic in by_topic(aws).values()} == {3}
    registry = aws.of("Deployment")["registry"]["spec"]["template"]["spec"]["containers"][0]
    assert environment(registry)["APICURIO_DATASOURCE_URL"].startswith("jdbc:postgresql://example.eu-")
    assert "procstream-postgres" in references(registry)


def test_what_is_external_is_not_created(chart: Chart) -> None:
    rendered = chart.render(
        {
            "kafka": {
                "enabled": False,
                "external": {
                    "bootstrapServers": "kafka.example:9093",
                    "securityProtocol": "SASL_SSL",
                    "saslMechanism": "SCRAM-SHA-512",
                    "existingSecret": "kafka-password",
                    "tlsSecret": "kafka-ca",
                },
            },
            "minio": {"enabled": False},
            "s3": {"external": {"endpoint": "https://s3.example", "existingSecret": "s3-keys"}},
            "registry": {
                "enabled": False,
                "external": {"url": "https://registry.example", "existingSecret": "registry-password"},
            },
        }
    )
    assert rendered.of("StatefulSet") == {}
    assert not rendered.components() & {"kafka", "minio", "registry", "postgres"}
    pod = rendered.of("Deployment")["generator-lineage-input"]["spec"]["template"]["spec"]
    for container in (*pod["initContainers"], *pod["containers"]):
        assert references(container) >= {f"{PREFIX}-connection", "kafka-password", "registry-password"}
        assert {"name": "tls", "mountPath": "/etc/procstream/tls", "readOnly": True} in container[
            "volumeMounts"
        ]
    assert pod["volumes"][0]["secret"]["secretName"] == "kafka-ca"


def test_pods_read_only_the_secrets_that_they_need(everything: Rendered) -> None:
    pod = everything.of("Deployment")["generator-orders"]["spec"]["template"]["spec"]
    assert references(pod["containers"][0]) == {f"{PREFIX}-connection"}


def test_secrets_of_others_are_taken(chart: Chart) -> None:
    rendered = chart.render(
        {
            "minio": {"existingSecret": "mine"},
            "postgres": {"enabled": True, "existingSecret": "mine-too"},
        }
    )
    assert rendered.of("Secret") == {}
    servers = rendered.of("StatefulSet")
    assert references(servers["minio"]["spec"]["template"]["spec"]["containers"][0]) == {"mine"}
    assert references(servers["postgres"]["spec"]["template"]["spec"]["containers"][0]) == {"mine-too"}


def test_minio_has_the_bucket(chart: Chart) -> None:
    rendered = chart.render({**PASSWORD, "s3": {"bucket": "my-lake"}})
    bucket = rendered.of("StatefulSet")["minio"]["spec"]["template"]["spec"]["initContainers"][0]
    assert bucket["command"] == ["mkdir", "-p", "/data/my-lake"]


def test_the_registry_waits_for_kafka(local: Rendered) -> None:
    pod = local.of("Deployment")["registry"]["spec"]["template"]["spec"]
    assert pod["initContainers"][0]["args"] == ["kafka"]
    assert environment(pod["containers"][0])["APICURIO_STORAGE_KIND"] == "kafkasql"


def test_a_generator_waits_for_its_topic_and_schema(everything: Rendered) -> None:
    deployments = everything.of("Deployment")

    def waits(name: str) -> list[str]:
        pod = deployments[f"generator-{name}"]["spec"]["template"]["spec"]
        return list(pod["initContainers"][0]["args"])

    assert waits("lineage-input") == ["kafka", "topic:lineage-input", "subject:lineage-input-value"]
    assert waits("orders") == ["kafka", "topic:partitioned-topic"]


def test_a_generator_takes_variables_and_arguments(chart: Chart) -> None:
    orders = {"enabled": True, "env": {"PRODUCER_RATE": 5}, "args": ["--late", 0.1]}
    rendered = chart.render({**PASSWORD, "generators": {"orders": orders}})
    pod = rendered.of("Deployment")["generator-orders"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["generate", "orders", "--late", "0.1"]
    assert environment(pod["containers"][0])["PRODUCER_RATE"] == "5"


def test_generators_wait_for_topics_that_the_chart_creates(everything: Rendered) -> None:
    subjects = {one["spec"]["subject"] for one in everything.of("Schema").values()}
    topics = set(by_topic(everything))
    for name, one in everything.of("Deployment").items():
        if name.startswith("generator-"):
            needs = one["spec"]["template"]["spec"]["initContainers"][0]["args"]
            assert {need.removeprefix("topic:") for need in needs if need.startswith("topic:")} <= topics
            assert {
                need.removeprefix("subject:") for need in needs if need.startswith("subject:")
            } <= subjects


def test_what_is_to_be_deleted_is_deleted_before_the_operator(chart: Chart, local: Rendered) -> None:
    assert "uninstall" not in local.of("Job")
    topic = {"topicName": "passing", "partitions": 1, "deletionPolicy": "Delete"}
    rendered = chart.render({"topics": [topic]}, "values-local.yaml")
    for kind in ("ServiceAccount", "Role", "RoleBinding", "Job"):
        annotations = rendered.of(kind)["uninstall"]["metadata"]["annotations"]
        assert annotations["helm.sh/hook"] == "pre-delete"
    [rule] = rendered.of("Role")["uninstall"]["rules"]
    assert rule == {
        "apiGroups": ["procstream.io"],
        "resources": ["topics", "schemas"],
        "verbs": ["list", "delete"],
    }
    pod = rendered.of("Job")["uninstall"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["uninstall", "--selector=app.kubernetes.io/instance=events"]

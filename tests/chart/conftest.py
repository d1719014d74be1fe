"""The chart, rendered by the helm of PATH or by one that is built once."""

import shutil
from pathlib import Path

import pytest
from procstream_job.file.reading import shipped_pipelines

from testbed.cluster import programs
from tests.chart.rendering import Chart, Rendered

EVERYTHING = {
    "image": {"registry": "registry.example/team", "mirror": "mirror.example", "tag": "1.2.3"},
    "imagePullSecrets": [{"name": "pull"}],
    "commonLabels": {"team": "streams"},
    "kafka": {
        "replicas": 3,
        "config": {"log.retention.hours": 48, "min.insync.replicas": 1, "log.retention.bytes": 10737418240},
        "storage": {"className": "fast"},
        "podLabels": {"one": "label"},
        "podAnnotations": {"one": "annotation"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
        ],
        "priorityClassName": "high",
    },
    "minio": {"rootPassword": "not-a-secret", "storage": {"className": "slow"}},
    "registry": {"replicas": 2},
    "postgres": {"enabled": True, "password": "not-a-secret"},
    "operator": {"watchAllNamespaces": True},
    "schemas": [
        {"subject": f"{topic}-value", "file": f"schemas/{topic}.avsc", "deletionPolicy": "Delete"}
        for topic in ("procstat_snapshots", "lineage-input")
    ],
    "generators": {
        name: {"enabled": True} for name in ("lineage-input", "transactions", "splitpay", "orders")
    },
    "sqlGateway": {"enabled": True},
    "networkPolicies": {"enabled": True, "allowFrom": [{"namespaceSelector": {}}]},
    "monitoring": {"podMonitors": {"enabled": True}, "dashboards": {"enabled": True}},
}


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory) -> Chart:
    found = shutil.which("helm")
    helm = Path(found) if found else programs.build(programs.HELM)
    return Chart(helm, tmp_path_factory.mktemp("chart"))


OWN_PIPELINE = {
    "enabled": True,
    "definition": {
        "name": "own",
        "sources": {"people": {"topic": "${TOPIC}", "format": "avro"}},
        "functions": ["my_rules:shout"],
        "sink": {"print": {}},
        "dropped": {"kafka": {"topic": "dead-letters"}},
    },
    "files": {"my_rules.py": "from pyflink.table.udf import udf\n"},
    "env": {"TOPIC": "people"},
}
ALL_PIPELINES = {name: {"enabled": True} for name in shipped_pipelines()} | {"own": OWN_PIPELINE}
EXTERNAL = {
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
    "postgres": {
        "external": {"url": "postgresql://postgres.example/events", "existingSecret": "database-password"}
    },
    "sqlGateway": {"enabled": True},
    "networkPolicies": {"enabled": True},
}
FOREIGN_SECRETS = {
    "kafka-password": {"KAFKA_SASL_USERNAME": "user", "KAFKA_SASL_PASSWORD": "not-a-secret"},
    "s3-keys": {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "not-a-secret"},
    "registry-password": {"SCHEMA_REGISTRY_USERNAME": "user", "SCHEMA_REGISTRY_PASSWORD": "not-a-secret"},
    "database-password": {"POSTGRES_USER": "user", "POSTGRES_PASSWORD": "not-a-secret"},
    "procstream-postgres": {"POSTGRES_USER": "user", "POSTGRES_PASSWORD": "not-a-secret"},
    "kafka-ca": {"ca.pem": ""},
}
"""Secrets that the users of `EXTERNAL` and of values-aws.yaml create."""


@pytest.fixture(scope="session")
def everything(chart: Chart) -> Rendered:
    """With every option of the platform on."""
    return chart.render(EVERYTHING)


@pytest.fixture(scope="session")
def operated(chart: Chart) -> Rendered:
    """With every option and every pipeline, which Flink's operator runs."""
    return chart.render({**EVERYTHING, "pipelines": ALL_PIPELINES})


@pytest.fixture(scope="session")
def plain(chart: Chart) -> Rendered:
    """The same, where the chart's own Deployments run the pipelines."""
    flink = {"operator": {"enabled": False}}
    return chart.render({**EVERYTHING, "pipelines": ALL_PIPELINES, "flink": flink})


@pytest.fixture(scope="session")
def external(chart: Chart) -> Rendered:
    """With servers of others, which want passwords and certificates."""
    return chart.render({**EXTERNAL, "flink": {"operator": {"enabled": False}}})


RENDERS = ["everything", "operated", "plain", "external", "local", "aws"]


@pytest.fixture(params=RENDERS)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """Each of the ways to install the chart."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Rendered)
    return found


@pytest.fixture(scope="session")
def local(chart: Chart) -> Rendered:
    return chart.render({}, "values-local.yaml")


@pytest.fixture(scope="session")
def aws(chart: Chart) -> Rendered:
    return chart.render({}, "values-aws.yaml")

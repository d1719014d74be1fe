"""The chart, rendered by the helm of PATH or by one that is built once."""

import shutil
from pathlib import Path

import pytest

from tests.chart.rendering import Chart, Rendered
from tests.e2e.cluster import programs

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
    "operator": {"replicas": 2, "watchAllNamespaces": True},
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


@pytest.fixture(scope="session")
def everything(chart: Chart) -> Rendered:
    """With every option of the platform on."""
    return chart.render(EVERYTHING)


@pytest.fixture(scope="session")
def local(chart: Chart) -> Rendered:
    return chart.render({}, "values-local.yaml")


@pytest.fixture(scope="session")
def aws(chart: Chart) -> Rendered:
    return chart.render({}, "values-aws.yaml")

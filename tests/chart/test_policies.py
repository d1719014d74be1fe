from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from procstream_operator.producers import manifest
from procstream_operator.resource import Kind

from tests.chart.checkov import CONFIGURATION, Report, scan
from tests.chart.rendering import CHART, Chart, Rendered
from tests.unit.custom_resources.resources import resource

VIOLATION = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "violation", "namespace": "streams"},
    "spec": {"hostNetwork": True, "containers": [{"name": "main", "image": "main:1"}]},
}


@pytest.fixture(scope="module")
def manifests(
    chart: Chart,
    local: Rendered,
    aws: Rendered,
    everything: Rendered,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    defaults = chart.render({"minio": {"rootPassword": "not-a-secret"}})
    rendered = {"defaults": defaults, "local": local, "aws": aws, "everything": everything}
    texts = {name: one.text for name, one in rendered.items()}
    texts["producers"] = yaml.safe_dump_all(daemon_sets(everything))
    folder = tmp_path_factory.mktemp("manifests")
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def daemon_sets(rendered: Rendered) -> Iterator[dict[str, Any]]:
    """What the operator creates for the chart's ProcstatProducers, which Checkov does not know."""
    definition = yaml.safe_load((CHART / "crds" / "procstatproducers.yaml").read_text())
    fields = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"][
        "properties"
    ]
    defaults = {name: field["default"] for name, field in fields.items() if "default" in field}
    for name, one in rendered.of("ProcstatProducer").items():
        asked = resource(Kind.PRODUCER, {**defaults, **one["spec"]}, name=name)
        yield manifest.build(asked, topic="procstat_snapshots", default_image="", connection="")


@pytest.fixture(scope="module")
def report(manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    (manifests / "violation.yaml").write_text(yaml.safe_dump(VIOLATION))
    try:
        return scan(manifests, f"--config-file={CONFIGURATION}")
    finally:
        (manifests / "violation.yaml").unlink()


@pytest.mark.parametrize("name", ["defaults", "local", "aws", "everything", "producers"])
def test_policies_hold(report: Report, name: str) -> None:
    assert any(one.file == f"{name}.yaml" for one in report.passed)
    found = [str(one) for one in report.failed if one.file == f"{name}.yaml"]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_a_violation_is_found(report: Report) -> None:
    assert ("CKV_K8S_19", "Pod.streams.violation") in {(one.check, one.resource) for one in report.failed}


def test_every_skip_is_needed(manifests: Path) -> None:
    skipped = yaml.safe_load(CONFIGURATION.read_text())["skip-check"]
    report = scan(manifests, "--framework=kubernetes", "--skip-download", f"--check={','.join(skipped)}")
    assert {one.check for one in report.failed} == set(skipped)

"""Java options that every Flink has, and how those of users add to them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from procstream_local.stack.services import flink

from tests.chart.conftest import EVERYTHING
from tests.chart.rendering import CHART, Chart, Rendered
from tests.chart.test_state import configurations

KEY, USERS = "env.java.default-opts.all", "env.java.opts.all"
DEFAULTS: dict[str, str] = yaml.safe_load((CHART / "files" / "flink-defaults.yaml").read_text())


def every(rendered: Rendered) -> Iterator[dict[str, Any]]:
    """Flink's configuration of each pipeline, and of the session cluster."""
    yield from (dict(one) for one in configurations(rendered).values())
    yield yaml.safe_load(rendered.of("ConfigMap")["sql-gateway"]["data"]["config.yaml"])


def test_they_open_what_flink_needs_and_limit_avro() -> None:
    options = DEFAULTS[KEY].split()
    assert len(options) == len(set(options))
    for package in ("java.lang", "java.nio", "java.util", "java.util.concurrent", "java.time"):
        assert f"--add-opens=java.base/{package}=ALL-UNNAMED" in options
    limits = [
        one for one in options if one.startswith("-Dorg.apache.flink.avro.shaded.org.apache.avro.limits.")
    ]
    assert {one.partition("=")[2] for one in limits} == {str(16 << 20)}
    assert {one.split(".limits.")[1].partition("=")[0] for one in limits} == {
        "string.maxLength",
        "bytes.maxLength",
        "collectionItems.maxLength",
    }


@pytest.mark.parametrize("values", ["operated", "plain"])
def test_every_flink_of_the_chart_has_them(values: str, request: pytest.FixtureRequest) -> None:
    for configuration in every(request.getfixturevalue(values)):
        assert configuration[KEY] == DEFAULTS[KEY]
        assert USERS not in configuration


@pytest.mark.parametrize("operator", [True, False])
def test_options_of_a_user_add_to_them(chart: Chart, operator: bool) -> None:
    configuration = {USERS: "-Dmy=option", "env.java.opts.taskmanager": "-Xss2m"}
    flink = {"operator": {"enabled": operator}, "configuration": configuration}
    for found in every(chart.render({**EVERYTHING, "flink": flink})):
        assert found[KEY] == DEFAULTS[KEY]
        assert (found[USERS], found["env.java.opts.taskmanager"]) == ("-Dmy=option", "-Xss2m")


def test_the_embedded_flink_has_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("S3_ENDPOINT", raising=False)
    ports = {"flink-rpc": 1, "flink-rest": 2}
    found = flink._configuration(tmp_path, ports)
    assert found.items() >= DEFAULTS.items()
    assert USERS not in found

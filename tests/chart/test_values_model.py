"""The schema, the reference and the comments of the values come from one model."""

import copy
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from helm.values_model import comments, json_schema, reference
from helm.values_model.__main__ import REFERENCE, SCHEMA, VALUES, differences
from helm.values_model.values import Values
from tests.chart.rendering import CHART


def given() -> dict[str, Any]:
    return dict(yaml.safe_load(VALUES.read_text()))


def test_what_is_generated_is_up_to_date() -> None:
    assert list(differences(given())) == []
    assert SCHEMA.read_text() == json_schema.text()
    assert REFERENCE.read_text() == reference.text()
    assert VALUES.read_text() == comments.written(VALUES.read_text())


def test_a_changed_default_is_a_difference() -> None:
    values = given()
    values["kafka"]["heap"] = "640m"
    assert list(differences(values)) == [
        "values.yaml: kafka.heap: found '640m', expected the model's default '512m'"
    ]


def test_a_value_that_is_not_listed_is_a_difference() -> None:
    values = given()
    del values["flink"]["taskManager"]["slots"]
    assert list(differences(values)) == [
        "values.yaml: flink.taskManager.slots: not listed, expected the model's default 2"
    ]


def test_a_value_that_the_model_does_not_know_is_a_difference() -> None:
    values = given()
    values["registry"]["heap"] = "1g"
    first, second = differences(values)
    assert first.startswith("values.yaml: registry.heap: found '1g': Extra inputs")
    assert second == "values.yaml: registry.heap: found '1g', which is no default of the model"


def test_a_mistake_in_a_list_is_found() -> None:
    values = copy.deepcopy(given())
    values["topics"][0]["partitions"] = 0
    [found] = differences(values)
    assert found.startswith("values.yaml: topics.0.partitions: found 0")


@pytest.mark.parametrize("file", ["values-local.yaml", "values-aws.yaml"])
def test_files_of_values_fit_the_model(file: str) -> None:
    merged = _merged(given(), yaml.safe_load((CHART / file).read_text()))
    Values.model_validate(merged)


def test_the_model_refuses_what_the_schema_refuses() -> None:
    with pytest.raises(ValidationError, match=r"kafka\.replica"):
        Values.model_validate(_merged(given(), {"kafka": {"replica": 3}}))


def test_a_description_stands_above_its_key_and_replaces_what_was_there() -> None:
    before = "kafka:\n  # Old.\n  # Text.\n  heap: 512m\n  image:\n    # Old.\n    tag: x\n  podLabels: {}\n"
    section, after = comments.written(before).split("\n", 1)
    assert section.startswith("# Kafka in KRaft mode")
    assert after == ("kafka:\n  # Java heap per node.\n  heap: 512m\n  image:\n    tag: x\n  podLabels: {}\n")


def test_comments_within_lists_stay() -> None:
    text = "topics:\n  # Of one.\n  - topicName: one\n    # How many.\n    partitions: 3\n"
    assert comments.written(text).endswith(text.removeprefix("topics:\n"))


def test_a_value_that_may_be_null_is_one_type_so_that_helm_shows_one_message() -> None:
    task_manager = json_schema.build()["$defs"]["TaskManager"]["properties"]
    assert task_manager["replicas"]["type"] == ["integer", "null"]
    assert not [name for name, field in task_manager.items() if "anyOf" in field]


def test_every_value_is_described_in_the_reference() -> None:
    page = reference.text()
    for path in (
        "kafka.external.tlsSecret",
        "generators.NAME.subject",
        "pipelines.NAME.fromSavepoint",
        "topics[].deletionPolicy",
        "sqlGateway.tables.resources",
        "monitoring.podMonitors.interval",
    ):
        assert f"| `{path}` |" in page
    empty = [line for line in page.splitlines() if line.startswith("| `") and line.endswith("|  |")]
    assert empty == []


def _merged(values: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """As helm merges values."""
    result = dict(values)
    for key, value in other.items():
        found = result.get(key)
        result[key] = _merged(found, value) if isinstance(found, dict) and isinstance(value, dict) else value
    return result

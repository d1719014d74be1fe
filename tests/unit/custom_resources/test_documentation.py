"""The pages about the resources match the definitions and the code."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import procstream_operator
import pytest
import yaml
from procstream_common.errors import ProcstreamError
from procstream_operator import reasons
from procstream_operator.metrics import Metrics
from procstream_operator.reasons import Reason

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
CRDS = ROOT / "helm" / "procstream" / "crds"
PACKAGE = Path(procstream_operator.__file__).parent

OPERATION = DOCS / "operator" / "operation.md"
PAGES = {
    "topics": DOCS / "resources" / "topic.md",
    "schemas": DOCS / "resources" / "schema.md",
    "producers": DOCS / "resources" / "procstatproducer.md",
}
"""By the operator's package for a kind."""
DEFINITIONS = {"topics": "topics", "schemas": "schemas", "producers": "procstatproducers"}


def field_paths(schema: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The fields of a structural schema, such as `references[].name`."""
    for name, field in schema.get("properties", {}).items():
        yield prefix + name
        yield from field_paths(field, f"{prefix}{name}.")
        yield from field_paths(field.get("items", {}), f"{prefix}{name}[].")


def definition(kind: str, part: str) -> Mapping[str, Any]:
    crd = yaml.safe_load((CRDS / f"{DEFINITIONS[kind]}.yaml").read_text())
    [version] = crd["spec"]["versions"]
    found: Mapping[str, Any] = version["schema"]["openAPIV3Schema"]["properties"][part]
    return found


def first_cells(page: Path, heading: str) -> list[str]:
    """What the tables below a heading are about: the code of each row's first cell."""
    section = page.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE)


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize(("part", "heading"), [("spec", "Fields"), ("status", "Status")])
def test_every_field_has_a_row_and_every_row_a_field(kind: str, part: str, heading: str) -> None:
    fields = list(field_paths(definition(kind, part)))
    if part == "status":  # a condition's own fields are those of every Kubernetes condition
        fields = [field for field in fields if not field.startswith("conditions[]")]
    assert sorted(first_cells(PAGES[kind], heading)) == sorted(fields)


@pytest.mark.parametrize("kind", PAGES)
def test_the_defaults_are_those_of_the_definition(kind: str) -> None:
    rows = PAGES[kind].read_text()
    for name, field in definition(kind, "spec")["properties"].items():
        if isinstance(field.get("default"), str | int):
            cell = rf"^\| `{name}` \| `?{re.escape(str(field['default']))}`? \|"
            assert re.search(cell, rows, flags=re.MULTILINE), f"default of {name}: {field['default']}"


def test_the_page_about_reasons_is_generated_from_the_code() -> None:
    assert (DOCS / "operator" / "reasons.md").read_text() == reasons.page()


def test_a_page_that_differs_fails_the_check(tmp_path: Path) -> None:
    page = tmp_path / "reasons.md"
    with pytest.raises(ProcstreamError, match="differs from the code"):
        reasons.write(page, check=True)
    reasons.write(page)
    reasons.write(page, check=True)
    page.write_text(page.read_text().replace("TopicReady", "TopicSteady"))
    with pytest.raises(ProcstreamError, match="differs from the code"):
        reasons.write(page, check=True)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_used(reason: Reason) -> None:
    code = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    assert f"Reason.{reason.name}" in code


def test_a_condition_names_what_to_do_unless_it_is_true() -> None:
    silent = {reason for reason in Reason if not reason.is_event and not reason.action}
    assert {reason.shown for reason in silent} == {"True"}


def test_every_metric_is_listed_with_its_labels() -> None:
    names = re.findall(r"^# TYPE (procstream_operator_\w+) ", Metrics().text().decode(), flags=re.MULTILINE)
    assert sorted(first_cells(OPERATION, "Metrics")) == sorted(names)

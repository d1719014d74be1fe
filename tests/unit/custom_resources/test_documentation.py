"""What the pages about the resources say is what the definitions and the code have."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import procstream_operator
import pytest
import yaml
from procstream_common.provisioning import Refusal
from procstream_operator.metrics import Metrics

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
CRDS = ROOT / "helm" / "procstream" / "crds"
PACKAGE = Path(procstream_operator.__file__).parent

GENERAL = DOCS / "operator.md"
PAGES = {
    "topics": DOCS / "resources" / "topic.md",
    "schemas": DOCS / "resources" / "schema.md",
    "producers": DOCS / "resources" / "procstatproducer.md",
}
"""By the operator's package for a kind."""
DEFINITIONS = {"topics": "topics", "schemas": "schemas", "producers": "procstatproducers"}

REASON_ARGUMENT = {"Ready": 1, "ResourceEvent": 1}
"""Where a call has its reason."""


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


@dataclass(frozen=True)
class Place:
    """A piece of code, and the function it is in."""

    path: Path
    function: ast.FunctionDef | ast.AsyncFunctionDef | None
    node: ast.expr

    def __str__(self) -> str:
        return f"{self.path.relative_to(PACKAGE)}:{self.node.lineno}"


class Reasons:
    """The reasons that the operator's code can give, by reading it."""

    def __init__(self) -> None:
        self._trees = {path: ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}
        self._calls = [
            Place(path, function, call)
            for path, tree in self._trees.items()
            for function, call in calls(tree, None)
        ]

    def all(self) -> set[tuple[Path, str]]:
        """Each with the module that gives it."""
        found = set()
        for place in self._calls:
            assert isinstance(place.node, ast.Call)
            position = REASON_ARGUMENT.get(name_of(place.node.func))
            if position is not None:
                argument = Place(place.path, place.function, place.node.args[position])
                found |= {(path, reason) for path, reason in self._texts(argument)}
        return found

    def _texts(self, place: Place) -> set[tuple[Path, str]]:
        """The texts that an expression can be."""
        node = place.node
        match node:
            case ast.Constant(value=str(text)):
                return {(place.path, text)}
            case ast.IfExp():
                return self._texts(self._at(place, node.body)) | self._texts(self._at(place, node.orelse))
            case ast.Call(func=ast.Attribute(value=ast.Name(id=table), attr="get"), args=[_, default]):
                listed = {(place.path, text) for text in self._table(place.path, table)}
                return listed | self._texts(self._at(place, default))
            case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id="refusal")]):
                return {(place.path, str(refusal)) for refusal in Refusal}
            case ast.JoinedStr():
                return self._joined(place, node)
            case ast.Name(id=name):
                return self._named(place, name)
            case ast.Attribute(attr="reason"):  # that of another Ready or event, which is found there
                return set()
        raise AssertionError(f"{place}: this test cannot tell which reasons {ast.unparse(node)} can be")

    def _joined(self, place: Place, node: ast.JoinedStr) -> set[tuple[Path, str]]:
        found = {(place.path, "")}
        for part in node.values:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            found = {
                (path, before + text)
                for _, before in found
                for path, text in self._texts(self._at(place, inner))
            }
        return found

    def _named(self, place: Place, name: str) -> set[tuple[Path, str]]:
        function = place.function
        assert function is not None, f"{place}: {name} is not a local name"
        parameters = [argument.arg for argument in function.args.args]
        if name in parameters:
            return self._given(function.name, parameters.index(name))
        assigned = [
            one.value
            for one in ast.walk(function)
            if isinstance(one, ast.Assign) and any(name_of(target) == name for target in one.targets)
        ]
        assert assigned, f"{place}: {name} is set nowhere in {function.name}"
        return {found for value in assigned for found in self._texts(self._at(place, value))}

    def _given(self, function: str, position: int) -> set[tuple[Path, str]]:
        """What the calls of a function give for a parameter."""
        found = set()
        for place in self._calls:
            assert isinstance(place.node, ast.Call)
            if name_of(place.node.func) == function:
                found |= self._texts(self._at(place, place.node.args[position]))
        return found

    def _table(self, path: Path, name: str) -> set[str]:
        [table] = [
            one.value
            for one in self._trees[path].body
            if isinstance(one, ast.Assign) and name_of(one.targets[0]) == name
        ]
        return set(re.findall(r"'(\w+)'", ast.unparse(table)))

    @staticmethod
    def _at(place: Place, node: ast.expr) -> Place:
        return Place(place.path, place.function, node)


def calls(
    node: ast.AST, function: ast.FunctionDef | ast.AsyncFunctionDef | None
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef | None, ast.Call]]:
    """Every call below a node, with the function that it is in."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield function, child
        inside = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from calls(child, inside)


def name_of(node: ast.expr) -> str:
    """`f` of `f` and of `module.f`."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


REASONS = sorted(Reasons().all())


def pages_of(module: Path) -> list[Path]:
    kind = module.relative_to(PACKAGE).parts[0]
    return [PAGES[kind], GENERAL] if kind in PAGES else [GENERAL]


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


def test_the_code_is_read_as_it_is_meant() -> None:
    reasons = {reason for _, reason in REASONS}
    assert {"TopicReady", "Refused", "InvalidConfig", "PartitionsCannotShrink", "DriftRepaired"} <= reasons
    assert {"WaitingForSchema", "WaitingForTopic", "RollingOut", "NoImage", "InvalidSchema"} <= reasons
    assert {"DeletionAbandoned", "InternalError"} <= reasons


@pytest.mark.parametrize(
    ("module", "reason"), [pytest.param(*one, id=f"{one[0].parent.name}-{one[1]}") for one in REASONS]
)
def test_every_reason_is_explained(module: Path, reason: str) -> None:
    pages = pages_of(module)
    rows = [row for page in pages for row in page.read_text().splitlines()]
    assert any(row.startswith(f"| `{reason}` |") for row in rows), (
        f"{reason} of {module.name} has a row in none of {', '.join(page.name for page in pages)}"
    )


@pytest.mark.parametrize("kind", PAGES)
def test_no_page_explains_a_reason_that_is_not_given(kind: str) -> None:
    given = {reason for module, reason in REASONS if PAGES[kind] in pages_of(module)}
    explained = first_cells(PAGES[kind], "Ready") + first_cells(PAGES[kind], "Events")
    assert set(explained) <= given


def test_every_metric_is_listed_with_its_labels() -> None:
    names = re.findall(r"^# TYPE (procstream_operator_\w+) ", Metrics().text().decode(), flags=re.MULTILINE)
    assert sorted(first_cells(GENERAL, "Metrics")) == sorted(names)

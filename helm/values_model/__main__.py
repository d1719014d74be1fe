"""Writes what is generated from the model, or with `--check` fails when something differs from it."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from helm.values_model import comments, json_schema, reference
from helm.values_model.fields import values
from helm.values_model.values import Values

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "procstream"
VALUES, SCHEMA = CHART / "values.yaml", CHART / "values.schema.json"
REFERENCE = ROOT / "docs" / "chart-values.md"


def main() -> None:
    """Run the command."""
    mistakes = list(differences(yaml.safe_load(VALUES.read_text())))
    generated = {
        SCHEMA: json_schema.text(),
        REFERENCE: reference.text(),
        VALUES: comments.written(VALUES.read_text()),
    }
    for path, text in generated.items():
        found = path.read_text() if path.exists() else ""
        if found == text:
            continue
        if "--check" in sys.argv[1:]:
            mistakes.append(f"{path.relative_to(ROOT)}{_first_difference(found, text)}")
        else:
            path.write_text(text)
    if mistakes:
        sys.exit("\n".join(mistakes) + "\nrun `python -m helm.values_model` to write what is generated")


def differences(found: Mapping[str, Any]) -> Iterator[str]:
    """How the content of `values.yaml` differs from the model: where, what was found, what was expected."""
    try:
        Values.model_validate(found)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            place = ".".join(map(str, detail["loc"]))
            yield f"values.yaml: {place}: found {detail['input']!r}: {detail['msg']}"
    listed = {value.name for value in values(Values) if value.is_listed}
    expected = Values().model_dump(mode="json", by_alias=True)
    yield from _compared(
        {name: value for name, value in found.items() if name not in listed},
        {name: value for name, value in expected.items() if name not in listed},
    )


def _compared(found: Any, expected: Any, path: str = "") -> Iterator[str]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for name in [*expected, *(key for key in found if key not in expected)]:
            place = f"{path}.{name}" if path else name
            if name not in found:
                yield f"values.yaml: {place}: not listed, expected the model's default {expected[name]!r}"
            elif name not in expected:
                yield f"values.yaml: {place}: found {found[name]!r}, which is no default of the model"
            else:
                yield from _compared(found[name], expected[name], place)
    elif found != expected:
        yield f"values.yaml: {path}: found {found!r}, expected the model's default {expected!r}"


def _first_difference(found: str, expected: str) -> str:
    lines = zip([*found.splitlines(), ""], [*expected.splitlines(), ""], strict=False)
    number, (old, new) = next((number, pair) for number, pair in enumerate(lines, 1) if pair[0] != pair[1])
    return f":{number}: found {old.strip()!r}, expected {new.strip()!r}, as the model describes it"


if __name__ == "__main__":
    main()

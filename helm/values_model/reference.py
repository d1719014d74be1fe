"""`docs/chart-values.md`: tables of all values."""

import json
from collections.abc import Iterator
from typing import Any

from helm.values_model.fields import Value, values
from helm.values_model.image import Image
from helm.values_model.kubernetes import Affinity, Resources, Spread
from helm.values_model.part import Part
from helm.values_model.values import Values

_HEAD = """\
# Values of the chart

Every value of the chart, its default and its meaning. The values themselves are in
[`values.yaml`](../helm/procstream/values.yaml). `helm` refuses a value that is not in these tables, or
that has the wrong type, and names its path. This page is generated from the model of the values
(`helm/values_model`).
"""
_TABLE = ("| value | default | |", "| --- | --- | --- |")


def text() -> str:
    """Content of the page."""
    sections = [_HEAD]
    defaults = _dumped(Values())
    single = [value for value in values(Values) if not _has_section(value)]
    general = (row for value in single for row in _rows(value.name, value, defaults.get(value.name)))
    sections.append(_section("General", "", general))
    for value in values(Values):
        part = value.part or value.entries
        if part is not None and _has_section(value):
            rows = _table(_prefix(value), part, defaults[value.name])
            sections.append(_section(value.name, value.description, rows))
    pods = (row for value in values(Spread) for row in _rows(value.name, value, None))
    sections.append(_section("Pods", "Components set these for their pods.", pods))
    images = "Components have an `image` with these fields. What is empty is taken from the value `image`."
    sections.append(_section("Images", images, _table("image", Image, {})))
    return "\n".join(sections)


def _has_section(value: Value) -> bool:
    return (value.part or value.entries) is not None and value.name != "imagePullSecrets"


def _prefix(value: Value) -> str:
    if value.part is not None:
        return value.name
    return f"{value.name}.NAME" if isinstance(value.info.default, dict) else f"{value.name}[]"


def _section(title: str, description: str, rows: Iterator[str]) -> str:
    return "\n".join([f"## {title}", "", *([description, ""] if description else []), *_TABLE, *rows, ""])


def _table(prefix: str, part: type[Part], defaults: Any) -> Iterator[str]:
    found = list(values(part))
    entries = {value.part for value in found}
    if len(found) > 1 and len(entries) == 1 and (entry := entries.pop()) is not None:
        for value in found:
            yield f"| `{prefix}.{value.name}` | | {_cell(value.description)} |"
        yield from _table(f"{prefix}.NAME", entry, None)
        return
    for value in found:
        if not value.is_inherited:
            default = defaults.get(value.name) if isinstance(defaults, dict) else None
            yield from _rows(f"{prefix}.{value.name}", value, default)
    if pods := [f"`{value.name}`" for value in found if value.is_inherited]:
        yield f"| `{prefix}`: {', '.join(pods)} | | [Pods](#pods) |"


def _rows(path: str, value: Value, default: Any) -> Iterator[str]:
    part = value.part
    if part is None or part in (Affinity, Image, Resources):
        link = " [Images](#images)." if part is Image else ""
        yield f"| `{path}` | {_shown(value, default)} | {_cell(value.description)}{link} |"
    elif value.is_omitted:
        yield f"| `{path}` | | {_cell(value.description)} |"
    else:
        yield from _table(path, part, default)


def _shown(value: Value, default: Any) -> str:
    if default is None and value.info.is_required():
        return "required"
    if default in (None, "", [], {}):
        return ""
    if isinstance(default, float):
        return f"`{default:g}`"
    if value.part is Image:
        return f"`{':'.join(filter(None, (default['repository'], default['tag'])))}`"
    if value.part is Resources:
        return ", ".join(f"{kind} {_amounts(amounts)}" for kind, amounts in default.items())
    return f"`{_cell(json.dumps(default) if not isinstance(default, str) else default)}`"


def _dumped(model: Part) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True)


def _amounts(amounts: dict[str, Any]) -> str:
    return " ".join(f"{name} {amount}" for name, amount in amounts.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

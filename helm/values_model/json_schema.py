"""`values.schema.json`, which helm checks values against before it renders.

It is short where pydantic's is exact: helm shows every branch of an `anyOf` that does not match, so a field
that may be null is one type with `null`, and a field that may be omitted is not null at all.
"""

import json
from typing import Any

from helm.values_model import pipeline_file
from helm.values_model.part import LISTED, OMITTED
from helm.values_model.pipelines import PIPELINE_FILE, SHIPPED
from helm.values_model.values import Values

Schema = dict[str, Any]


def text() -> str:
    """Content of the file."""
    return json.dumps(build(), indent=2) + "\n"


def build() -> Schema:
    """The schema of all values."""
    found = Values.model_json_schema(by_alias=True)
    own, parts = found.pop("$defs"), pipeline_file.definitions()
    root = _plain(found)
    root["properties"]["pipelines"] = _pipelines(root["properties"]["pipelines"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the procstream chart",
        **root,
        "$defs": _joined({name: _plain(part) for name, part in own.items()}, parts),
    }


def _joined(values: dict[str, Schema], files: dict[str, Schema]) -> dict[str, Schema]:
    if twice := values.keys() & files.keys():
        names = ", ".join(sorted(twice))
        raise ValueError(
            f"{names}: a model of the values has the name of one of pipeline files, expected another"
        )
    return values | files


def _pipelines(field: Schema) -> Schema:
    """Shipped pipelines by their names; others need a file or a definition."""
    [(pattern, entry)] = field["patternProperties"].items()
    own = {"allOf": [entry, {"anyOf": [{"required": ["definition"]}, {"required": ["file"]}]}]}
    return {
        "description": field["description"],
        "type": "object",
        "propertyNames": {"pattern": pattern},
        "properties": dict.fromkeys(SHIPPED, entry),
        "additionalProperties": own,
    }


def _plain(schema: Schema) -> Schema:
    """A schema of an object, without what only pydantic's users need."""
    properties = {name: _field(field) for name, field in schema.get("properties", {}).items()}
    plain = {"type": "object", "additionalProperties": False, "properties": properties}
    if "description" in schema:
        plain = {"description": " ".join(schema["description"].split()), **plain}
    if "required" in schema:
        plain["required"] = schema["required"]
    return plain


def _field(schema: Schema) -> Schema:
    field = {
        key: value
        for key, value in schema.items()
        if key not in ("title", OMITTED, LISTED) and not (key == "default" and _is_described_elsewhere(value))
    }
    if not field.get("description", "text"):
        del field["description"]  # its object has one
    branches = field.pop("anyOf", None)
    if branches is not None:
        types = [branch for branch in branches if branch != {"type": "null"}]
        [only] = types
        field = {**only, **field}
        if OMITTED not in schema:
            field["type"] = [field["type"], "null"]
    if "patternProperties" in field:
        field["additionalProperties"] = False
    if PIPELINE_FILE in field:
        del field[PIPELINE_FILE]
        field["$ref"] = "#/$defs/Pipeline"
    return field


def _is_described_elsewhere(default: Any) -> bool:
    return default is None or default == "" or isinstance(default, dict | list)

"""Avro schemas as Flink SQL columns, the way Flink's own `AvroSchemaConverter` maps them.

The mapping is that of `convertToDataType` with the legacy mapping of timestamps, the default of the
`avro-confluent` format: `timestamp-millis` is TIMESTAMP(3), in UTC. Columns are always nullable, because a
record that cannot be decoded is a row of nulls; what is nested in them is as the schema has it.

One difference, on purpose: `timestamp-micros` and `time-micros` are BIGINT (microseconds), which a lake and a
JSON topic hold without a loss.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from procstream_common.errors import ProcstreamError

from procstream_job.language import sql
from procstream_job.language.mistakes import did_you_mean
from procstream_job.language.sql import Column

_PRIMITIVES = {
    "boolean": "BOOLEAN",
    "int": "INT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "bytes": "BYTES",
    "string": "STRING",
}
_TIMES = {
    ("int", "date"): "DATE",
    ("int", "time-millis"): "TIME(3)",
    ("long", "timestamp-millis"): "TIMESTAMP(3)",
}
_NAMED = ("record", "enum", "fixed", "error")
_MAX_PRECISION = 38  # of Flink's DECIMAL


class UnreadableSchemaError(ProcstreamError):
    """Flink cannot read a schema, or a part of it; the message names the field."""


@dataclass(frozen=True)
class ReaderSchema:
    """What a source reads: its columns, and the Avro schema that records are resolved to."""

    columns: tuple[Column, ...]
    text: str
    """The schema of the registry, unchanged: its aliases and defaults are part of the resolution (Avro
    specification, "Schema Resolution")."""


def reader_schema(schema_text: str, wanted: Sequence[str] | None = None) -> ReaderSchema:
    """The columns of a record's schema, or those of its fields `wanted`, in that order.

    Raises:
        UnreadableSchemaError: it is no record, lacks a wanted field, or has a type without a column type.
    """
    try:
        schema = json.loads(schema_text)
    except json.JSONDecodeError as error:
        raise UnreadableSchemaError(f"the schema is no JSON: {error}") from None
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise UnreadableSchemaError(f"found the schema {schema_text[:60]!r}; expected one of a record")
    converter = _Converter(dict(_definitions(schema, "")))
    namespace = _full_name(schema, "").rpartition(".")[0]
    columns = [
        Column(declared["name"], converter.convert(declared["type"], declared["name"], namespace).sql)
        for declared in _select(schema["fields"], wanted)
    ]
    return ReaderSchema(tuple(columns), schema_text)


def writer_columns(schema_text: str) -> tuple[Column, ...]:
    """The columns of rows that are written with a schema; NOT NULL where it has no null.

    Raises:
        UnreadableSchemaError: it is no record, or has a type that Flink cannot write.
    """
    reader_schema(schema_text)
    schema = json.loads(schema_text)
    converter = _Converter(dict(_definitions(schema, "")))
    for name, definition in converter.definitions.items():
        if definition["type"] == "enum":
            raise UnreadableSchemaError(f"{name} is an enum, which Flink cannot write; expected a string")
    namespace = _full_name(schema, "").rpartition(".")[0]
    return tuple(
        Column(field["name"], converter.convert(field["type"], field["name"], namespace).nested)
        for field in schema["fields"]
    )


def _select(fields: list[dict[str, Any]], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    if wanted is None:
        return fields
    by_name = {declared["name"]: declared for declared in fields}
    for name in wanted:
        if name not in by_name:
            raise UnreadableSchemaError(
                f"column {name!r} is not in the schema{did_you_mean(name, by_name)}"
                f" expected some of: {', '.join(by_name)}"
            )
    return [by_name[name] for name in wanted]


@dataclass(frozen=True)
class _Converted:
    """A type in SQL, without NOT NULL."""

    sql: str
    nullable: bool = False

    @property
    def nested(self) -> str:
        """The SQL inside another type, where NOT NULL is kept."""
        return self.sql if self.nullable else f"{self.sql} NOT NULL"


@dataclass
class _Converter:
    """Converts types."""

    definitions: dict[str, dict[str, Any]]
    open: list[str] = field(default_factory=list)
    """Names of the types around the one that is converted."""

    def convert(self, schema: Any, path: str, namespace: str) -> _Converted:
        match schema:
            case str() if schema in _PRIMITIVES:
                return _Converted(_PRIMITIVES[schema])
            case "null":
                raise UnreadableSchemaError(f"field {path}: the type null alone has no column type")
            case str():
                return self._named(self._resolve(schema, path, namespace), path)
            case list():
                return self._union(schema, path, namespace)
            case {"type": "array", "items": items}:
                item = self.convert(items, f"{path}[]", namespace)
                return _Converted(f"ARRAY<{item.nested}>")
            case {"type": "map", "values": values}:
                value = self.convert(values, f"{path}{{}}", namespace)
                return _Converted(f"MAP<STRING NOT NULL, {value.nested}>")
            case {"type": str(kind)} if kind in _NAMED:
                return self._named(_full_name(schema, namespace), path)
            case {"type": str(kind)} if kind in _PRIMITIVES:
                return self._primitive(kind, schema, path)
            case {"type": inner}:
                return self.convert(inner, path, namespace)
        raise UnreadableSchemaError(f"field {path}: found {schema!r}; expected an Avro type")

    def _primitive(self, kind: str, schema: dict[str, Any], path: str) -> _Converted:
        logical = schema.get("logicalType")
        if kind == "bytes" and logical == "decimal":
            return _Converted(_decimal(schema, path))
        return _Converted(_TIMES.get((kind, str(logical)), _PRIMITIVES[kind]))

    def _union(self, branches: list[Any], path: str, namespace: str) -> _Converted:
        values = [branch for branch in branches if branch != "null"]
        if len(values) != 1:
            found = ", ".join(branch if isinstance(branch, str) else branch["type"] for branch in branches)
            raise UnreadableSchemaError(
                f"field {path}: found a union of {found}; expected one type, or one type and null"
            )
        value = self.convert(values[0], path, namespace)
        return value if len(branches) == 1 else replace(value, nullable=True)

    def _named(self, name: str, path: str) -> _Converted:
        if name in self.open:
            raise UnreadableSchemaError(f"field {path}: {name} contains itself; a table's column cannot")
        self.open.append(name)
        try:
            return self._define(self.definitions[name], name, path)
        finally:
            self.open.remove(name)

    def _define(self, definition: dict[str, Any], name: str, path: str) -> _Converted:
        namespace = name.rpartition(".")[0]
        match definition["type"]:
            case "enum":
                return _Converted("STRING")
            case "fixed" if definition.get("logicalType") == "decimal":
                return _Converted(_decimal(definition, path))
            case "fixed":
                return _Converted(f"VARBINARY({definition['size']})")
        columns = [
            f"{sql.name(declared['name'])} "
            f"{self.convert(declared['type'], path + '.' + declared['name'], namespace).nested}"
            for declared in definition["fields"]
        ]
        return _Converted(f"ROW<{', '.join(columns)}>")

    def _resolve(self, name: str, path: str, namespace: str) -> str:
        for candidate in (name if "." in name else f"{namespace}.{name}".removeprefix("."), name):
            if candidate in self.definitions:
                return candidate
        raise UnreadableSchemaError(
            f"field {path}: found the type {name!r}, which the schema does not define"
        )


def _definitions(schema: Any, namespace: str) -> Iterator[tuple[str, dict[str, Any]]]:
    match schema:
        case list():
            for branch in schema:
                yield from _definitions(branch, namespace)
        case {"type": str(kind)} if kind in _NAMED:
            name = _full_name(schema, namespace)
            yield name, schema
            for declared in schema.get("fields", []):
                yield from _definitions(declared["type"], name.rpartition(".")[0])
        case dict():
            for key in ("items", "values", "type"):
                yield from _definitions(schema.get(key), namespace)


def _full_name(schema: dict[str, Any], namespace: str) -> str:
    """Name with namespace (Avro specification, "Names")."""
    name = str(schema["name"])
    if "." in name:
        return name
    return f"{schema.get('namespace', namespace)}.{name}".removeprefix(".")


def _decimal(schema: dict[str, Any], path: str) -> str:
    precision = schema["precision"]
    if precision > _MAX_PRECISION:
        raise UnreadableSchemaError(
            f"field {path}: found a decimal of {precision} digits; expected {_MAX_PRECISION} or fewer"
        )
    return f"DECIMAL({precision}, {schema.get('scale', 0)})"

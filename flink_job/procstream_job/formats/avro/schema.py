"""Avro schemas as Flink SQL columns, the way Flink's own `AvroSchemaConverter` maps them.

The mapping is that of `convertToDataType` with the legacy mapping of timestamps, the default of the
`avro-confluent` format: `timestamp-millis` is TIMESTAMP(3), in UTC. Columns are always nullable, because a
record that cannot be decoded is a row of nulls; what is nested in them is as the schema has it.

One difference, on purpose: `timestamp-micros` and `time-micros` are BIGINT (microseconds). Flink maps them to
TIMESTAMP(6) and TIME(6), but its decoder would read the number as milliseconds.
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
    """What a source reads: its columns, and the Avro schema that asks a record for just these.

    `text` has the columns' fields in their order, each nullable, so that Flink finds it equal to the
    columns; records written with older or newer versions are resolved to it by Avro's rules.
    `derivable`: Flink derives an equivalent schema from the columns alone. It cannot for an enum (it derives
    a string) or a fixed (bytes), and Avro resolves neither to the other.
    """

    columns: tuple[Column, ...]
    text: str
    derivable: bool


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
    fields = [converter.nullable_field(declared, namespace) for declared in _select(schema["fields"], wanted)]
    return ReaderSchema(
        columns=tuple(Column(declared["name"], converted.sql) for declared, converted in fields),
        text=json.dumps(
            {
                "type": "record",
                "name": schema["name"].rpartition(".")[2],
                "namespace": namespace,
                "fields": [declared for declared, _ in fields],
            }
        ),
        derivable=all(converter.definitions[name]["type"] == "record" for name in converter.written),
    )


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
    """A type in SQL, without NOT NULL, and in Avro, with every name that it needs defined in it."""

    sql: str
    avro: Any
    nullable: bool = False

    @property
    def nested(self) -> str:
        """The SQL inside another type, where NOT NULL is kept."""
        return self.sql if self.nullable else f"{self.sql} NOT NULL"


@dataclass
class _Converter:
    """Converts types; a named type is written where it is first needed, whatever fields are omitted."""

    definitions: dict[str, dict[str, Any]]
    written: set[str] = field(default_factory=set)
    open: list[str] = field(default_factory=list)

    def nullable_field(self, declared: dict[str, Any], namespace: str) -> tuple[dict[str, Any], _Converted]:
        converted = self.convert(declared["type"], declared["name"], namespace)
        branches = converted.avro if converted.nullable else [converted.avro]
        union = ["null", *(branch for branch in branches if branch != "null")]
        default = declared.get("default")
        if default is not None:
            union.reverse()  # a default belongs to the first branch (Avro specification, "Complex Types")
        return {**_kept(declared, "name", "aliases"), "type": union, "default": default}, converted

    def convert(self, schema: Any, path: str, namespace: str) -> _Converted:
        match schema:
            case str() if schema in _PRIMITIVES:
                return _Converted(_PRIMITIVES[schema], schema)
            case "null":
                raise UnreadableSchemaError(f"field {path}: the type null alone has no column type")
            case str():
                return self._named(self._resolve(schema, path, namespace), path)
            case list():
                return self._union(schema, path, namespace)
            case {"type": "array", "items": items}:
                item = self.convert(items, f"{path}[]", namespace)
                return _Converted(f"ARRAY<{item.nested}>", {"type": "array", "items": item.avro})
            case {"type": "map", "values": values}:
                value = self.convert(values, f"{path}{{}}", namespace)
                return _Converted(
                    f"MAP<STRING NOT NULL, {value.nested}>", {"type": "map", "values": value.avro}
                )
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
            return _Converted(
                _decimal(schema, path), _kept(schema, "type", "logicalType", "precision", "scale")
            )
        if (kind, logical) in _TIMES:
            return _Converted(_TIMES[kind, str(logical)], {"type": kind, "logicalType": logical})
        return _Converted(_PRIMITIVES[kind], kind)

    def _union(self, branches: list[Any], path: str, namespace: str) -> _Converted:
        values = [branch for branch in branches if branch != "null"]
        if len(values) != 1:
            found = ", ".join(branch if isinstance(branch, str) else branch["type"] for branch in branches)
            raise UnreadableSchemaError(
                f"field {path}: found a union of {found}; expected one type, or one type and null"
            )
        value = self.convert(values[0], path, namespace)
        if len(branches) == 1:
            return value
        union = [value.avro if branch != "null" else branch for branch in branches]
        return replace(value, avro=union, nullable=True)

    def _named(self, name: str, path: str) -> _Converted:
        if name in self.open:
            raise UnreadableSchemaError(f"field {path}: {name} contains itself; a table's column cannot")
        definition = self.definitions[name]
        self.open.append(name)
        try:
            first = name not in self.written
            self.written.add(name)
            converted = self._define(definition, name, path)
            return converted if first else replace(converted, avro=name)
        finally:
            self.open.remove(name)

    def _define(self, definition: dict[str, Any], name: str, path: str) -> _Converted:
        namespace, _, short = name.rpartition(".")
        head = {"type": definition["type"], "name": short, "namespace": namespace}
        head |= _kept(definition, "aliases")
        match definition["type"]:
            case "enum":
                return _Converted("STRING", head | _kept(definition, "symbols", "default"))
            case "fixed" if definition.get("logicalType") == "decimal":
                avro = head | _kept(definition, "size", "logicalType", "precision", "scale")
                return _Converted(_decimal(definition, path), avro)
            case "fixed":
                return _Converted(f"VARBINARY({definition['size']})", head | _kept(definition, "size"))
        fields, columns = [], []
        for declared in definition["fields"]:
            converted = self.convert(declared["type"], f"{path}.{declared['name']}", namespace)
            fields.append(_kept(declared, "name", "aliases", "default") | {"type": converted.avro})
            columns.append(f"{sql.name(declared['name'])} {converted.nested}")
        return _Converted(f"ROW<{', '.join(columns)}>", head | {"fields": fields})

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


def _kept(schema: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: schema[key] for key in keys if key in schema}

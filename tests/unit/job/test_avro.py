"""The expected types are those that Flink 2.3.0's AvroSchemaConverter gives for the same schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from procstream_job.formats.avro.schema import UnreadableSchemaError, reader_schema

SCHEMAS = Path(__file__).parents[3] / "helm" / "procstream" / "schemas"

CPU_TIMES = {
    "type": "record",
    "name": "CpuTimes",
    "fields": [
        {"name": "cpu", "type": "string"},
        {"name": "iowait", "type": ["null", "long"], "default": None},
    ],
}
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}


def record(**fields: Any) -> str:
    return json.dumps(
        {
            "type": "record",
            "name": "Record",
            "namespace": "io.procstream",
            "fields": [{"name": name, "type": avro} for name, avro in fields.items()],
        }
    )


def logical(kind: str, logical_type: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "logicalType": logical_type, **more}


@pytest.mark.parametrize(
    ("avro", "expected"),
    [
        ("boolean", "BOOLEAN"),
        ("int", "INT"),
        ("long", "BIGINT"),
        ("float", "FLOAT"),
        ("double", "DOUBLE"),
        ("bytes", "BYTES"),
        ("string", "STRING"),
        ({"type": "string", "avro.java.string": "String"}, "STRING"),
        (logical("string", "uuid"), "STRING"),
        (logical("int", "date"), "DATE"),
        (logical("int", "time-millis"), "TIME(3)"),
        (logical("long", "timestamp-millis"), "TIMESTAMP(3)"),
        (logical("long", "local-timestamp-millis"), "BIGINT"),
        (logical("bytes", "decimal", precision=10, scale=2), "DECIMAL(10, 2)"),
        (logical("fixed", "decimal", precision=10, size=8, name="F"), "DECIMAL(10, 0)"),
        ({"type": "fixed", "name": "Hash", "size": 12}, "VARBINARY(12)"),
        (COLOUR, "STRING"),
        (["null", "long"], "BIGINT"),
        (["long", "null"], "BIGINT"),
        (["string"], "STRING"),
        ({"type": "array", "items": "string"}, "ARRAY<STRING NOT NULL>"),
        ({"type": "array", "items": ["null", "string"]}, "ARRAY<STRING>"),
        ({"type": "map", "values": "long"}, "MAP<STRING NOT NULL, BIGINT NOT NULL>"),
        ({"type": "map", "values": ["int", "null"]}, "MAP<STRING NOT NULL, INT>"),
        (CPU_TIMES, "ROW<`cpu` STRING NOT NULL, `iowait` BIGINT>"),
        (
            {"type": "array", "items": CPU_TIMES},
            "ARRAY<ROW<`cpu` STRING NOT NULL, `iowait` BIGINT> NOT NULL>",
        ),
    ],
)
def test_a_type_becomes_the_one_that_flink_gives_it(avro: Any, expected: str) -> None:
    [column] = reader_schema(record(field=avro)).columns
    assert column.type == expected


@pytest.mark.parametrize("logical_type", ["timestamp-micros", "time-micros"])
def test_microseconds_are_a_number(logical_type: str) -> None:
    assert reader_schema(record(at=logical("long", logical_type))).columns[0].type == "BIGINT"


def test_the_columns_of_the_shipped_schemas() -> None:
    lineage = reader_schema((SCHEMAS / "lineage-input.avsc").read_text())
    assert [(column.name, column.type) for column in lineage.columns] == [
        ("uuid", "STRING"),
        ("timestamp", "TIMESTAMP(3)"),
    ]
    procstat = {
        column.name: column.type
        for column in reader_schema((SCHEMAS / "procstat_snapshots.avsc").read_text()).columns
    }
    assert procstat["timestamp"] == procstat["boot_time"] == "TIMESTAMP(3)"
    assert procstat["cpus"].startswith("ARRAY<ROW<`cpu` STRING NOT NULL, `user` BIGINT NOT NULL, ")


def test_only_wanted_fields_are_read_in_the_wanted_order() -> None:
    schema = reader_schema(record(a="int", b="string", c="long"), ["c", "a"])
    assert [column.name for column in schema.columns] == ["c", "a"]


def test_a_wanted_field_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnreadableSchemaError, match="column 'uid' is not in the schema; did you mean 'uuid'"):
        reader_schema(record(uuid="string"), ["uid"])


@pytest.mark.parametrize("columns", [None, ["counted"]])
def test_records_are_resolved_to_the_registrys_schema_with_its_aliases_and_defaults(
    columns: list[str] | None,
) -> None:
    schema = json.dumps(
        {
            "type": "record",
            "name": "io.procstream.Record",
            "aliases": ["io.procstream.Older"],
            "fields": [
                {"name": "plain", "type": "int", "aliases": ["simple"]},
                {"name": "counted", "type": "int", "default": 7},
                {"name": "colour", "type": COLOUR},
            ],
        }
    )
    found = reader_schema(schema, columns)
    assert found.text == schema


def test_a_type_may_be_defined_in_a_field_that_is_not_read() -> None:
    schema = reader_schema(
        record(left_out=COLOUR, first="Colour", second="io.procstream.Colour"), ["second", "first"]
    )
    assert [column.type for column in schema.columns] == ["STRING", "STRING"]


@pytest.mark.parametrize(
    ("avro", "expected"),
    [
        (
            ["null", "int", "string"],
            "field f: found a union of null, int, string; expected one type, or one type and",
        ),
        ("null", "field f: the type null alone has no column type"),
        ("Missing", "field f: found the type 'Missing', which the schema does not define"),
        (
            logical("bytes", "decimal", precision=39),
            "field f: found a decimal of 39 digits; expected 38 or fewer",
        ),
        (
            {"type": "record", "name": "Node", "fields": [{"name": "next", "type": ["null", "Node"]}]},
            "field f.next: io.procstream.Node contains itself; a table's column cannot",
        ),
        (
            {
                "type": "record",
                "name": "R",
                "fields": [{"name": "x", "type": {"type": "array", "items": "null"}}],
            },
            "field f.x[]: the type null alone has no column type",
        ),
    ],
)
def test_what_no_column_can_hold_is_refused_with_the_path_of_the_field(avro: Any, expected: str) -> None:
    with pytest.raises(UnreadableSchemaError) as raised:
        reader_schema(record(f=avro))
    assert str(raised.value).startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("{", "the schema is no JSON"), ('"string"', "expected one of a record")]
)
def test_what_is_no_record_schema_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UnreadableSchemaError, match=expected):
        reader_schema(text)

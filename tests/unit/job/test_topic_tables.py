import json
from typing import Any

import pytest
from procstream_job import Pipeline
from procstream_job.language.subject_schema import SubjectSchema
from procstream_job.topics.sql_catalog.topic_tables import (
    Declaration,
    Topic,
    catalog,
    declarations,
    needs_sample,
)

KAFKA = {"bootstrap.servers": "kafka:9092"}
REGISTRY = {"url": "http://registry"}
METADATA = [
    {"name": "kafka_topic", "type": "STRING", "metadata": "topic", "virtual": True},
    {"name": "kafka_partition", "type": "INT", "metadata": "partition", "virtual": True},
    {"name": "kafka_offset", "type": "BIGINT", "metadata": "offset", "virtual": True},
    {"name": "kafka_timestamp", "type": "TIMESTAMP_LTZ(3)", "metadata": "timestamp", "virtual": True},
]
ERROR = {"name": "dead_letter_error", "type": "STRING", "metadata": "value.error", "virtual": True}
DECLARED = Declaration(
    "orders-pipeline", {"id": "STRING", "at": "TIMESTAMP(3)"}, {"times-by-column.at": "epoch-millis"}
)


def schema(*fields: tuple[str, Any]) -> SubjectSchema:
    named = [{"name": name, "type": kind} for name, kind in fields]
    text = json.dumps({"type": "record", "name": "Order", "fields": named})
    return SubjectSchema(text, {7: text})


def table(topic: Topic) -> dict[str, Any]:
    tables = catalog([topic], KAFKA, REGISTRY)["tables"]
    assert list(tables) == [topic.name]
    found: dict[str, Any] = tables[topic.name]
    return found


def own(found: dict[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in found["columns"] if "metadata" not in column}


def test_the_registrys_schema_comes_first() -> None:
    registered = schema(("id", "string"), ("amount", ["null", "double"]))
    found = table(Topic("orders", registered, DECLARED, [b'{"x": 1}']))
    assert found == {
        "comment": "columns of subject orders-value",
        "columns": [
            {"name": "id", "type": "STRING"},
            {"name": "amount", "type": "DOUBLE"},
            *METADATA,
            ERROR,
        ],
        "options": {
            "connector": "kafka",
            "topic": "orders",
            "properties.bootstrap.servers": "kafka:9092",
            "properties.isolation.level": "read_committed",
            "scan.startup.mode": "earliest-offset",
            "value.format": "dead-letter",
            "value.dead-letter.format": "avro-confluent",
            "value.dead-letter.avro-confluent.url": "http://registry",
            "value.dead-letter.avro-confluent.schema": registered.text,
            "value.dead-letter.avro-confluent.known-schemas.7": registered.text,
        },
    }


def test_then_what_a_pipeline_declares() -> None:
    found = table(Topic("orders", None, DECLARED, [b'{"x": 1}']))
    assert own(found) == DECLARED.columns
    assert found["comment"] == "columns of pipeline orders-pipeline"
    assert found["options"]["value.dead-letter.format"] == "json"
    assert found["options"]["value.dead-letter.json.times-by-column.at"] == "epoch-millis"


@pytest.mark.parametrize("text", ['{"type": "object"}', 'syntax = "proto3";', '"string"'])
def test_a_schema_that_is_no_avro_record_is_passed_over(text: str) -> None:
    assert own(table(Topic("orders", SubjectSchema(text), DECLARED))) == DECLARED.columns


def test_then_what_its_records_tell() -> None:
    found = table(Topic("orders", sample=[b'{"id": 1}', b'{"id": 2.5, "tags": ["a"]}', b"broken"]))
    assert own(found) == {"id": "DOUBLE", "tags": "ARRAY<STRING>"}
    assert found["comment"] == "columns inferred from 3 records"


@pytest.mark.parametrize(
    ("sample", "sql_type"), [([b"a line"], "STRING"), ([b"ok", b"\xff"], "BYTES"), ([], "STRING")]
)
def test_else_there_is_one_column_with_the_record_as_it_is(sample: list[bytes], sql_type: str) -> None:
    found = table(Topic("lines", sample=sample))
    assert found["columns"] == [{"name": "value", "type": sql_type}, *METADATA]
    assert found["options"]["value.format"] == "raw"


def test_a_field_with_the_name_of_a_metadata_column_is_left_out() -> None:
    text = schema(("kafka_offset", "long"), ("dead_letter_error", "string"), ("id", "string"))
    assert own(table(Topic("orders", text))) == {"id": "STRING"}
    sample = [b'{"kafka_topic": "x", "id": 1}']
    assert own(table(Topic("orders", sample=sample))) == {"id": "BIGINT"}


def test_records_are_only_asked_where_nothing_else_tells() -> None:
    assert not needs_sample(Topic("orders", schema(("id", "string"))))
    assert not needs_sample(Topic("orders", None, DECLARED))
    assert needs_sample(Topic("orders"))
    assert needs_sample(Topic("orders", SubjectSchema("{}")))


def test_the_first_pipeline_that_declares_a_topic_wins() -> None:
    def pipeline(name: str, topic: str, column: str) -> Pipeline:
        source = {"topic": topic, "format": "json", "columns": {column: "STRING"}}
        document = {"name": name, "sources": {"records": source}, "sink": {"print": {}}}
        return Pipeline.model_validate(document)

    avro = Pipeline.model_validate(
        {
            "name": "avro",
            "sources": {"a": {"topic": "a", "format": "avro"}},
            "sink": {"lake": {"time": "t"}},
        }
    )
    pipelines = [avro, pipeline("one", "orders", "a"), pipeline("two", "orders", "b")]
    assert declarations(pipelines) == {"orders": Declaration("one", {"a": "STRING"})}

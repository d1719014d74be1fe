"""Rows that a sink accepts and rows that it would refuse; one source feeds several sinks."""

import base64
import json
import uuid
from collections import Counter

import pytest
from procstream_local import pipelines

from tests.integration import database, flink, records
from tests.integration.running import RunPipeline, RunShipped
from tests.integration.topics import MakeTopic, register
from tests.integration.waiting import until

ALERT = json.dumps(
    {
        "type": "record",
        "name": "Alert",
        "fields": [
            {"name": "id", "type": "string"},
            {"name": "amount", "type": ["null", "double"], "default": None},
        ],
    }
)


def encoded(*values: object) -> list[bytes | None]:
    return [json.dumps(value).encode() for value in values]


def test_one_source_feeds_a_topic_of_json_a_topic_of_avro_a_table_and_a_lake(
    make_topic: MakeTopic, run_pipeline: RunPipeline
) -> None:
    topic, json_topic = (make_topic(name, schema_text=None) for name in ("several", "several-json"))
    avro_topic = make_topic("several-avro", schema_text=ALERT)
    table = f"t_{uuid.uuid4().hex[:8]}"
    columns = {"id": "STRING", "amount": "DOUBLE", "at": "TIMESTAMP_LTZ(3)"}
    lineage = "kafka_topic, kafka_partition, kafka_offset"
    pipeline = run_pipeline(
        topic,
        sources={"payments": {"topic": topic, "format": "json", "columns": columns}},
        sink=None,
        outputs={
            "all": {
                "query": f"SELECT id, amount, `at`, {lineage} FROM payments",
                "sink": {
                    "lake": {"time": "at"},
                    "kafka": {"topic": json_topic, "key": ["id"]},
                    "postgres": {"table": table},
                    "print": {},
                },
            },
            "large": {
                "query": "SELECT id, amount FROM payments WHERE amount > 10 OR amount IS NULL",
                "sink": {"kafka": {"topic": avro_topic, "format": "avro"}},
            },
        },
        flink={"parallelism": 1, "checkpoint_interval": "1 s"},
    )
    payments = [
        {"id": "a", "amount": 5.0, "at": "2026-01-31T09:00:00Z"},
        {"id": "b", "amount": 50.0, "at": "2026-01-31T09:59:59.999Z"},
        {"id": "c", "amount": None, "at": "2026-01-31T10:00:00Z"},
        {"amount": 99.0, "at": "2026-01-31T10:00:00Z"},
    ]
    records.produce(topic, encoded(*payments))
    report = pipeline.verify()
    assert (report.committed, report.dropped) == (4, 1)  # Avro requires the id, which the last one lacks
    found = {record.value["id"]: record.value for record in records.committed_json(json_topic)}
    assert found["b"] == {**payments[1], "kafka_topic": topic, "kafka_partition": 0, "kafka_offset": 1}
    large = sorted((record.value for record in records.consume(avro_topic)), key=lambda value: value["id"])
    assert large == [{"id": "b", "amount": 50.0}, {"id": "c", "amount": None}]
    rows = database.query(
        f"SELECT id, amount, \"at\" AT TIME ZONE 'UTC', kafka_offset FROM {table} ORDER BY 4"
    )
    assert [(row[0], row[1], row[2].isoformat(), row[3]) for row in rows][:2] == [
        ("a", 5.0, "2026-01-31T09:00:00", 0),
        ("b", 50.0, "2026-01-31T09:59:59.999000", 1),
    ]
    assert len(rows) == 4
    sources = [
        vertex["name"]
        for vertex in flink.get(pipeline.home, f"jobs/{pipeline.job_id}")["vertices"]
        if vertex["name"].startswith("Source")
    ]
    assert len(sources) == 1, sources
    flink.assert_never_restarted(pipeline.home, pipeline.job_id)
    pipeline.cancel()


def test_rows_that_the_table_would_refuse_are_dead_letters_and_stop_nothing(run_shipped: RunShipped) -> None:
    pipeline = run_shipped("splitpay-events")
    event = {"event_id": "1", "user": {"name": "Ada"}, "location": "London"}
    refused = [
        {**event, "event_id": "x" * 51},
        {**event, "user": {"name": None}},
        {**event, "location": "a\0b"},
        {"event_id": "2", "location": "London"},
    ]
    records.produce(pipeline.source, encoded(event, *refused, {**event, "event_id": "3"}))
    until(lambda: len(records.committed(pipeline.topics["dead-letters"])) == len(refused), "the dead letters")
    found = records.committed_json(pipeline.topics["dead-letters"])
    letters = sorted((letter.value for letter in found), key=lambda value: value["kafka_offset"])
    assert [letter["error"] for letter in letters] == [
        "REFUSED_BY_SINK: event_id: found 51 characters; expected character varying(50)",
        "REFUSED_BY_SINK: user_name: found null; expected character varying(50) not null",
        "REFUSED_BY_SINK: location: found the character 0",
        "REFUSED_BY_SINK: user_name: found null; expected character varying(50) not null",
    ]
    raw = json.loads(base64.b64decode(letters[0]["raw"]))
    assert set(raw) == {"event_id", "user_name", "location"}
    assert pipeline.table is not None
    until(lambda: database.rows(pipeline.table or "") == 2, "two rows")
    assert database.query(f"SELECT id, event_id FROM {pipeline.table} ORDER BY id") == [(1, "1"), (2, "3")]
    flink.assert_never_restarted(pipeline.running.home, pipeline.running.job_id)
    pipeline.running.cancel()


def test_a_python_rule_scores_transactions_and_resumes_from_a_savepoint(run_shipped: RunShipped) -> None:
    pipeline = run_shipped("fraud-alerts-python")
    payment = {"transaction_id": "1", "amount": 20_000.0, "category": "travel", "country": "Iceland"}
    values = encoded(payment, {**payment, "transaction_id": "2", "amount": 10.0}, {"transaction_id": "3"})
    records.produce(pipeline.source, values)
    alerts = pipeline.topics["fraud-alerts-python"]
    until(lambda: records.committed(alerts), "an alert")
    pipelines.stop(pipeline.running.home, pipeline.running.name)
    records.produce(pipeline.source, encoded({**payment, "transaction_id": "4"}))
    pipeline.running.run_again()
    until(lambda: len(records.committed(alerts)) > 1, "another alert")
    assert Counter(r.value["transaction_id"] for r in records.committed_json(alerts)) == {"1": 1, "4": 1}
    [letter] = records.committed_json(pipeline.topics["dead-letters"])
    assert letter.value["error"] == "MISSING_FIELD: amount is missing or null"
    pipeline.running.cancel()


@pytest.mark.parametrize("field", ["amount"])
def test_an_incompatible_schema_is_refused_before_the_job(
    make_topic: MakeTopic, run_pipeline: RunPipeline, field: str
) -> None:
    topic = make_topic("avro-out")
    register(f"{topic}-x", ALERT)
    with pytest.raises(Exception, match=f"lacks {field}, which subject {topic}-x-value has"):
        run_pipeline(
            topic,
            query="SELECT uuid AS id FROM records",
            sink={"kafka": {"topic": topic, "format": "avro", "subject": f"{topic}-x-value"}},
        )

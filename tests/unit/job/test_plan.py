from pathlib import Path
from typing import Any

import pytest
from procstream_job.file.model import Pipeline
from procstream_job.file.reading import load_pipeline
from procstream_job.formats.kind import SourceError
from procstream_job.language import sql
from procstream_job.language.sql import Column, Statement
from procstream_job.language.subject_schema import SubjectSchema
from procstream_job.plan.job_plan import JobPlan, plan_job
from procstream_job.plan.needs import pipeline_needs
from procstream_job.plan.outputs import Outputs
from procstream_job.plan.sources import source_tables
from procstream_job.sinks.kind import Connections, Result
from procstream_job.sinks.lake.table import LakeError, lake_columns

SCHEMAS = Path(__file__).parents[3] / "helm" / "procstream" / "schemas"
KAFKA = {"bootstrap.servers": "broker:9092", "sasl.jaas.config": "Login user='me' password='it''s';"}
LINEAGE = [
    Column("kafka_topic", "STRING"),
    Column("kafka_partition", "INT"),
    Column("kafka_offset", "BIGINT"),
]


def schema_text(subject: str) -> str:
    return (SCHEMAS / f"{subject.removesuffix('-value')}.avsc").read_text()


def plan(pipeline: Pipeline, overrides: dict[str, str] | None = None) -> JobPlan:
    schemas = {need.name: SubjectSchema(schema_text(need.name)) for need in pipeline_needs(pipeline).subjects}
    sources = source_tables(pipeline, schemas, {"url": "http://registry/"})
    return plan_job(
        pipeline, sources, Connections(kafka=KAFKA), env={"LAKE_PATH": "s3://lake"}, overrides=overrides
    )


def source_statements(plan: JobPlan) -> list[Statement]:
    """What is executed for the sources: the table with every record, and the view of the decoded ones."""
    return [step for step in plan.steps if isinstance(step, Statement) and step.place != "sources"]


def outputs(plan: JobPlan, *columns: Column) -> Outputs:
    return plan.outputs({"result": Result(columns)}, {})


def orders(**changes: Any) -> Pipeline:
    return Pipeline.model_validate(
        {
            "name": "orders",
            "sources": {
                "orders": {
                    "topic": "orders",
                    "format": "json",
                    "columns": {"id": "BIGINT", "at": "TIMESTAMP(3)", "error": "STRING"},
                }
            },
            "sink": {"lake": {"time": "at"}},
            **changes,
        }
    )


def test_lineage_reads_every_record_and_shows_the_query_the_decoded_ones() -> None:
    lineage = plan(load_pipeline("lineage", {}))
    raw, view = source_statements(lineage)
    assert Statement("sources", "CREATE DATABASE `records`") in lineage.steps
    assert raw.sql == (
        "CREATE TABLE `records`.`lineage_input` (\n"
        "  `uuid` STRING,\n"
        "  `timestamp` TIMESTAMP(3),\n"
        "  `kafka_topic` STRING METADATA FROM 'topic' VIRTUAL,\n"
        "  `kafka_partition` INT METADATA FROM 'partition' VIRTUAL,\n"
        "  `kafka_offset` BIGINT METADATA FROM 'offset' VIRTUAL,\n"
        "  `kafka_timestamp` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,\n"
        "  `dead_letter_error` STRING METADATA FROM 'value.error' VIRTUAL,\n"
        "  `dead_letter_raw` BYTES METADATA FROM 'value.raw' VIRTUAL\n"
        ") WITH (\n"
        "  'connector' = 'kafka',\n"
        "  'topic' = 'lineage-input',\n"
        "  'properties.bootstrap.servers' = 'broker:9092',\n"
        "  'properties.sasl.jaas.config' = 'Login user=''me'' password=''it''''s'';',\n"
        "  'properties.group.id' = 'procstream-lineage',\n"
        "  'properties.client.id.prefix' = 'procstream-lineage-lineage_input',\n"
        "  'properties.isolation.level' = 'read_committed',\n"
        "  'scan.startup.mode' = 'earliest-offset',\n"
        "  'scan.topic-partition-discovery.interval' = '1 min',\n"
        "  'value.format' = 'dead-letter',\n"
        "  'value.dead-letter.format' = 'avro-confluent',\n"
        "  'value.dead-letter.avro-confluent.url' = 'http://registry/',\n"
        f"  'value.dead-letter.avro-confluent.schema' = {sql.text(schema_text('lineage-input-value'))}\n"
        ")"
    )
    assert view.sql == (
        "CREATE VIEW `lineage_input` AS\n"
        "SELECT `uuid`, `timestamp`, `kafka_topic`, `kafka_partition`, `kafka_offset`, `kafka_timestamp`\n"
        "FROM `records`.`lineage_input`\n"
        "WHERE `dead_letter_error` IS NULL"
    )


def test_without_a_query_the_records_own_columns_go_to_the_lake() -> None:
    assert plan(load_pipeline("lineage", {})).queries["result"].select.sql == (
        "SELECT `uuid`, `timestamp`, `kafka_topic`, `kafka_partition`, `kafka_offset`\nFROM `lineage_input`"
    )


def test_good_rows_go_to_the_lake_with_lineage_last_and_bad_ones_to_dropped() -> None:
    result = [*LINEAGE, Column("id", "BIGINT"), Column("at", "TIMESTAMP(3)")]
    found = outputs(plan(orders(query="SELECT * FROM orders")), *result)
    _, lake, dropped = (statement.sql for statement in found.tables)
    assert lake == (
        "CREATE TABLE `sinks`.`result_lake` (\n"
        "  `id` BIGINT,\n"
        "  `at` TIMESTAMP(3),\n"
        "  `kafka_topic` STRING,\n"
        "  `kafka_partition` INT,\n"
        "  `kafka_offset` BIGINT\n"
        ") WITH (\n"
        "  'connector' = 'lake',\n"
        "  'path' = 's3://lake/orders/output',\n"
        "  'commit-log.path' = 's3://lake/orders/write-ahead-commit-log',\n"
        "  'time-column' = 'at',\n"
        "  'format' = 'parquet',\n"
        "  'parquet.compression' = 'SNAPPY'\n"
        ")"
    )
    assert "'path' = 's3://lake/orders/dropped'" in dropped
    assert "'commit-log.path' = 's3://lake/orders/dropped/_write-ahead-commit-log'" in dropped
    assert "time-column" not in dropped
    good, bad = (statement.sql for statement in found.inserts)
    assert good == (
        "INSERT INTO `sinks`.`result_lake`\n"
        "SELECT `id`, `at`, `kafka_topic`, `kafka_partition`, `kafka_offset`\n"
        "FROM `results`.`result`"
    )
    assert bad == (
        "INSERT INTO `sinks`.`dropped`\n"
        "SELECT `kafka_topic`, `kafka_partition`, `kafka_offset`, "
        "`dead_letter_error` AS `error`, `dead_letter_raw` AS `raw`\n"
        "FROM `records`.`orders`\n"
        "WHERE NOT (`dead_letter_error` IS NULL)"
    )


def test_bad_records_of_all_sources_go_to_one_dropped_lake() -> None:
    sources = {name: {"topic": name, "format": "json", "columns": {"id": "INT"}} for name in ("a", "b")}
    two = orders(sources=sources, query="SELECT * FROM a", sink={"lake": {"time": "kafka_timestamp"}})
    _, bad = outputs(plan(two), *LINEAGE, Column("kafka_timestamp", "TIMESTAMP_LTZ(3)")).inserts
    assert bad.sql.count("INSERT INTO") == 1
    assert bad.sql.count("UNION ALL") == 1
    assert "FROM `records`.`a`" in bad.sql
    assert "FROM `records`.`b`" in bad.sql


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("earliest", ["'scan.startup.mode' = 'earliest-offset'"]),
        ("latest", ["'scan.startup.mode' = 'latest-offset'"]),
        (
            "committed",
            ["'scan.startup.mode' = 'group-offsets'", "'properties.auto.offset.reset' = 'earliest'"],
        ),
    ],
)
def test_where_a_job_without_state_starts(start: str, expected: list[str]) -> None:
    source = {"topic": "orders", "format": "json", "columns": {"at": "TIMESTAMP(3)"}, "start": start}
    raw, _ = source_statements(plan(orders(sources={"orders": source})))
    for option in expected:
        assert option in raw.sql


@pytest.mark.parametrize(
    ("times", "option"),
    [
        ("epoch-seconds", "json.times' = 'epoch-seconds'"),
        ({"at": "epoch-millis"}, "json.times-by-column.at' = 'epoch-millis'"),
    ],
)
def test_how_json_times_are_written(times: object, option: str) -> None:
    source = {"topic": "orders", "format": "json", "columns": {"at": "TIMESTAMP(3)"}}
    raw, _ = source_statements(plan(orders(sources={"orders": {**source, "json": {"times": times}}})))
    assert f"'value.dead-letter.{option}" in raw.sql


def test_a_line_of_a_source_table_belongs_to_its_column_in_the_file() -> None:
    raw, _ = source_statements(plan(orders()))
    assert raw.sql.splitlines()[2].strip() == "`at` TIMESTAMP(3),"
    assert raw.lines[3] == "sources.orders.columns.at"


def test_configuration_is_for_exactly_once_and_for_coming_back() -> None:
    configuration = plan(orders()).configuration
    assert configuration == {
        **configuration,
        "pipeline.name": "orders",
        "parallelism.default": "2",
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "execution.checkpointing.interval": "60000 ms",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.incremental": "true",
        "state.backend.type": "rocksdb",
        "restart-strategy.type": "exponential-delay",
        "pipeline.object-reuse": "true",
        "table.local-time-zone": "UTC",
    }


def test_the_files_flink_options_win_over_ours_and_the_commands_over_both() -> None:
    flink = {"configuration": {"state.backend.type": "hashmap", "pipeline.object-reuse": False}}
    configuration = plan(orders(flink=flink), {"pipeline.object-reuse": "maybe"}).configuration
    assert configuration["state.backend.type"] == "hashmap"
    assert configuration["pipeline.object-reuse"] == "maybe"


ROW = [Column("id", "BIGINT"), Column("at", "TIMESTAMP(3)"), *LINEAGE]


@pytest.mark.parametrize(
    ("result", "time", "expected"),
    [
        (ROW[:3], "at", "query: its result lacks kafka_partition, kafka_offset; a lake needs kafka_topic,"),
        (
            [*ROW[:4], Column("kafka_offset", "STRING")],
            "at",
            "query: kafka_offset is STRING; expected BIGINT",
        ),
        (
            [*ROW, Column("checkpoint_id", "BIGINT")],
            "at",
            "query: its result has checkpoint_id, which the lake",
        ),
        (
            ROW,
            "att",
            "sink.lake.time: column 'att' is not in the query's result; did you mean 'at'? expected one",
        ),
        (ROW, "id", "sink.lake.time: column 'id' is BIGINT; expected a TIMESTAMP or TIMESTAMP_LTZ"),
    ],
)
def test_a_result_that_could_not_be_traced_is_refused(result: list[Column], time: str, expected: str) -> None:
    with pytest.raises(LakeError) as raised:
        lake_columns(result, time)
    assert str(raised.value).startswith(expected)


def test_a_wrong_time_column_is_told_before_flink_is_asked_if_there_is_no_query() -> None:
    with pytest.raises(LakeError, match="column 'when' is not in the query's result"):
        plan(orders(sink={"lake": {"time": "when"}}))


def test_a_field_with_the_name_of_a_lineage_column_is_refused() -> None:
    schema = '{"type": "record", "name": "R", "fields": [{"name": "kafka_offset", "type": "long"}]}'
    with pytest.raises(SourceError, match=r"sources\.lineage_input: .* field 'kafka_offset' has the name"):
        source_tables(load_pipeline("lineage", {}), {"lineage-input-value": SubjectSchema(schema)}, {})


def test_the_decoder_has_the_schema_to_resolve_to_and_those_that_records_were_written_with() -> None:
    newest = schema_text("lineage-input-value")
    schemas = {"lineage-input-value": SubjectSchema(newest, {3: "older", 7: newest})}
    [table] = source_tables(load_pipeline("lineage", {}), schemas, {"url": "http://registry/"})
    assert table.decoding.options == {
        "url": "http://registry/",
        "schema": newest,
        "known-schemas.3": "older",
        "known-schemas.7": newest,
    }


def test_what_the_query_may_name_is_known_for_guesses() -> None:
    assert {"orders", "id", "at", "kafka_offset", "kafka_timestamp"} <= plan(orders()).names

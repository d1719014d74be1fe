"""Which rows go to which sink, as Flink SQL."""

from typing import Any

import pytest
from procstream_job.file.model import Pipeline
from procstream_job.language.mistakes import PlacedError
from procstream_job.language.sql import Column
from procstream_job.plan.job_plan import JobPlan, plan_job
from procstream_job.plan.outputs import Outputs
from procstream_job.plan.sources import source_tables
from procstream_job.plan.steps import LateSplit
from procstream_job.sinks.kind import Connections, Result, StoredColumn
from procstream_job.sinks.postgres.options import DatabaseTable

CONNECTIONS = Connections(
    kafka={"bootstrap.servers": "broker:9092"},
    registry={"url": "http://registry/"},
    schemas={"alerts-value": '{"type":"record","name":"A","fields":[{"name":"id","type":"string"}]}'},
)
ENV = {"LAKE_PATH": "/lake", "POSTGRES_URL": "postgresql://db:5432/x", "POSTGRES_USER": "me"}
ID, AMOUNT = Column("id", "STRING"), Column("amount", "DOUBLE")
LINEAGE = [
    Column("kafka_topic", "STRING"),
    Column("kafka_partition", "INT"),
    Column("kafka_offset", "BIGINT"),
]


def pipeline(**changes: Any) -> Pipeline:
    document = {
        "name": "orders",
        "sources": {
            "orders": {"topic": "orders", "format": "json", "columns": {"id": "STRING", "ms": "BIGINT"}}
        },
        "query": "SELECT * FROM orders",
        **changes,
    }
    return Pipeline.model_validate({key: value for key, value in document.items() if value is not None})


def plan(**changes: Any) -> JobPlan:
    found = pipeline(**changes)
    return plan_job(found, source_tables(found, {}, {}), CONNECTIONS, env=ENV)


def outputs(
    sink: dict[str, Any],
    *columns: Column,
    updating: bool = False,
    table: tuple[StoredColumn, ...] = (),
    **changes: Any,
) -> Outputs:
    return plan(sink=sink, **changes).outputs({"result": Result(columns, updating)}, {"sink.postgres": table})


def options(outputs: Outputs, table: str) -> list[str]:
    [statement] = [found for found in outputs.tables if f"CREATE TABLE `sinks`.`{table}`" in found.sql]
    return [line.strip().rstrip(",") for line in statement.sql.splitlines()]


def insert(outputs: Outputs, table: str) -> str:
    [found] = [
        found.sql for found in outputs.inserts if found.sql.startswith(f"INSERT INTO `sinks`.`{table}`")
    ]
    return found


class TestKafka:
    def test_rows_are_json_in_transactions_that_end_before_a_brokers_limit(self) -> None:
        found = options(outputs({"kafka": {"topic": "alerts"}}, ID, AMOUNT), "result_kafka")
        assert "`id` STRING" in found
        assert "'topic' = 'alerts'" in found
        assert "'value.format' = 'json'" in found
        assert "'value.json.timestamp-format.standard' = 'ISO-8601'" in found
        assert "'sink.delivery-guarantee' = 'exactly-once'" in found
        assert "'properties.transaction.timeout.ms' = '900000'" in found
        assert "'sink.transactional-id-prefix' = 'procstream.orders.outputs.result.'" in found

    def test_at_least_once_has_no_transactions(self) -> None:
        found = options(
            outputs({"kafka": {"topic": "alerts", "delivery": "at-least-once"}}, ID), "result_kafka"
        )
        assert "'sink.delivery-guarantee' = 'at-least-once'" in found
        assert not any("transaction" in line for line in found)

    def test_options_of_the_producer_win(self) -> None:
        sink = {"kafka": {"topic": "alerts", "configuration": {"transaction.timeout.ms": 60000}}}
        assert "'properties.transaction.timeout.ms' = '60000'" in options(outputs(sink, ID), "result_kafka")

    @pytest.mark.parametrize(
        ("key", "value_format"), [(["id"], "raw"), (["amount"], "json"), (["id", "amount"], "json")]
    )
    def test_a_key_of_one_text_is_that_text(self, key: list[str], value_format: str) -> None:
        found = options(outputs({"kafka": {"topic": "alerts", "key": key}}, ID, AMOUNT), "result_kafka")
        assert f"'key.fields' = '{';'.join(key)}'" in found
        assert f"'key.format' = '{value_format}'" in found

    def test_a_key_that_is_not_in_the_result(self) -> None:
        with pytest.raises(
            PlacedError, match=r"^sink\.kafka\.key: column 'idd' is not .* did you mean 'id'\?"
        ):
            outputs({"kafka": {"topic": "alerts", "key": ["idd"]}}, ID)

    def test_avro_is_written_by_the_registered_schema(self) -> None:
        found = outputs({"kafka": {"topic": "alerts", "format": "avro"}}, ID)
        lines = options(found, "result_kafka")
        assert "`id` STRING NOT NULL" in lines
        assert "'value.avro-confluent.subject' = 'alerts-value'" in lines
        assert f"'value.avro-confluent.schema' = '{CONNECTIONS.schemas['alerts-value']}'" in lines

    def test_a_null_that_the_schema_has_no_place_for_is_dropped_with_its_reason(self) -> None:
        found = outputs({"kafka": {"topic": "alerts", "format": "avro"}}, ID)
        assert "IS NULL THEN 'id: found null; expected STRING NOT NULL'" in insert(found, "result_kafka")
        assert "'REFUSED_BY_SINK: ' || (CASE" in insert(found, "dropped")

    @pytest.mark.parametrize(
        ("columns", "expected"),
        [((AMOUNT,), "the query's result lacks id"), ((ID, AMOUNT), "the query's result has amount, which")],
    )
    def test_columns_that_the_schema_does_not_have(self, columns: tuple[Column, ...], expected: str) -> None:
        with pytest.raises(PlacedError, match=expected):
            outputs({"kafka": {"topic": "alerts", "format": "avro"}}, *columns)

    def test_prefixes_of_transactions_never_begin_another_jobs(self) -> None:
        names = [("a", "result"), ("a-result", "b"), ("a", "result2"), ("a", "late"), ("a", "dropped")]
        prefixes = []
        for name, output in names:
            part = {"query": "SELECT 1", "sink": {"kafka": {"topic": "t"}}}
            found = plan(name=name, query=None, outputs={output: part}, dropped={"kafka": {"topic": "d"}})
            tables = found.outputs({output: Result((ID,))}, {}).tables
            lines = [line for table in tables for line in table.sql.splitlines() if "id-prefix" in line]
            prefixes += [line.split("'")[3] for line in lines]
        distinct = set(prefixes)
        assert not [(a, b) for a in distinct for b in distinct if a != b and b.startswith(a)]


class TestPostgres:
    FOUND = (
        StoredColumn("id", "character varying(5)", not_null=True, has_default=False),
        StoredColumn("n", "integer", not_null=True, has_default=True),
    )

    def sink(self, **changes: Any) -> dict[str, Any]:
        return {"postgres": {"table": "events", **changes}}

    def test_rows_go_in_batches(self) -> None:
        found = options(outputs(self.sink(batch_rows=7), ID, table=self.FOUND), "result_postgres")
        assert "'connector' = 'postgres'" in found
        assert "'table-name' = '\"events\"'" in found
        assert "'sink.buffer-flush.max-rows' = '7'" in found
        assert "'sink.buffer-flush.interval' = '1000 ms'" in found

    def test_an_upsert_replaces_rows_without_state_in_flink(self) -> None:
        found = outputs(self.sink(mode="upsert", key=["id"]), ID, table=self.FOUND)
        assert "PRIMARY KEY (`id`) NOT ENFORCED" in options(found, "result_postgres")
        assert found.configuration["table.exec.sink.upsert-materialize"] == "NONE"

    def test_only_declared_columns_are_stored(self) -> None:
        sink = self.sink(columns={"n": "serial primary key", "id": "varchar(5) not null"})
        found = outputs(sink, ID, AMOUNT, *LINEAGE, table=self.FOUND)
        assert insert(found, "result_postgres").startswith(
            "INSERT INTO `sinks`.`result_postgres`\nSELECT `id` AS `id`\n"
        )

    def test_what_the_table_would_refuse_is_dropped_with_its_reason_and_offset(self) -> None:
        found = outputs(self.sink(columns={"id": "varchar(5) not null"}), ID, *LINEAGE, table=self.FOUND)
        for text in ("`id` IS NULL", "CHAR_LENGTH(`id`) > 5", "POSITION(U&'\\0000' IN `id`) > 0"):
            assert text in insert(found, "result_postgres")
        dropped = insert(found, "dropped")
        assert (
            "UNION ALL\nSELECT `kafka_topic`, `kafka_partition`, `kafka_offset`, 'REFUSED_BY_SINK: '"
            in dropped
        )
        assert "JSON_OBJECT(KEY 'id' VALUE CAST(`id` AS STRING))" in dropped

    def test_an_instant_is_text_that_postgresql_reads(self) -> None:
        at = Column("at", "TIMESTAMP_LTZ(3)")
        column = StoredColumn("at", "timestamp with time zone", not_null=False, has_default=False)
        found = outputs(self.sink(), at, table=(column,))
        assert "SELECT CAST(`at` AS STRING) || 'Z' AS `at`" in insert(found, "result_postgres")
        assert "`at` STRING" in options(found, "result_postgres")

    def test_a_table_is_made_of_the_querys_columns(self) -> None:
        columns = (
            ID,
            Column("price", "DECIMAL(10, 2)"),
            Column("at", "TIMESTAMP(3)"),
            Column("code", "VARCHAR(3)"),
        )
        found = plan(sink=self.sink(mode="upsert", key=["id"]))
        tables = found.external_tables({"result": Result(columns)})
        found_table = tables["sink.postgres"]
        assert isinstance(found_table, DatabaseTable)
        assert found_table.table.create == (
            'CREATE TABLE "events" (\n  "id" text,\n  "price" numeric(10, 2),\n  "at" timestamp,\n'
            '  "code" varchar(3),\n  UNIQUE ("id")\n)'
        )

    def test_a_row_in_a_column_has_no_place(self) -> None:
        with pytest.raises(PlacedError, match=r"column 'user' is ROW<`name` STRING>; expected one value"):
            outputs(self.sink(), Column("user", "ROW<`name` STRING>"))

    @pytest.mark.parametrize(
        ("found", "unique", "expected"),
        [
            (
                [StoredColumn("idd", "text", not_null=False, has_default=False)],
                [],
                "no column 'id'; did you mean 'idd'?",
            ),
            (
                [*FOUND[:1], StoredColumn("x", "text", not_null=True, has_default=False)],
                [frozenset(["id"])],
                "wants x (text not null), which the query does not return",
            ),
            (FOUND, [frozenset(["id", "n"])], "no unique index of id"),
        ],
    )
    def test_a_table_with_other_columns(
        self, found: list[StoredColumn], unique: list[frozenset[str]], expected: str
    ) -> None:
        sink = pipeline(sink=self.sink(mode="upsert", key=["id"])).all_outputs[0].sink.postgres
        assert sink is not None
        with pytest.raises(PlacedError) as raised:
            sink.external_table(Result((ID,)), "sink.postgres").table.check(found, unique)
        assert str(raised.value).startswith("sink.postgres: table events ")
        assert expected in str(raised.value)


class TestSeveral:
    def test_one_query_feeds_several_sinks(self) -> None:
        sink = {"kafka": {"topic": "alerts"}, "print": {}, "lake": {"time": "at"}}
        found = outputs(sink, ID, Column("at", "TIMESTAMP(3)"), *LINEAGE)
        assert [statement.place for statement in found.tables] == [
            "sink", "sink.lake", "sink.kafka", "sink.print", "dropped.lake",
        ]  # fmt: skip
        assert [statement.sql.count("FROM `results`.`result`") for statement in found.inserts] == [1, 1, 1, 0]

    def test_several_queries_have_places_of_their_own(self) -> None:
        part = {"query": "SELECT * FROM orders", "sink": {"kafka": {"topic": "t", "key": ["nope"]}}}
        found = plan(query=None, outputs={"first": part})
        with pytest.raises(PlacedError, match=r"^outputs\.first\.sink\.kafka\.key: column 'nope'"):
            found.outputs({"first": Result((ID,))}, {})

    @pytest.mark.parametrize(
        "sink", [{"kafka": {"topic": "t"}}, {"lake": {"time": "at"}}, {"postgres": {"table": "t"}}]
    )
    def test_a_query_that_updates_rows_needs_a_sink_that_can(self, sink: dict[str, Any]) -> None:
        with pytest.raises(PlacedError, match="the query changes rows that it returned before"):
            outputs(sink, ID, updating=True)

    def test_dropped_records_can_go_to_a_topic(self) -> None:
        found = outputs({"print": {}}, ID, dropped={"kafka": {"topic": "dead-letters"}})
        lines = options(found, "dropped")
        assert "'topic' = 'dead-letters'" in lines
        assert "`raw` BYTES" in lines


class TestEventTime:
    CHANGES = {  # noqa: RUF012
        "sources": {
            "orders": {
                "topic": "orders",
                "format": "json",
                "columns": {"id": "STRING", "ms": "BIGINT"},
                "event_time": {"column": "ms", "delay": "1500 ms", "idle": "3 s"},
            }
        },
        "late": {"kafka": {"topic": "late-orders"}},
    }

    def test_a_bigint_becomes_event_time_with_a_watermark_that_no_record_from_the_future_moves(self) -> None:
        [raw] = [
            step.sql for step in plan(sink={"print": {}}, **self.CHANGES).steps if "connector" in str(step)
        ]
        assert "`event_time` AS COALESCE(TO_TIMESTAMP_LTZ(`ms`, 3), `kafka_timestamp`)" in raw
        assert "WHEN TO_TIMESTAMP_LTZ(`ms`, 3) < `kafka_timestamp` THEN" in raw
        assert "INTERVAL '0 00:00:01.500' DAY TO SECOND" in raw
        assert "'scan.watermark.idle-timeout' = '3000 ms'" in raw
        assert "'value.dead-letter.required' = 'ms'" in raw

    def test_late_rows_are_split_off_and_kept(self) -> None:
        found = plan(sink={"print": {}}, **self.CHANGES)
        split = LateSplit(
            "sources.orders.event_time",
            "`records`.`orders`",
            "event_time",
            "`on_time`.`orders`",
            "`late`.`orders`",
        )
        assert split in found.steps
        late = insert(found.outputs({"result": Result((ID,))}, {}), "late_orders")
        assert "`event_time`\nFROM `late`.`orders`" in late

    def test_a_bad_record_is_dropped_whether_late_or_not(self) -> None:
        dropped = insert(outputs({"print": {}}, ID, **self.CHANGES), "dropped")
        assert "FROM `on_time`.`orders`" in dropped
        assert "FROM `late`.`orders`" in dropped

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"late": None}, "late: missing; sources.orders has an event_time"),
            (
                {"sources": {"a": {"topic": "a", "format": "json", "columns": {"id": "STRING"}}}},
                "late: no source has",
            ),
            (
                {"query": None, "sink": {"lake": {"time": "event_time"}}},
                "late: a lake's proof needs every record",
            ),
        ],
    )
    def test_contradictions(self, changes: dict[str, Any], expected: str) -> None:
        with pytest.raises(ValueError, match=expected):
            pipeline(**{"sink": {"print": {}}, **self.CHANGES, **changes})

    def test_a_text_is_no_time(self) -> None:
        source = {**self.CHANGES["sources"]["orders"], "event_time": {"column": "id"}}
        with pytest.raises(PlacedError, match=r"^sources\.orders\.event_time\.column: column 'id' is STRING"):
            plan(sink={"print": {}}, **{**self.CHANGES, "sources": {"orders": source}})

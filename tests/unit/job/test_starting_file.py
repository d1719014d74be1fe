import json
import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from procstream_common.errors import ProcstreamError
from procstream_job.file.model import Pipeline
from procstream_job.file.reading import parse_pipeline
from procstream_job.formats.avro.options import AvroSource
from procstream_job.formats.json.options import JsonSource
from procstream_job.sinks.sink import SINK_KINDS
from procstream_job.topics.contents import TopicContents, avro_contents, json_contents
from procstream_job.topics.starting_file import default_name, starting_file

ORDER = {"id": "a-1", "user": {"name": "Ada"}, "amount": 12.5, "at": 1_795_273_203_473}
SCHEMA = {
    "type": "record",
    "name": "Sample",
    "fields": [
        {"name": "uuid", "type": "string"},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    ],
}


def of_json(*documents: Any, topic: str = "orders") -> TopicContents:
    return json_contents(topic, [json.dumps(document).encode() for document in documents])


def of_avro(schema: Any = None, topic: str = "samples") -> TopicContents:
    return avro_contents(topic, f"{topic}-value", 3, json.dumps(schema or SCHEMA))


def with_fields(*fields: Any) -> dict[str, Any]:
    return {**SCHEMA, "fields": list(fields)}


def parsed(contents: TopicContents, sink: str = "print") -> Pipeline:
    return parse_pipeline(starting_file("mine", contents, sink), "mine.yaml", {})


def uncommented(text: str, *keys: str) -> str:
    """The text with the blocks of these keys no longer comments."""
    lines, wanted = [], False
    for line in text.splitlines():
        if match := re.match(r"( *)# (\w+):( #.*)?$", line):
            wanted = match[2] in keys
        elif not re.match(r" *#   ", line):
            wanted = False
        lines.append(re.sub(r"^( *)# ", r"\1", line) if wanted else line)
    return "\n".join(lines)


class TestContents:
    def test_columns_of_json_come_with_a_value_that_was_seen(self) -> None:
        contents = of_json({"id": None, "n": 1}, {"id": "a-1", "n": 2.5})
        assert [(column.name, column.type) for column in contents.columns] == [
            ("id", "STRING"),
            ("n", "DOUBLE"),
        ]
        assert contents.samples == {"id": "a-1", "n": 1}
        assert contents.always == ("n",)
        assert contents.origin == "2 records"

    def test_what_is_no_object_is_not_counted(self) -> None:
        contents = json_contents("orders", [b'{"a": 1}', b"[", b'{"a": NaN}', b"{}"])
        assert contents.origin == "1 of 4 records"

    def test_a_type_that_one_record_spoils_is_named(self) -> None:
        contents = of_json(*[{"amount": 12.5}] * 8, {"amount": "12,50"}, {"amount": None})
        assert contents.columns[0].type == "STRING"
        assert "amount: STRING # 12.5; DOUBLE in 8 of 9 records" in starting_file("mine", contents, "print")

    @pytest.mark.parametrize(
        ("documents", "expected"),
        [
            ([ORDER], ("at", "BIGINT")),
            ([{"ts": "2026-11-21T15:00:03Z"}, {"ts": None}], ("ts", "TIMESTAMP_LTZ(3)")),
            ([{"ts": "2026-11-21T15:00:03.473Z", "at": 1_795_273_203_473}], ("at", "BIGINT")),
            ([{"ts": "2026-11-21T15:00:03Z"}, {"ts": "yesterday"}], None),
            ([{"ts": "2026-11-21 15:00:03"}], None),
            ([{"at": 1_795_273_203}], None),  # seconds
            ([{"at": 1_795_273_203_473}, {"at": 7}], None),
            ([{"at": None}], None),
            # The column event_time can only be the records' own if they have one, and is a TIMESTAMP then.
            ([{"event_time": 1_795_273_203_473}], None),
            ([{"event_time": "x", "at": 1_795_273_203_473}], None),
            ([{"event_time": "2026-11-21T15:00:03Z"}], ("event_time", "TIMESTAMP_LTZ(3)")),
        ],
    )
    def test_event_time_of_json(self, documents: list[Any], expected: tuple[str, str] | None) -> None:
        found = of_json(*documents).event_time
        assert (found and (found.name, found.type)) == expected

    def test_columns_of_avro_are_those_of_the_schema(self) -> None:
        contents = of_avro()
        assert [(column.name, column.type) for column in contents.columns] == [
            ("uuid", "STRING"),
            ("timestamp", "TIMESTAMP(3)"),
        ]
        assert contents.event_time == contents.columns[1]
        assert contents.origin == "samples-value, version 3"

    @pytest.mark.parametrize(
        ("records", "expected"),
        [
            ([b"[1]", b"x"], "topic orders: found no JSON object in 2 records; expected JSON, or Avro whose"),
            (
                [b"\x00\x00\x00\x00\x01avro"],
                "they begin with byte 0 as Confluent's Avro does, and orders-value",
            ),
            ([b'{"kafka_topic": 1}'], "topic orders: found no field that can be a column in ['kafka_topic']"),
        ],
    )
    def test_records_without_columns(self, records: list[bytes], expected: str) -> None:
        with pytest.raises(ProcstreamError) as error:
            json_contents("orders", records)
        assert expected in str(error.value)

    def test_schema_that_flink_cannot_read(self) -> None:
        with pytest.raises(
            ProcstreamError, match=r"^subject samples-value, version 3: field x: found a union"
        ):
            of_avro(with_fields({"name": "x", "type": ["int", "string"]}))


class TestFile:
    def test_json(self) -> None:
        source = parsed(of_json(ORDER)).sources["orders"]
        assert isinstance(source, JsonSource)
        assert source.columns == {
            "id": "STRING",
            "user": "ROW<`name` STRING>",
            "amount": "DOUBLE",
            "at": "BIGINT",
        }
        assert "      amount: DOUBLE # 12.5\n" in starting_file("mine", of_json(ORDER), "print")

    def test_a_column_of_whole_numbers_is_questioned_unless_they_are_times(self) -> None:
        text = starting_file("mine", of_json({**ORDER, "amount": 12}), "print")
        doubt = "whole numbers only: DOUBLE or DECIMAL if it can have a fraction"
        assert f"      amount: BIGINT # 12; {doubt}\n" in text
        assert text.count(doubt) == 1

    def test_avro(self) -> None:
        source = parsed(of_avro()).sources["samples"]
        assert isinstance(source, AvroSource)
        assert source.columns is None
        assert "    #   timestamp  TIMESTAMP(3)\n" in starting_file("mine", of_avro(), "print")

    def test_a_field_whose_name_is_taken_is_omitted(self) -> None:
        pipeline = parsed(of_json({"kafka_offset": 1, "a": 1, "b\n": 1}))
        assert isinstance(source := pipeline.sources["orders"], JsonSource)
        assert list(source.columns) == ["a"]
        fields = [{"name": name, "type": "int"} for name in ("kafka_offset", "a")]
        assert isinstance(avro := parsed(of_avro(with_fields(*fields))).sources["samples"], AvroSource)
        assert avro.columns == ["a"]

    def test_schema_for_editors_is_in_the_first_line(self) -> None:
        text = starting_file("mine", of_avro(), "print", "../docs/pipeline.schema.json")
        assert text.startswith("# yaml-language-server: $schema=../docs/pipeline.schema.json\nname: mine\n")
        assert starting_file("mine", of_avro(), "print").startswith("name: mine\n")

    @pytest.mark.parametrize("sink", SINK_KINDS)
    def test_every_sink(self, sink: str) -> None:
        for contents in (of_json(ORDER), of_avro()):
            assert getattr(parsed(contents, sink).sink, sink) is not None

    def test_lake_has_what_proves_it_and_a_time(self) -> None:
        avro, plain = parsed(of_avro(), "lake"), parsed(of_json(ORDER), "lake")
        assert avro.lake is not None
        assert plain.lake is not None
        assert (avro.lake.time, plain.lake.time) == ("timestamp", "kafka_timestamp")
        for pipeline in (avro, plain):
            assert "  kafka_topic,\n  kafka_partition,\n  kafka_offset\n" in (pipeline.query or "")
        assert "  kafka_timestamp,\n" in (plain.query or "")

    def test_postgres_gets_nested_values_as_texts(self) -> None:
        query = parsed(of_json(ORDER), "postgres").query
        assert query is not None
        assert "  `id`,\n  JSON_STRING(`user`) AS `user`,\n" in query

    @pytest.mark.parametrize("contents", [of_json(ORDER), of_avro()], ids=["json", "avro"])
    def test_event_time_only_has_to_be_uncommented(self, contents: TopicContents) -> None:
        text = uncommented(starting_file("mine", contents, "print"), "event_time", "late")
        pipeline = parse_pipeline(text, "mine.yaml", {})
        [source] = pipeline.sources.values()
        assert source.event_time is not None
        assert contents.event_time is not None
        assert source.event_time.column == contents.event_time.name
        assert pipeline.late is not None
        assert pipeline.late.kafka.topic == "mine-late"

    def test_a_lake_is_not_offered_an_event_time(self) -> None:
        assert "event_time" not in starting_file("mine", of_avro(), "lake")

    @pytest.mark.parametrize("topic", ["null", "1e3", "12", "order", "a.b-c", "_", "On"])
    def test_a_topic_whose_name_is_something_else_in_yaml_or_sql(self, topic: str) -> None:
        for sink in SINK_KINDS:
            [source] = parsed(of_json(ORDER, topic=topic), sink).sources.values()
            assert source.topic == topic

    @example(documents=[{"0": {"\x85": None}, "\u2028": 1}], sink="kafka")
    @settings(deadline=None)
    @given(
        documents=st.lists(
            st.dictionaries(
                st.text() | st.sampled_from(["on", "${HOME}", "a: b", "x #", "`", "event_time", "👋", "~"]),
                st.recursive(
                    st.none() | st.booleans() | st.integers() | st.text(),
                    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
                    max_leaves=4,
                ),
                max_size=4,
            ),
            min_size=1,
            max_size=3,
        ),
        sink=st.sampled_from(list(SINK_KINDS)),
    )
    def test_whatever_the_records_are_the_file_has_their_columns(
        self, documents: list[Any], sink: str
    ) -> None:
        contents = of_json({"first": 1}, *documents)
        [source] = parsed(contents, sink).sources.values()
        assert isinstance(source, JsonSource)
        assert source.columns == {column.name: column.type for column in contents.columns}


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        ("orders", "orders"),
        ("topic_splitpay", "topic-splitpay"),
        ("Billing.Events", "billing-events"),
        ("...", "pipeline"),
        ("node-cpu", "my-node-cpu"),
        ("a" * 44 + "._b", "a" * 44),
        ("a" * 249, "a" * 45),
    ],
)
def test_name_of_a_pipeline_from_its_topic(topic: str, expected: str) -> None:
    assert default_name(topic, {"node-cpu"}) == expected

import textwrap
from pathlib import Path

import pytest
from procstream_job.file.reading import (
    PipelineError,
    load_pipeline,
    open_pipeline,
    parse_pipeline,
    shipped_pipelines,
)

WELL_FORMED = """
name: orders
parameters: {MINIMUM: 5}
sources:
  orders:
    topic: orders
    format: json
    columns: {id: BIGINT, at: TIMESTAMP(3)}
query: SELECT * FROM orders WHERE id > ${MINIMUM}
sink: {lake: {time: at}}
"""


def complaint(text: str, env: dict[str, str] | None = None) -> str:
    with pytest.raises(PipelineError) as raised:
        parse_pipeline(textwrap.dedent(text), "orders.yaml", env or {})
    return str(raised.value)


@pytest.mark.parametrize("name", ["lineage", "procstat-lineage"])
def test_shipped_pipelines_are_found_by_name_and_are_valid(name: str) -> None:
    assert load_pipeline(name, {}).name == name
    assert shipped_pipelines()[name]


def test_the_topic_of_a_shipped_pipeline_comes_from_the_environment_if_it_says_so() -> None:
    assert load_pipeline("lineage", {}).sources["lineage_input"].topic == "lineage-input"
    assert load_pipeline("lineage", {"KAFKA_TOPIC": "other"}).sources["lineage_input"].topic == "other"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(PipelineError, match="no pipeline is named 'linage'; did you mean 'lineage'"):
        load_pipeline("linage", {})


def test_a_path_that_is_not_there_is_named() -> None:
    with pytest.raises(PipelineError, match=r"^\./absent\.yaml: no such file$"):
        load_pipeline("./absent.yaml", {})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("{time: at}", "{tiem: at}"),
            "orders.yaml: sink.lake.time: missing; expected: Timestamp column whose UTC hour decides "
            "the folder.\n"
            "orders.yaml: sink.lake.tiem: unknown key; did you mean 'time'? "
            "expected one of: commit_log, path, time",
        ),
        (("sink: {lake: {time: at}}", ""), "orders.yaml: sink: missing"),
        (
            ("name: orders", "name: My Orders"),
            "orders.yaml: name: found 'My Orders'; expected up to 45 lower case",
        ),
        (
            ("topic: orders", "topic: or/ders"),
            "orders.yaml: sources.orders.topic: found 'or/ders'; expected a topic",
        ),
        (
            ("format: json", "format: jsn"),
            "orders.yaml: sources.orders.format: found 'jsn'; did you mean 'json'?",
        ),
        (("format: json", ""), "orders.yaml: sources.orders.format: missing; expected avro or json"),
        (
            ("id: BIGINT", "id: BIGINT NOT NULL"),
            "orders.yaml: sources.orders.columns.id: found 'BIGINT NOT NULL'; ",
        ),
        (("id: BIGINT", "id: 7"), "orders.yaml: sources.orders.columns.id: found 7; expected a text"),
        (("id: BIGINT", "kafka_offset: BIGINT"), "orders.yaml: sources.orders.columns.kafka_offset: found"),
        (
            ("{id: BIGINT, at: TIMESTAMP(3)}", "[id]"),
            "orders.yaml: sources.orders.columns: found ['id']; expected a",
        ),
        (
            ("{lake: {time: at}}", "{lake: {time: at, path: /x}}"),
            "orders.yaml: sink.lake: path and commit_log go",
        ),
        (
            ("query: SELECT", "query: INSERT INTO x SELECT"),
            "orders.yaml: query: found 'INSERT' first; expected",
        ),
        (
            ("name: orders", "flink: {parallelism: 0}\nname: orders"),
            "orders.yaml: flink.parallelism: found 0; ",
        ),
        (
            ("name: orders", "flink: {checkpoint_interval: 60}\nname: orders"),
            "orders.yaml: flink.checkpoint_interval: found 60; expected a duration such as '60 s'",
        ),
        (
            ("${MINIMUM}", "${MINIMUN}"),
            "orders.yaml: query: parameter ${MINIMUN} has no value; did you mean 'MINIMUM'? set it under",
        ),
        (
            ("  orders:\n", "  my orders:\n"),
            "orders.yaml: sources.my orders: found 'my orders'; expected letters",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(change: tuple[str, str], expected: str) -> None:
    assert complaint(WELL_FORMED.replace(*change)).startswith(expected)


def test_every_mistake_has_its_own_line() -> None:
    text = WELL_FORMED.replace("format: json", "format: jsn").replace("time: at", "tiem: at")
    assert [line.split(":")[1].strip() for line in complaint(text).splitlines()] == [
        "sources.orders.format",
        "sink.lake.time",
        "sink.lake.tiem",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: x\n a: b", "orders.yaml:2:3: mapping values are not allowed here"),
        ("sink: [", "orders.yaml:1:8: expected the node content, but found '<stream end>'"),
        ("name: a\nname: b", "orders.yaml:2:1: key 'name' is there twice"),
        ("", "orders.yaml: found nothing; expected a mapping with name, sources and sink"),
        ("- a", "orders.yaml: found a list; expected a mapping with name, sources and sink"),
    ],
)
def test_what_is_no_yaml_mapping_is_told_with_line_and_column(text: str, expected: str) -> None:
    assert complaint(text) == expected


def test_a_query_is_needed_where_there_is_more_than_one_source() -> None:
    text = """
        name: two
        sources: {a: {topic: a, format: avro}, b: {topic: b, format: avro}}
        sink: {lake: {time: at}}
    """
    assert complaint(text) == "orders.yaml: query is missing: it is needed with 2 sources"


def test_parameters_are_put_into_any_text_and_the_environment_wins() -> None:
    assert parse_pipeline(WELL_FORMED, "f", {}).query == "SELECT * FROM orders WHERE id > 5"
    assert parse_pipeline(WELL_FORMED, "f", {"MINIMUM": "9"}).query == "SELECT * FROM orders WHERE id > 9"


def test_a_parameter_need_not_be_declared_if_the_environment_has_it() -> None:
    text = WELL_FORMED.replace("topic: orders", "topic: ${TOPIC}")
    assert parse_pipeline(text, "f", {"TOPIC": "t"}).sources["orders"].topic == "t"


def test_a_doubled_dollar_stands_for_itself() -> None:
    text = WELL_FORMED.replace("id > ${MINIMUM}", "name = '$${MINIMUM}'")
    assert parse_pipeline(text, "f", {}).query == "SELECT * FROM orders WHERE name = '${MINIMUM}'"


def test_an_environment_value_of_another_kind_than_the_default_is_refused() -> None:
    assert complaint(WELL_FORMED, {"MINIMUM": "many"}) == (
        "orders.yaml: parameters.MINIMUM: found 'many' in the environment; "
        "expected a whole number as its default 5"
    )


def test_the_variables_that_a_file_depends_on_are_known_before_it_has_values(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\n"
        "parameters: {THRESHOLD: 5, UNUSED: x}\n"
        "sources: {records: {topic: '${ TOPIC }', format: avro}}  # not ${COMMENTED}\n"
        "query: SELECT * FROM records WHERE amount > ${THRESHOLD} AND note <> '$${ESCAPED}'\n"
        "sink: {print: {}}\n"
    )
    source = open_pipeline(str(file))
    assert source.references == {"TOPIC", "THRESHOLD", "UNUSED"}
    file.unlink()
    resolved = source.resolve({"TOPIC": "orders"})
    assert resolved.pipeline.sources["records"].topic == "orders"
    assert resolved.folder == tmp_path

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from procstream_common.durations import flink_duration, parse_duration
from procstream_job.file.model import Pipeline


def pipeline(**changes: Any) -> Pipeline:
    return Pipeline.model_validate(
        {
            "name": "orders",
            "sources": {"orders": {"topic": "orders", "format": "avro"}},
            "sink": {"lake": {"time": "at"}},
            **changes,
        }
    )


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("500 ms", 500),
        ("60 s", 60_000),
        ("60s", 60_000),
        ("1 min", 60_000),
        ("1.5 h", 5_400_000),
        ("1 d", 86_400_000),
    ],
)
def test_durations_are_a_number_and_a_unit(written: str, milliseconds: int) -> None:
    duration = parse_duration(written)
    assert duration == timedelta(milliseconds=milliseconds)
    assert flink_duration(duration) == f"{milliseconds} ms"


@pytest.mark.parametrize("written", ["60", "s", "-1 s", "0 s", "1 week", 60, None])
def test_anything_else_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(written)


def test_defaults_are_those_of_the_documentation() -> None:
    assert pipeline().flink.parallelism == 2
    assert pipeline().flink.checkpoint_interval == timedelta(seconds=60)
    assert pipeline().sources["orders"].start == "earliest"


def test_the_subject_of_a_schema_follows_from_the_topic_unless_it_is_given() -> None:
    source = pipeline().sources["orders"]
    assert source.format == "avro"
    assert source.schema_subject == "orders-value"
    given = {"orders": {"topic": "orders", "format": "avro", "subject": "Order"}}
    named = pipeline(sources=given).sources["orders"]
    assert named.format == "avro"
    assert named.schema_subject == "Order"


def test_values_of_flinks_configuration_become_texts() -> None:
    configuration = {"a": 1, "b": True, "c": 0.5, "d": "x"}
    assert pipeline(flink={"configuration": configuration}).flink.configuration == {
        "a": "1",
        "b": "true",
        "c": "0.5",
        "d": "x",
    }


def test_a_lake_is_where_the_environment_says() -> None:
    paths = pipeline().lake_paths({"LAKE_PATH": "s3://bucket/lake"})
    assert paths.output == "s3://bucket/lake/orders/output"
    assert paths.commit_log == "s3://bucket/lake/orders/write-ahead-commit-log"
    assert paths.dropped == "s3://bucket/lake/orders/dropped"


def test_paths_of_the_file_win_over_the_environment() -> None:
    explicit = pipeline(
        sink={"lake": {"time": "at", "path": "s3://b/out", "commit_log": "s3://b/log"}},
        dropped={"lake": {"path": "s3://b/bad"}},
    )
    env = {"OUTPUT_PATH": "/o", "WRITE_AHEAD_COMMIT_LOG_PATH": "/w", "DROPPED_PATH": "/d"}
    paths = explicit.lake_paths(env)
    assert (paths.output, paths.commit_log, paths.dropped) == ("s3://b/out", "s3://b/log", "s3://b/bad")
    assert explicit.dropped_commit_log(env) == "s3://b/bad/_write-ahead-commit-log"


def test_folders_are_absolute_because_flink_runs_elsewhere() -> None:
    relative = pipeline(sink={"lake": {"time": "at", "path": "out", "commit_log": "file:/log"}})
    paths = relative.lake_paths({"DROPPED_PATH": "bad"})
    assert paths.output == str(Path.cwd() / "out")
    assert paths.commit_log == "file:/log"
    assert paths.dropped == str(Path.cwd() / "bad")


def test_a_comment_may_come_before_the_query() -> None:
    assert pipeline(query="-- all of them\n/* really */ (SELECT 1)").query is not None


def json_pipeline(times: object) -> Pipeline:
    source = {"topic": "t", "format": "json", "columns": {"at": "TIMESTAMP(3)"}, "json": {"times": times}}
    return pipeline(sources={"orders": source})


@pytest.mark.parametrize("times", ["iso-8601", "epoch-nanos", {"at": "epoch-micros"}, {}])
def test_json_times_are_written_in_one_way_or_by_column(times: object) -> None:
    source = json_pipeline(times).sources["orders"]
    assert source.format == "json"
    assert source.reading.times == times


@pytest.mark.parametrize(
    ("times", "problem"),
    [
        ({"ta": "epoch-millis"}, "found 'ta', which is no column; expected some of: at"),
        ({"at": "millis"}, "epoch-millis"),
        ("millis", "epoch-millis"),
        ({"kafka_offset": "epoch-millis"}, "every source table has that column"),
    ],
)
def test_other_json_times_are_refused(times: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        json_pipeline(times)


def test_the_json_schema_describes_every_key() -> None:
    schema = Pipeline.model_json_schema()
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["name", "sources"]
    assert schema["oneOf"] == [{"required": ["sink"]}, {"required": ["outputs"]}]
    interval = schema["$defs"]["Flink"]["properties"]["checkpoint_interval"]
    assert interval["type"] == "string"
    assert interval["default"] == "60 s"
    described = {"sources", "query", "parameters"}
    assert all(schema["properties"][key]["description"] for key in described)


def test_the_published_schema_is_that_of_the_model() -> None:
    published = Path(__file__).parents[3] / "docs" / "pipeline.schema.json"
    assert json.loads(published.read_text()) == Pipeline.model_json_schema()

from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_lineage.target import Place, find_target, shipped_lakes

PIPELINE = """
name: mine
sources:
  orders: {topic: orders, format: json, columns: {id: STRING, ts: TIMESTAMP_LTZ(3)}, start: latest}
query: SELECT * FROM orders WHERE id <> ''
sink: {lake: {time: ts}}
dropped: {lake: {path: s3://lake/bad, commit_log: s3://lake/bad-log}}
"""


def test_topics_and_lake_are_read_from_the_pipeline(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(PIPELINE)
    target = find_target(str(file), {"LAKE_PATH": "s3://lake"})
    assert target.topics == ["orders"]
    assert target.lake.output == Place("s3://lake/mine/output", "s3://lake/mine/write-ahead-commit-log")
    assert target.lake.dropped == Place("s3://lake/bad", "s3://lake/bad-log")
    assert target.from_latest
    assert target.selects


def test_a_shipped_pipeline_is_known_by_its_name_and_is_the_default() -> None:
    env = {"LAKE_PATH": "/lake", "KAFKA_TOPIC": "mine"}
    assert find_target("lineage", env) == find_target(None, env)
    assert find_target("lineage", env).topics == ["mine"]


def test_parts_of_a_pipeline_can_be_replaced() -> None:
    target = find_target(
        "lineage", {"LAKE_PATH": "/lake"}, topics=["other"], output="/elsewhere", dropped="/bad/"
    )
    assert target.topics == ["other"]
    assert target.lake.output == Place("/elsewhere", "/lake/lineage/write-ahead-commit-log")
    assert target.lake.dropped == Place("/bad", "/bad/_write-ahead-commit-log")


def test_parts_alone_are_enough() -> None:
    target = find_target(None, {}, topics=["orders"], output="/out", commit_log="/log")
    assert list(target.lake.places.values()) == [Place("/out", "/log")]


def test_an_output_without_its_log_is_an_error() -> None:
    with pytest.raises(ProcstreamError, match="found --output without --commit-log"):
        find_target(None, {}, output="/out")


def test_a_pipeline_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ProcstreamError, match="no pipeline is named 'linage'; did you mean 'lineage'"):
        find_target("linage", {})


def test_pipelines_that_share_a_lake_are_looked_at_once() -> None:
    assert len(shipped_lakes({"LAKE_PATH": "/lake"})) > 1
    one = {"OUTPUT_PATH": "/o", "WRITE_AHEAD_COMMIT_LOG_PATH": "/l", "DROPPED_PATH": "/d"}
    assert len(shipped_lakes(one)) == 1


def test_one_source_that_starts_at_the_latest_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    other = "  users: {topic: users, format: json, columns: {id: STRING}}\nquery:"
    file.write_text(PIPELINE.replace("query:", other))
    target = find_target(str(file), {"LAKE_PATH": "/lake"})
    assert target.topics == ["orders", "users"]
    assert target.from_latest

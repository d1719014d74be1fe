from pathlib import Path

from procstream_common.lake import LakePaths


def test_a_lake_is_below_the_home_of_the_stack() -> None:
    paths = LakePaths.of("lineage", {"PROCSTREAM_HOME": "/data"})
    assert paths == LakePaths(
        "/data/lake/lineage/output", "/data/lake/lineage/write-ahead-commit-log", "/data/lake/lineage/dropped"
    )


def test_the_default_home_is_in_the_current_folder() -> None:
    assert LakePaths.of("lineage", {}).output == str(Path(".procstream/lake/lineage/output").absolute())


def test_a_lake_can_be_in_an_object_store() -> None:
    assert (
        LakePaths.of("lineage", {"LAKE_PATH": "s3://bucket/lake/"}).dropped
        == "s3://bucket/lake/lineage/dropped"
    )


def test_each_path_can_be_given() -> None:
    env = {"LAKE_PATH": "/lake", "OUTPUT_PATH": "s3://b/out", "WRITE_AHEAD_COMMIT_LOG_PATH": "s3://b/log"}
    assert LakePaths.of("p", env) == LakePaths("s3://b/out", "s3://b/log", "/lake/p/dropped")


def test_the_log_of_the_dropped_path_is_hidden_from_readers_of_hive_tables() -> None:
    assert (
        LakePaths("o", "l", "s3://b/dropped").dropped_commit_log == "s3://b/dropped/_write-ahead-commit-log"
    )

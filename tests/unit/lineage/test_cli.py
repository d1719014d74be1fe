"""What users and scripts see: tables of 80 columns, one JSON object, exit codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from procstream_common.errors import ProcstreamError
from procstream_lineage import gathering, verify_pipeline
from procstream_lineage.cli import app, main, seconds
from typer.testing import CliRunner, Result

from tests.unit.lineage.synthetic_lake import SyntheticLake, topic, uuid
from tests.unit.lineage.test_gathering import KnownCluster

Run = Callable[..., Result]


@pytest.fixture
def run(lake: SyntheticLake, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command with the lake's paths, and a topic `orders` of two partitions with 100 records each."""
    monkeypatch.setattr(gathering, "TopicReader", KnownCluster(topic(100, 100)))
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setenv("TERMINAL_WIDTH", "80")
    paths = lake.paths
    options = ["--output", paths.output, "--commit-log", paths.commit_log, "--dropped", paths.dropped]

    def invoke(command: str, *arguments: str) -> Result:
        return CliRunner().invoke(app, [command, *options, *arguments])

    return invoke


def test_a_proven_lake_is_a_table_and_a_line(lake: SyntheticLake, run: Run) -> None:
    lake.write(1, {0: range(100), 1: range(99)})
    lake.drop(1, {1: [99]})
    result = run("verify", "--topic", "orders")
    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[-4:-2] == ["dead letters: 1 of 200 records, 0.5 %", "  TRUNCATED  1"]
    assert lines[-2] == "proven: every record is committed exactly once, 1 as dead letters"
    assert lines[-1] == "verify: produced=200 committed=199 dropped=1 missing=0 doubled=0 unlogged=0"
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in result.stdout


def test_a_lake_that_is_not_proven_shows_why(lake: SyntheticLake, run: Run) -> None:
    lake.write(1, {0: range(100), 1: range(40)})
    lake.write(2, {1: range(50, 100)})
    result = run("verify", "--topic", "orders")
    assert result.exit_code == 1
    assert "10 records of the topic are in no file" in result.stdout
    assert "orders/1:40-49" in result.stdout
    assert result.stdout.splitlines()[-1].startswith(
        "verify: produced=200 committed=190 dropped=0 missing=10 "
    )


def test_a_lake_that_is_not_finished_is_undecided(lake: SyntheticLake, run: Run) -> None:
    lake.write(1, {0: range(100)})
    result = run("verify", "--topic", "orders")
    assert result.exit_code == 2
    assert result.stdout.splitlines()[-1].endswith("unlogged=0 pending=100")
    assert run("verify", "--topic", "orders", "--final").exit_code == 1


@pytest.mark.parametrize(("most", "exit_code"), [("2.5%", 0), ("0.025", 0), ("2.4%", 1), ("0", 1)])
def test_more_dead_letters_than_allowed_are_not_proven(
    lake: SyntheticLake, run: Run, most: str, exit_code: int
) -> None:
    lake.write(1, {0: range(100), 1: range(95)})
    lake.drop(1, {1: [95, 96]}, "UNKNOWN_SCHEMA_ID: 7 is not the id of a schema in the registry")
    lake.drop(1, {1: [97, 98, 99]})
    result = run("verify", "--topic", "orders", "--max-dropped", most)
    assert result.exit_code == exit_code
    lines = result.stdout.splitlines()
    assert lines[-5:-2] == [
        "dead letters: 5 of 200 records, 2.5 %",
        "  TRUNCATED          3",
        "  UNKNOWN_SCHEMA_ID  2",
    ]
    refused = f"5 of 200 records were dropped, 2.5 %; expected at most {most.rstrip('%')} %"
    assert (refused in lines) == bool(exit_code)


@pytest.mark.parametrize("text", ["", "some", "-1%", "101%", "1.5", "nan", "1%%", "0.1 percent"])
def test_a_share_that_is_none_is_one_line(lake: SyntheticLake, run: Run, text: str) -> None:
    result = run("verify", "--topic", "orders", f"--max-dropped={text}")
    assert isinstance(result.exception, ProcstreamError)
    assert str(result.exception) == f"--max-dropped: found {text!r}, expected a share such as 0.1% or 0.001"


def test_a_dropped_file_that_cannot_be_read_counts_without_its_cause(lake: SyntheticLake, run: Run) -> None:
    lake.write(1, {0: range(100), 1: range(98)})
    lake.drop(1, {1: [98]}).write_bytes(b"no Parquet")
    lake.drop(1, {1: [99]})
    report = json.loads(run("verify", "--topic", "orders", "--json").stdout)
    assert report["causes"] == {"unreadable file": 1, "TRUNCATED": 1}
    assert report["dropped_share"] == 0.01


def test_dead_letters_of_other_topics_are_not_counted(lake: SyntheticLake, run: Run) -> None:
    lake.write(1, {0: range(100), 1: range(99)})
    lake.drop(1, {1: [99]})
    lake.drop(1, {"returns/0": [0, 1]}, "TOMBSTONE: the value is null")
    report = json.loads(run("verify", "--topic", "orders", "--json").stdout)
    assert (report["dropped"], report["causes"]) == (1, {"TRUNCATED": 1})


def test_json_is_one_object_with_every_field(lake: SyntheticLake, run: Run) -> None:
    lake.write(1, {0: range(100), 1: range(100)})
    result = run("verify", "--topic", "orders", "--json", "--deep")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["verdict"] == "proven"
    assert report["topic"] == "orders"
    assert report["deep"] is True
    assert report["partitions"][1]["committed"] == 100
    assert {"missing", "doubled", "unlogged", "pending", "absent_entries", "samples"} <= report.keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "found no topic"),
        (["--topic", "orders", "--wait", "soon"], "--wait: found 'soon'; expected a duration"),
        (["--topic", "orders", "nonesuch"], "no pipeline is named 'nonesuch'"),
    ],
)
def test_what_keeps_the_proof_from_its_end_is_one_line_and_exit_code_2(
    run: Run,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    lake: SyntheticLake,
) -> None:
    paths = ["--output", lake.paths.output, "--commit-log", lake.paths.commit_log]
    monkeypatch.setattr("sys.argv", ["procstream-lineage", "verify", *paths, *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_a_missing_setting_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS")
    result = run("verify", "--topic", "orders")
    assert "KAFKA_BOOTSTRAP_SERVERS" in str(result.exception)


def test_trace_prints_where_a_record_is(lake: SyntheticLake, run: Run) -> None:
    path = lake.write(7, {1: range(10)})
    result = run("trace", uuid("orders", 1, 3))
    assert result.exit_code == 0
    assert "orders/1/3" in result.stdout
    assert path.name in result.stdout.replace("\n", "")
    (trace,) = json.loads(run("trace", uuid("orders", 1, 3), "--json").stdout)["traces"]
    assert (trace["offset"], trace["checkpoint_id"], trace["file"]) == (3, 7, str(path))
    assert trace["record"]["timestamp"] == "2026-01-02T03:00:00+00:00"


def test_trace_by_offset(lake: SyntheticLake, run: Run) -> None:
    lake.drop(7, {1: [3]})
    (trace,) = json.loads(run("trace", "--offset", "orders/1/3", "--json").stdout)["traces"]
    assert (trace["place"], trace["checkpoint_id"]) == ("dropped", 7)


def test_trace_expects_a_value_or_an_offset(run: Run) -> None:
    assert "either a value to find or --offset" in str(run("trace").exception)


def test_files_lists_checkpoints_or_one_of_them(lake: SyntheticLake, run: Run) -> None:
    path = lake.write(7, {1: range(10)})
    lake.write(8, {1: range(10, 12)}, visible=False)
    listed = run("files")
    assert listed.exit_code == 0
    assert [line.split()[:4] for line in listed.stdout.splitlines()[1:]] == [
        ["7", "1", "0", "10"],
        ["8", "0", "1", "0"],
    ]
    one = run("files", "--checkpoint", "7").stdout
    assert one.rstrip().endswith(str(path))
    (file,) = json.loads(run("files", "--checkpoint", "8", "--json").stdout)["files"]
    assert (file["exists"], file["records"]) == (False, 2)


def test_a_checkpoint_that_committed_nothing_is_an_error(lake: SyntheticLake, run: Run) -> None:
    lake.write(7, {1: range(10)})
    assert "checkpoint: found 9" in str(run("files", "--checkpoint", "9").exception)


@pytest.mark.parametrize(
    ("text", "expected"), [("90", 90), ("1.5s", 1.5), ("2 min", 120), ("2m", 120), ("1h", 3600)]
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.fixture
def pipeline(lake: SyntheticLake, tmp_path: Path) -> Callable[[str], str]:
    """`pipeline("latest")`: a file of a pipeline with the lake's paths that starts there."""

    def write(start: str) -> str:
        paths = lake.paths
        output = {"path": paths.output, "commit_log": paths.commit_log, "time": "ts"}
        document = {
            "name": "mine",
            "sources": {
                "orders": {
                    "topic": "orders",
                    "format": "json",
                    "columns": {"id": "STRING", "ts": "TIMESTAMP_LTZ(3)"},
                    "start": start,
                }
            },
            "sink": {"lake": output},
            "dropped": {"lake": {"path": paths.dropped, "commit_log": paths.dropped_commit_log}},
        }
        file = tmp_path / "mine.yaml"
        file.write_text(json.dumps(document))
        return str(file)

    return write


@pytest.mark.parametrize(("start", "code"), [("latest", 0), ("earliest", 1)])
def test_a_pipeline_that_starts_at_the_latest_answers_from_its_first_committed_record_on(
    lake: SyntheticLake, run: Run, pipeline: Callable[[str], str], start: str, code: int
) -> None:
    lake.write(1, {0: range(40, 100), 1: range(90, 100)})
    file = pipeline(start)
    assert CliRunner().invoke(app, ["verify", file]).exit_code == code
    report = verify_pipeline(file, env={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert report.verdict.exit_code == code


def test_what_is_pending_of_a_pipeline_is_missing_in_the_end(
    lake: SyntheticLake, run: Run, pipeline: Callable[[str], str]
) -> None:
    lake.write(1, {0: range(100), 1: range(60)})
    env = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    assert verify_pipeline(pipeline("earliest"), env=env).pending == 40
    assert verify_pipeline(pipeline("earliest"), env=env, final=True).missing == 40
    assert verify_pipeline(pipeline("earliest"), env=env, deep=True).deep


@pytest.mark.parametrize("command", ["trace some-uuid", "trace --offset orders/0/1", "files"])
def test_a_store_that_is_unavailable_is_not_an_absent_record(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("S3_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    paths = ["--output", "s3://lake/out", "--commit-log", "s3://lake/log"]
    monkeypatch.setattr("sys.argv", ["procstream-lineage", *command.split(), *paths])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "s3://lake/out: cannot be read" in capsys.readouterr().err


def test_a_record_that_is_in_no_file_is_exit_code_1(
    lake: SyntheticLake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lake.write(1, {0: range(10)})
    paths = ["--output", lake.paths.output, "--commit-log", lake.paths.commit_log]
    monkeypatch.setattr("sys.argv", ["procstream-lineage", "trace", "--offset", "orders/0/10", *paths])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "no log names a committed file" in capsys.readouterr().err

import json

import pytest
from procstream_job.cli import app, main
from procstream_job.file.reading import shipped_pipelines
from typer.testing import CliRunner


def test_list_names_what_ships() -> None:
    output = CliRunner().invoke(app, ["list"]).output
    names = [line.split()[0] for line in output.splitlines()]
    assert names == list(shipped_pipelines())
    assert {"lineage", "fraud-alerts", "node-cpu"} <= set(names)
    assert "Records of lineage-input to Parquet" in output


def test_schema_is_a_json_schema() -> None:
    schema = json.loads(CliRunner().invoke(app, ["schema"]).output)
    assert schema["title"] == "Pipeline"


def test_validate_says_what_is_valid() -> None:
    result = CliRunner().invoke(app, ["validate", "lineage", "procstat-lineage"])
    assert result.output == "lineage.yaml: valid\nprocstat-lineage.yaml: valid\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["validate", "linage"], "no pipeline is named 'linage'; did you mean 'lineage'?"),
        (
            ["run", "lineage", "--checkpoint-interval", "soon"],
            "--checkpoint-interval: found 'soon'; expected a",
        ),
        (["run", "lineage", "-D", "a"], "-D: found 'a'; expected KEY=VALUE"),
        (["run", "lineage", "--flink-address", "x"], "--flink-address: found 'x'; expected HOST:PORT"),
        (
            ["run", "lineage", "procstat-lineage", "--from-savepoint", "/s"],
            "--from-savepoint: found 2 pipelines",
        ),
    ],
)
def test_a_mistake_is_one_line_and_an_exit_code(
    arguments: list[str], expected: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["procstream-job", *arguments])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {expected}")
    assert len(error.splitlines()) == 1

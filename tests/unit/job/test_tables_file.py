import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from procstream_job.topics.sql_catalog.tables_file import update

NOBODY = {"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "SCHEMA_REGISTRY_URL": "http://127.0.0.1:1"}


def test_the_file_is_its_owners_alone_and_changes_only_when_its_tables_do(tmp_path: Path) -> None:
    file = tmp_path / "topics.json"
    assert update(file, {"tables": {"a": {}}})
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = file.stat().st_mtime_ns
    assert not update(file, {"tables": {"a": {}}})
    assert file.stat().st_mtime_ns == first
    assert update(file, {"tables": {}})
    assert json.loads(file.read_text()) == {"tables": {}}
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("options", "pipelines", "mistake"),
    [
        ((), None, "error: KAFKA_BOOTSTRAP_SERVERS 127.0.0.1:1: listing topics for 5 s: no broker answered"),
        (("--every", "soon"), None, "error: --every: found 'soon'; expected a duration"),
        (("--pipelines", "no.json"), None, "error: --pipelines: no.json: No such file"),
        (("--pipelines", "p.json"), '[{"sauce": "lineage"}]', "error: --pipelines: p.json: 0.source: "),
        (("--pipelines", "p.json"), "[", "error: --pipelines: p.json: content: "),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, options: tuple[str, ...], pipelines: str | None, mistake: str
) -> None:
    if pipelines is not None:
        (tmp_path / "p.json").write_text(pipelines)
    command = [sys.executable, "-m", "procstream_job.topics.sql_catalog", "topics.json", *options]
    result = subprocess.run(command, cwd=tmp_path, env=NOBODY, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(mistake)
    assert len(result.stderr.splitlines()) == 1

"""Every command on servers of this machine, with a proxy in the environment that cannot be reached.

`test_stack.py` starts and stops a stack of its own with it, too.
"""

import json
from pathlib import Path

import pytest
import yaml
from procstream_local.stack.home import Home

from tests.integration import commands
from tests.integration.running import s3_lake
from tests.integration.topics import MakeTopic

COUNT = 40


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in commands.UNREACHABLE_PROXY.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def topic(make_topic: MakeTopic) -> str:
    return make_topic("behind-a-proxy")


@pytest.fixture(scope="module")
def file(topic: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline that writes its lake to the S3 server, which is on this machine as well."""
    path = tmp_path_factory.mktemp("pipeline") / "proxied.yaml"
    document = {
        "name": topic,
        "sources": {"records": {"topic": topic, "format": "avro"}},
        "sink": {"lake": {"time": "timestamp"}},
        "flink": {"checkpoint_interval": "1 s"},
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path


def run(*arguments: str, **env: str) -> str:
    """What a successful command prints."""
    result = commands.run("procstream", *arguments, env=env)
    assert result.returncode == 0, f"procstream {' '.join(arguments)}: {result.stdout}{result.stderr}"
    return result.stdout


def test_up_finds_every_service_running(home: Home) -> None:
    before = home.read().processes
    assert "Flink UI" in run("up")
    assert home.read().processes == before
    found = json.loads(commands.run("procstream", "status", "--json").stdout)
    assert {service["state"] for service in found["services"]} == {"ready"}
    assert not [pipeline for pipeline in found["pipelines"] if pipeline["unanswered"]]


def test_a_pipeline_from_the_first_record_to_the_proof(home: Home, topic: str, file: Path) -> None:
    lake = s3_lake(topic)
    run("produce", "lineage-input", "--topic", topic, "--count", str(COUNT), "--rate", "1000")
    sent = [
        json.loads(line) for line in run("tail", topic, "--from-beginning", "-n", str(COUNT)).splitlines()
    ]
    assert len(sent) == COUNT
    run("pipeline", "validate", "--online", str(file), **lake)
    assert "timestamp  TIMESTAMP(3)" in run("pipeline", "init", "--topic", topic, "--output", "-")
    started = json.loads(run("pipeline", "run", "--json", str(file), **lake))
    try:
        report = json.loads(run("lineage", "verify", str(file), "--wait", "90s", "--deep", "--json", **lake))
        assert (report["verdict"], report["committed"]) == ("proven", COUNT)
        assert run("lineage", "files", str(file), **lake)
        uuid = sent[0]["value"]["uuid"]
        assert uuid in run("lineage", "trace", "--pipeline", str(file), uuid, **lake)
        found = json.loads(run("pipeline", "status", topic, "--json"))
        assert (found["job_id"], found["unanswered"]) == (started["job_id"], [])
        jobs = json.loads(run("pipeline", "list", "--json"))["stack"]
        assert ("RUNNING", started["job_id"]) in [(job["state"], job["job_id"]) for job in jobs]
        assert "savepoint" in run("pipeline", "stop", topic)
        again = json.loads(run("pipeline", "run", "--json", str(file), **lake))
        assert "savepoint" in again["from"]
    finally:
        run("pipeline", "stop", "--no-savepoint", topic)
    assert not home.read().pipelines[topic].active


@pytest.mark.usefixtures("home")
def test_sql_on_a_topic(topic: str) -> None:
    bounded = "/*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */"
    batch = "SET 'execution.runtime-mode' = 'batch';"
    run("produce", "lineage-input", "--topic", topic, "--count", "1")
    rows = run("sql", "--json", "-e", f"{batch} SELECT COUNT(*) AS n FROM `{topic}` {bounded}").splitlines()
    assert json.loads(rows[-1])["row"]["n"] >= 1


@pytest.mark.usefixtures("home")
def test_psql_on_the_database() -> None:
    assert run("psql", "-At", "-c", "SELECT 1").strip() == "1"

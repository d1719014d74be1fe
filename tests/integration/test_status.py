"""`procstream status` and the pipeline commands with real jobs: healthy, failing, hanging, stopped."""

import json
import re
import time
from typing import Any

import httpx
import pytest
from procstream_lineage import Verdict
from procstream_local import pipelines, stack
from procstream_local.stack.home import Home
from procstream_local.status import ask

from tests.integration import commands, flink, records
from tests.integration.failures import crash
from tests.integration.running import RunningPipeline, RunPipeline
from tests.integration.topics import LINEAGE_INPUT, MakeTopic, register
from tests.integration.waiting import until

GOOD = 40
PARTITION = 1


@pytest.fixture(scope="module")
def pipeline(home: Home, make_topic: MakeTopic, run_pipeline: RunPipeline) -> RunningPipeline:
    """It has read and committed records, one of them bad."""
    topic = make_topic("status", partitions=2)
    schema_id = register(topic, LINEAGE_INPUT)
    good = [
        records.framed(schema_id, LINEAGE_INPUT, {"uuid": str(number), "timestamp": number})
        for number in range(GOOD)
    ]
    records.produce(topic, [*good, b"bad"], partition=PARTITION)
    found = run_pipeline(topic)
    found.verify()
    return found


def status(*arguments: str) -> tuple[int, str]:
    result = commands.run("procstream", "status", *arguments)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout


def document_of(pipeline: RunningPipeline) -> dict[str, Any]:
    """The output of `procstream pipeline status`, with any exit code."""
    result = commands.run("procstream", "pipeline", "status", pipeline.name, "--json")
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.returncode == (1 if found["problems"] else 0)
    return found


def test_a_healthy_job_is_shown_with_its_numbers(pipeline: RunningPipeline) -> None:
    # Metrics and committed offsets lag behind the job by a checkpoint and a second.
    found = until(
        lambda: (found := document_of(pipeline))["lag"] == 0 and found["records_in"] == GOOD + 1 and found,
        "all records read and committed",
    )
    assert found["problems"] == found["unanswered"] == []
    assert (found["state"], found["expected"], found["job_id"]) == ("RUNNING", True, pipeline.job_id)
    assert (found["rows_out"], found["rows_dropped"], found["dead_letters"]) == (GOOD, 1, 1)
    assert found["restarts"] == 0
    assert found["tasks"] == found["tasks_running"] > 0
    assert found["checkpoint_interval_seconds"] == 1
    assert 0 <= found["checkpoint"]["age_seconds"] < 33
    assert found["checkpoint"]["size_bytes"] > 0
    assert found["last_failure"] is None

    code, text = status()
    assert code == 0, text
    assert pipeline.name in text
    assert "✗" not in text
    code, text = status("--json")
    assert code == 0
    everything = json.loads(text)
    assert everything["healthy"] is True
    assert {service["state"] for service in everything["services"]} == {"ready"}


@pytest.mark.usefixtures("pipeline")
def test_prometheus_can_read_our_counters(home: Home) -> None:
    port = home.read().ports["taskmanager-metrics"]
    metrics = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    assert re.search(r"^flink_taskmanager_job_task_operator_deserializer_numDeadLetters\{", metrics, re.M)


def test_a_hanging_flink_is_reported_in_seconds(home: Home, pipeline: RunningPipeline) -> None:
    with crash.hanging(home, "jobmanager"):
        began = time.monotonic()
        found = ask.status(home)
        assert time.monotonic() - began < 5
        code, text = status()
    assert f"{pipeline.name}: Flink does not answer" in found.problems
    assert "jobmanager does not answer" in found.problems
    assert code == 1
    assert "no answer" in text


def test_a_lost_taskmanager_is_reported_until_its_jobs_have_recovered(
    home: Home, pipeline: RunningPipeline
) -> None:
    crash.kill(home, "taskmanager")
    began = crash.triggered(pipeline)
    code, text = status()
    assert code == 1
    assert "✗ taskmanager is down" in text

    stack.up(home)
    alive = {found["id"] for found in flink.get(home, "taskmanagers")["taskmanagers"]}
    assert (home.path / "flink" / "taskmanager.id").read_text() in alive, "up returned before it registered"
    crash.until_recovered(pipeline, after=began)
    found = until(
        # The JobManager collects metrics at most once a second; until then it reports no restart.
        lambda: not (found := document_of(pipeline))["problems"] and found["restarts"] and found,
        "a restart and no problem",
        timeout=200,  # a job that failed three times counts as healthy after 3 min at the latest
    )
    # The TaskManager was lost, or the job tried to restart before the next one had registered.
    assert any(text in found["last_failure"]["cause"] for text in ("TaskManager", "NoResourceAvailable"))


def test_a_stopped_pipeline_stays_stopped_until_it_is_run_and_then_resumes(
    home: Home, pipeline: RunningPipeline
) -> None:
    typo = commands.run("procstream", "pipeline", "stop", f"{pipeline.name}x")
    assert typo.returncode == 1
    assert f"did you mean '{pipeline.name}'?" in typo.stderr
    assert len(typo.stderr.splitlines()) == 1

    stopped = commands.run("procstream", "pipeline", "stop", pipeline.name)
    assert stopped.returncode == 0, stopped.stderr
    savepoint = stopped.stdout.split()[-1]
    assert savepoint.startswith((home.savepoints / pipeline.job_id).as_uri().replace("///", "/"))
    listed = json.loads(commands.run("procstream", "pipeline", "list", "--json").stdout)
    assert "lineage" in listed["shipped"]
    states = {found["name"]: (found["state"], found["expected"]) for found in listed["stack"]}
    assert states[pipeline.name] == ("FINISHED", False)
    assert pipeline.name not in {found.name for found in pipelines.resume(home)}
    assert status()[0] == 0, "a pipeline that was stopped is no problem"

    pipeline.run_again()
    again = home.read().pipelines[pipeline.name]
    assert again.restored_from is not None
    assert again.restored_from.removeprefix("file://").endswith(savepoint.removeprefix("file:"))
    report = pipeline.verify()
    assert report.verdict is Verdict.PROVEN, report.reasons
    assert (report.committed, report.dropped, report.doubled) == (GOOD, 1, 0)

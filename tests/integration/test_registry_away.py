"""A schema that is new to the job while the registry is unavailable: the job waits and drops nothing."""

import json
import uuid

from procstream_lineage import Verdict, committed_files
from procstream_local import stack
from procstream_local.stack import processes
from procstream_local.stack.home import Home

from tests.integration import records
from tests.integration.running import RunPipeline
from tests.integration.topics import LINEAGE_INPUT, MakeTopic, register
from tests.integration.waiting import until

TIME_MS = 1_767_225_600_000
BEFORE, AFTER = 20, 30


def second_version() -> str:
    schema = json.loads(LINEAGE_INPUT)
    schema["fields"].append({"name": "origin", "type": ["null", "string"], "default": None})
    return json.dumps(schema)


def values(schema_id: int, schema_text: str, count: int) -> list[bytes]:
    return [
        records.framed(schema_id, schema_text, {"uuid": str(uuid.uuid4()), "timestamp": TIME_MS})
        for _ in range(count)
    ]


def test_while_the_registry_is_unavailable_the_job_waits_and_no_record_is_a_dead_letter(
    home: Home, make_topic: MakeTopic, run_pipeline: RunPipeline
) -> None:
    topic = make_topic("registry-unavailable", 1)
    first_id = register(topic, LINEAGE_INPUT)
    records.produce(topic, values(first_id, LINEAGE_INPUT, BEFORE))
    pipeline = run_pipeline(topic)
    assert pipeline.verify().verdict is Verdict.PROVEN

    new = second_version()
    second_id = register(topic, new)
    assert second_id != first_id
    log = home.logs / "taskmanager.log"
    complaint = f"did not give schema {second_id} "
    registry = processes.find(home.read().processes["apicurio"])
    assert registry is not None
    registry.kill()
    registry.wait(10)
    try:
        records.produce(topic, values(second_id, new, AFTER))
        until(lambda: log.read_text(errors="replace").count(complaint) >= 3, "three attempts of the job")
        meanwhile = pipeline.verify(wait=0)
        assert (meanwhile.committed, meanwhile.pending) == (BEFORE, AFTER)
        assert meanwhile.dropped == meanwhile.missing == 0
        assert meanwhile.verdict is Verdict.UNKNOWN
        assert pipeline.state in ("RUNNING", "RESTARTING")
    finally:
        stack.up(home)

    after = pipeline.verify(wait=120)
    pipeline.cancel()
    assert after.verdict is Verdict.PROVEN, after
    assert after.committed == BEFORE + AFTER
    assert after.dropped == 0
    dropped = committed_files(pipeline.paths.dropped, pipeline.paths.dropped_commit_log)
    assert dropped.count_rows() == 0

"""What is in the topics, as a client that knows nothing of procstream reads it."""

import json
import signal
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.integration import commands, records
from tests.integration.topics import PROCSTAT, MakeTopic
from tests.integration.waiting import until

GENERATED = 8_000
PARTITIONS = 4


@pytest.fixture(scope="module")
def lineage_input(make_topic: MakeTopic) -> str:
    topic = make_topic("lineage-input", PARTITIONS)
    commands.run_json(
        "procstream-producer", "generate", "lineage-input",
        "--topic", topic, "--count", str(GENERATED), "--rate", "max",
    )  # fmt: skip
    return topic


@pytest.fixture(scope="module")
def procstat(make_topic: MakeTopic) -> str:
    topic = make_topic("procstat", PARTITIONS, PROCSTAT)
    sampler = commands.start(
        "procstream-producer", "procstat",
        "--topic", topic, "--interval", "0.2", "--node", "node-a.example", "--no-metrics",
    )  # fmt: skip
    until(lambda: records.counted(topic) >= 3, "3 samples of /proc/stat")
    sampler.send_signal(signal.SIGTERM)
    output, errors = sampler.communicate(timeout=30)
    assert sampler.returncode == 0, output + errors
    return topic


def test_a_confluent_consumer_reads_the_generated_records(lineage_input: str) -> None:
    found = records.consume(lineage_input)
    assert len({UUID(record.value["uuid"]) for record in found}) == GENERATED
    for record in found:
        assert datetime.now(UTC) - record.value["timestamp"] < timedelta(minutes=10)
    in_each_partition = [sum(record.partition == number for record in found) for number in range(PARTITIONS)]
    assert min(in_each_partition) > GENERATED / PARTITIONS / 2, in_each_partition


def test_a_confluent_consumer_reads_the_samples(procstat: str) -> None:
    found = records.consume(procstat)
    assert len({record.value["uuid"] for record in found}) == len(found) >= 3
    assert {record.value["node"] for record in found} == {"node-a.example"}
    for record in found:
        assert record.value["cpus"][0]["cpu"] == "cpu"
        assert record.value["cpus"][0]["user"] == pytest.approx(
            sum(cpu["user"] for cpu in record.value["cpus"][1:]), abs=len(record.value["cpus"])
        )
    idle = [record.value["cpus"][0]["idle"] for record in found]
    assert idle == sorted(idle)


def test_a_samples_key_is_its_nodes_name_so_that_a_node_stays_in_order(procstat: str) -> None:
    found = records.consume(procstat)
    assert {record.key for record in found} == {"node-a.example"}
    assert len({record.partition for record in found}) == 1
    times = [record.value["timestamp"] for record in found]
    assert times == sorted(times)


def test_tail_prints_records_as_json_lines(lineage_input: str) -> None:
    result = commands.run("procstream", "tail", lineage_input, "-n", "3", "--from-beginning")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    produced = {
        (record.partition, record.offset): record.value["uuid"] for record in records.consume(lineage_input)
    }
    assert len(lines) == 3
    for line in lines:
        assert produced[line["partition"], line["offset"]] == line["value"]["uuid"]

"""A Kafka with passwords or TLS, from the producer through Flink into a proven lake."""

import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest
import yaml
from procstream_common.kafka import KafkaCluster
from procstream_common.provisioning import TopicSpec, ensure_topics
from procstream_common.settings import KafkaSettings, load
from procstream_local.stack.home import Home

from tests.integration import commands, topics
from tests.integration.servers.sasl_kafka import SecuredKafka

RECORDS = 1000


@pytest.mark.parametrize("way", ["PLAIN", "SCRAM-SHA-512", "TLS"])
def test_all_components_come_in(way: str, secured_kafka: SecuredKafka, home: Home, tmp_path: Path) -> None:
    name = f"secured-{way.lower()}"
    env = secured_kafka.tls_settings() if way == "TLS" else secured_kafka.sasl_settings(way)
    ensure_topics(
        KafkaCluster(load(KafkaSettings, secured_kafka.open_settings)),
        [TopicSpec(topic_name=name, partitions=2)],
    )
    topics.register(name, topics.LINEAGE_INPUT)

    generated = ("generate", "lineage-input", "--topic", name, "--count", str(RECORDS), "--rate", "max")
    assert commands.run_json("procstream-producer", *generated, env=env)["delivered"] == RECORDS
    tailed = commands.run("procstream-producer", "tail", name, "--from-beginning", "-n", "5", env=env)
    assert [set(json.loads(line)["value"]) for line in tailed.stdout.splitlines()] == 5 * [
        {"uuid", "timestamp"}
    ]

    file = pipeline(tmp_path, name)
    job = commands.run_json("procstream-job", "run", file, "--json", env=env)
    try:
        options = ("--deep", "--wait", "60s", "--json")
        report = commands.run_json("procstream-lineage", "verify", file, *options, env=env)
    finally:
        cancel(home, job)
    assert report["verdict"] == "proven"
    assert report["produced"] == report["committed"] == RECORDS


def pipeline(folder: Path, name: str) -> str:
    path = folder / f"{name}.yaml"
    document = {
        "name": name,
        "sources": {"records": {"topic": name, "format": "avro"}},
        "sink": {"lake": {"time": "timestamp"}},
        "flink": {"parallelism": 1, "checkpoint_interval": "1 s"},
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return str(path)


def cancel(home: Home, job: Mapping[str, str]) -> None:
    rest = f"http://127.0.0.1:{home.read().ports['flink-rest']}"
    httpx.patch(f"{rest}/jobs/{job['job_id']}", params={"mode": "cancel"}).raise_for_status()

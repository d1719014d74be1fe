"""Output read by third-party programs: Kafka's console consumer and psql."""

import json
import os
import subprocess

import pytest
from procstream_local.stack import artifacts

from tests.integration import commands, records
from tests.integration.running import RunShipped
from tests.integration.waiting import until

pytestmark = pytest.mark.long


def console_consumer(topic: str, *options: str) -> str:
    """What `kafka-console-consumer` of Kafka's distribution prints; its script only starts this class."""
    parts = artifacts.find()
    command = [
        str(parts.java), "-cp", f"{parts.kafka}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer",
        "--bootstrap-server", os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        "--topic", topic, "--from-beginning", "--isolation-level", "read_committed", *options,
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_console_consumer_reads_alerts_as_json(run_shipped: RunShipped) -> None:
    pipeline = run_shipped("fraud-alerts")
    payments = [
        {"transaction_id": str(number), "user_id": "u", "amount": amount, "ts": "2026-01-31T09:00:00.000Z"}
        for number, amount in enumerate([4999.99, 5000.0, 5000.01, 10_000.0])
    ]
    records.produce(pipeline.source, [json.dumps(payment).encode() for payment in payments])
    alerts = pipeline.topics["fraud-alerts"]
    until(lambda: len(records.committed(alerts)) == 2, "two alerts")
    lines = console_consumer(
        alerts, "--max-messages", "2", "--formatter-property", "print.key=true"
    ).splitlines()
    found = {key: json.loads(value) for key, value in (line.split("\t") for line in lines)}
    assert {key: alert["amount"] for key, alert in found.items()} == {"2": 5000.01, "3": 10_000.0}
    assert found["2"]["ts"] == "2026-01-31T09:00:00.000Z"
    pipeline.running.cancel()


def test_psql_reads_the_table(run_shipped: RunShipped) -> None:
    pipeline = run_shipped("splitpay-events")
    event = {"event_id": "e-1", "user": {"name": "Ada Löwe"}, "location": "Zürich, Switzerland"}
    records.produce(pipeline.source, [json.dumps(event).encode()])

    def rows() -> str:
        query = f"SELECT event_id, user_name, location FROM {pipeline.table}"
        return commands.run("procstream", "psql", "-At", "-c", query).stdout.strip()

    until(lambda: rows() == "e-1|Ada Löwe|Zürich, Switzerland", "the row")
    columns = commands.run("procstream", "psql", "-At", "-c", f"\\d {pipeline.table}").stdout
    for declared in (
        "id|integer||not null|nextval",
        "event_id|character varying(50)||not null",
        "user_name|character varying(50)||not null",
        "location|character varying(100)||not null",
    ):
        assert declared in columns
    pipeline.running.cancel()

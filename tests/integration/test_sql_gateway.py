"""Topics as tables: for `procstream sql`, for Flink's own client, and for any client of the gateway."""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import httpx
import pytest
from procstream_common.kafka import KafkaCluster
from procstream_common.provisioning import TopicSpec, ensure_topics
from procstream_common.settings import KafkaSettings, load
from procstream_local.stack.home import Home

from tests.integration import commands, records
from tests.integration.topics import LINEAGE_INPUT, MakeTopic, register
from tests.integration.waiting import until

BATCH = "SET 'execution.runtime-mode' = 'batch';"
BOUNDED = "/*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */"


@pytest.fixture(scope="module")
def avro(make_topic: MakeTopic) -> str:
    """Two good records with a bad one between them."""
    topic = make_topic("sql-avro", partitions=1)
    schema_id = register(topic, LINEAGE_INPUT)
    first, second = (
        records.framed(schema_id, LINEAGE_INPUT, {"uuid": name, "timestamp": 1}) for name in ("a", "b")
    )
    records.produce(topic, [first, b"bad", second])
    return topic


def new_topic(prefix: str, *values: bytes) -> str:
    """A topic without a schema."""
    topic = f"{prefix}-{uuid.uuid4().hex[:8]}"
    ensure_topics(KafkaCluster(load(KafkaSettings)), [TopicSpec(topic_name=topic)])
    records.produce(topic, values)
    return topic


def sql(script: str) -> list[dict[str, object]]:
    """Rows of a script's queries."""
    result = commands.run("procstream", "sql", "--json", "-e", script)
    assert result.returncode == 0, result.stderr
    return [json.loads(line)["row"] for line in result.stdout.splitlines()]


def test_a_topic_with_a_schema_is_a_table_and_a_bad_record_is_a_row_with_its_error(avro: str) -> None:
    rows = sql(f"{BATCH} SELECT uuid, kafka_offset, dead_letter_error FROM `{avro}` {BOUNDED}")
    assert [(row["uuid"], row["kafka_offset"]) for row in rows] == [("a", 0), (None, 1), ("b", 2)]
    assert [str(row["dead_letter_error"]).partition(":")[0] for row in rows] == [
        "None",
        "WRONG_MAGIC_BYTE",
        "None",
    ]


@pytest.mark.usefixtures("home")
def test_a_topic_of_json_is_a_table_with_the_fields_of_its_records() -> None:
    topic = new_topic(
        "sql-json",
        b'{"user": {"name": "x"}, "amount": 1, "tags": ["a"]}',
        b"no json",
        b'{"user": {"name": "y", "age": 3}, "amount": 2.5}',
    )
    rows = sql(f"{BATCH} SELECT `user`.name, SUM(amount) AS s FROM `{topic}` {BOUNDED} GROUP BY `user`.name")
    assert {(row["name"], row["s"]) for row in rows} == {("x", 1.0), ("y", 2.5), (None, None)}
    described = {row["name"]: row["type"] for row in sql(f"DESCRIBE `{topic}`")}
    assert described["user"] == "ROW<`name` STRING, `age` BIGINT>"
    assert described["tags"] == "ARRAY<STRING>"


@pytest.mark.usefixtures("home")
def test_any_other_topic_is_a_table_of_its_values() -> None:
    topic = new_topic("sql-text", b"one", b"two")
    rows = sql(f"{BATCH} SELECT `value` FROM `{topic}` {BOUNDED}")
    assert [row["value"] for row in rows] == ["one", "two"]


@pytest.mark.usefixtures("home")
def test_a_mistake_is_one_line_and_ends_the_script() -> None:
    result = commands.run("procstream", "sql", "-e", "SELECT 1 AS a; SELECT nope; SELECT 2 AS b")
    assert result.returncode == 1
    assert result.stderr.strip() == "error: SqlValidatorException: Column 'nope' not found in any table"
    assert "(1 row)" in result.stdout
    assert "b" not in result.stdout


def test_every_client_of_the_gateway_starts_in_the_catalog_of_topics(home: Home, avro: str) -> None:
    sql("SHOW TABLES")  # starts the gateway, unless a test has
    with httpx.Client(base_url=f"http://127.0.0.1:{home.read().ports['sql-gateway']}/v3") as gateway:
        session = gateway.post("/sessions", json={}).raise_for_status().json()["sessionHandle"]

        def tables() -> set[str]:
            path = f"/sessions/{session}"
            sent = gateway.post(f"{path}/statements", json={"statement": "SHOW TABLES"})
            operation = f"{path}/operations/{sent.raise_for_status().json()['operationHandle']}"
            done = until(
                lambda: (
                    (found := gateway.get(f"{operation}/result/0?rowFormat=JSON").json())["resultType"]
                    != "NOT_READY"
                    and found
                ),
                "a result",
            )
            return {row["fields"][0] for row in done["results"]["data"]}

        before = tables()
        assert avro in before
        assert not [name for name in before if name.startswith("_")]
        later = new_topic("sql-later", b"x")
        assert later not in before
        sql("SHOW TABLES")  # reads the topics
        assert later in tables(), "an open session sees it too"


def test_flinks_own_client_is_opened_on_the_gateway(avro: str) -> None:
    result = subprocess.run(
        [Path(sys.executable).with_name("procstream"), "sql"],
        input="SHOW TABLES;\nQUIT;\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert avro in result.stdout


def test_a_gateway_at_an_address_needs_no_stack(home: Home, avro: str, tmp_path: Path) -> None:
    sql("SHOW TABLES")  # starts the gateway, unless a test has
    address = f"127.0.0.1:{home.read().ports['sql-gateway']}"
    options = ("--address", address)
    elsewhere = {"PROCSTREAM_HOME": str(tmp_path / "no stack")}
    result = commands.run("procstream", "sql", *options, "-e", f"DESCRIBE `{avro}`", env=elsewhere)
    assert result.returncode == 0, result.stderr
    assert "kafka_offset" in result.stdout
    client = subprocess.run(
        [Path(sys.executable).with_name("procstream"), "sql", *options],
        env={**os.environ, **elsewhere},
        input="SHOW TABLES;\nQUIT;\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert client.returncode == 0, client.stderr
    assert avro in client.stdout


def test_columns_that_a_running_pipeline_declares_come_first(home: Home, tmp_path: Path) -> None:
    topic = new_topic("sql-declared", b'{"amount": 1}')
    source = {"topic": "${TOPIC}", "format": "json", "columns": {"amount": "DECIMAL(10, 2)"}}
    pipeline = {"name": "payments", "sources": {"records": source}, "sink": {"print": {}}}
    (tmp_path / "payments.yaml").write_text(json.dumps(pipeline))
    running = [{"source": str(tmp_path / "payments.yaml"), "env": {"TOPIC": topic}}]
    (tmp_path / "running.json").write_text(json.dumps(running))
    file = tmp_path / "topics.json"
    command = [sys.executable, "-m", "procstream_job.topics.sql_catalog", file]
    subprocess.run([*command, "--pipelines", tmp_path / "running.json"], timeout=60, check=True)
    assert json.loads(file.read_text())["tables"][topic]["columns"][0]["type"] == "DECIMAL(10, 2)"
    subprocess.run(command, timeout=60, check=True)
    assert json.loads(file.read_text())["tables"][topic]["columns"][0]["type"] == "BIGINT"


def test_without_a_running_stack_it_is_an_error(tmp_path: Path) -> None:
    result = commands.run("procstream", "sql", env={"PROCSTREAM_HOME": str(tmp_path)})
    assert result.returncode == 1
    assert "the stack is not up" in result.stderr
    assert "procstream up" in result.stderr

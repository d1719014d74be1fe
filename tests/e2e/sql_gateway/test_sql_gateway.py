"""SQL on the topics of a release, through its gateway's Service, as with `procstream sql --address`."""

import json
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from procstream_local.sql.gateway import session

from testbed import images, standins
from testbed.cluster import Cluster
from tests.e2e import helm
from tests.e2e.custom_resources.resources import topic, until_ready
from tests.e2e.namespaces import RESTRICTED, Namespace, new_namespace
from tests.e2e.pods import restarts
from tests.integration import commands
from tests.integration.conftest import free_port
from tests.integration.waiting import until

pytestmark = pytest.mark.long

RELEASE = "procstream"
NOTICED_SECONDS = 25
"""Less than the default interval of the gateway's refreshes."""
# A node of two cores runs other releases as well.
SMALL = {"resources": {"requests": {"cpu": "20m"}}}
VALUES = {
    "image": {"mirror": "localhost"},  # the stand-ins
    "kafka": SMALL,
    "minio": SMALL,
    "registry": SMALL,
    "operator": SMALL,
    "producer": {"enabled": False},
    "generators": {"transactions": {"enabled": True}},
    "pipelines": {"lineage": {"enabled": False}, "procstat-lineage": {"enabled": False}},
    "sqlGateway": {
        "enabled": True,
        "refreshInterval": "5s",
        "jobManager": SMALL,
        "taskManager": SMALL,
        **SMALL,
    },
}
BATCH = "SET 'execution.runtime-mode' = 'batch'; SET 'table.dml-sync' = 'true';"
BOUNDED = "/*+ OPTIONS('scan.bounded.mode' = 'latest-offset') */"


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[Namespace]:
    cluster.load(*images.archives().values(), *standins.archives().values())
    with (
        new_namespace(cluster, "sql-test", RESTRICTED) as namespace,
        helm.installed(namespace, RELEASE, helm.LOCAL, VALUES, wait=True),
    ):
        yield namespace


@pytest.fixture(scope="module")
def address(namespace: Namespace) -> Iterator[str]:
    """Address of the gateway, once the topics that the chart creates are tables."""
    with namespace.forwarded(f"service/{RELEASE}-sql-gateway", 8083, free_port()) as port:
        address = f"127.0.0.1:{port}"
        until(lambda: {"lineage-input", "transactions"} <= tables(address), "the chart's topics as tables")
        yield address


def tables(address: str) -> set[str]:
    with session(address) as opened:
        return {str(row[0]) for page in opened.execute("SHOW TABLES") for _, row in page.rows}


def sql(address: str, script: str) -> list[dict[str, object]]:
    """Rows of a script's queries."""
    result = commands.run("procstream", "sql", "--address", address, "--json", "-e", script)
    assert result.returncode == 0, result.stderr
    return [json.loads(line)["row"] for line in result.stdout.splitlines()]


def test_topics_of_avro_records_are_tables(address: str) -> None:
    rows = sql(address, f"{BATCH} SELECT * FROM `lineage-input` {BOUNDED} LIMIT 20")
    assert len(rows) == 20
    for row in rows:
        assert row["uuid"]
        assert (row["kafka_topic"], row["dead_letter_error"]) == ("lineage-input", None)


def test_an_unbounded_query_returns_rows_as_they_arrive(address: str) -> None:
    query = "SELECT transaction_id, amount FROM transactions"
    with session(address) as opened, closing(opened.execute(query, "JSON")) as pages:
        rows = list(islice((row for page in pages for _, row in page.rows), 5))
    assert len({transaction for transaction, _ in rows}) == 5
    assert all(isinstance(amount, float) for _, amount in rows)


def test_a_bounded_query_aggregates_the_records_of_the_topic(address: str) -> None:
    query = f"SELECT currency, COUNT(*) AS n FROM transactions {BOUNDED} GROUP BY currency"
    counted = sql(address, f"{BATCH} {query}")
    assert counted
    assert all(int(str(row["n"])) > 0 and row["currency"] for row in counted)


def test_an_open_session_sees_a_new_topic_and_its_columns(namespace: Namespace, address: str) -> None:
    with session(address) as opened:

        def rows(statement: str) -> list[tuple[object, ...]]:
            return [row for page in opened.execute(statement, "JSON") for _, row in page.rows]

        assert ("later",) not in rows("SHOW TABLES")
        namespace.apply(topic("later"))
        until_ready(namespace, "topic", "later", "True", "TopicReady")
        until(lambda: ("later",) in rows("SHOW TABLES"), "the topic as a table", timeout=NOTICED_SECONDS)

        options = {
            "connector": "kafka",
            "topic": "later",
            "properties.bootstrap.servers": f"{RELEASE}-kafka:9092",
            "format": "json",
        }
        given = ", ".join(f"'{key}' = '{value}'" for key, value in options.items())
        rows("SET 'execution.runtime-mode' = 'batch'")
        rows("SET 'table.dml-sync' = 'true'")
        rows(f"CREATE TABLE `writer` (id STRING, n BIGINT) WITH ({given})")
        rows("INSERT INTO `writer` VALUES ('a', 1), ('b', 2)")
        until(
            lambda: ("n",) in [row[:1] for row in rows("DESCRIBE `later`")],
            "its columns",
            timeout=NOTICED_SECONDS,
        )
        assert sorted(rows(f"SELECT id, n FROM `later` {BOUNDED}")) == [("a", 1), ("b", 2)]


def test_it_writes_to_the_bucket_and_reads_from_it(address: str) -> None:
    options = "'connector' = 'filesystem', 'path' = 's3://procstream/sql-test', 'format' = 'json'"
    table = f"CREATE TABLE `kept` (id STRING) WITH ({options})"
    rows = sql(address, f"{BATCH} {table}; INSERT INTO `kept` VALUES ('a'), ('b'); SELECT id FROM `kept`")
    assert sorted(str(row["id"]) for row in rows if "id" in row) == ["a", "b"]


def test_a_session_can_have_its_own_catalogs(address: str) -> None:
    catalog = "CREATE CATALOG `mine` WITH ('type' = 'generic_in_memory')"
    rows = sql(address, f"{catalog}; SHOW CATALOGS; DROP CATALOG `mine`")
    assert {str(value) for row in rows for value in row.values()} >= {"mine", "procstream"}


def test_a_mistake_is_one_line(address: str, tmp_path: Path) -> None:
    script = tmp_path / "mistake.sql"
    script.write_text("SELECT nope FROM transactions;")
    result = commands.run("procstream", "sql", "--address", address, "-f", str(script))
    assert result.returncode == 1
    assert result.stderr.strip() == "error: SqlValidatorException: Column 'nope' not found in any table"


def test_no_container_was_restarted(namespace: Namespace) -> None:
    found = restarts(
        pod for pod in namespace.all("pods") if pod["metadata"]["name"].startswith(f"{RELEASE}-sql-gateway")
    )
    assert len(found) == 5
    assert set(found.values()) == {0}

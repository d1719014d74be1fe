"""Mistakes in pipelines that write topics and tables, or call Python: one line each, and nothing is lost."""

import json
import uuid
from pathlib import Path

import pytest
from procstream_local import pipelines

from tests.integration import database, flink, records
from tests.integration.conftest import free_port
from tests.integration.running import RunningPipeline, RunPipeline
from tests.integration.test_bad_input import mistake, pipeline
from tests.integration.topics import MakeTopic
from tests.integration.waiting import until

pytestmark = pytest.mark.usefixtures("home")

RUN = ("procstream", "pipeline", "run")


class TestSinks:
    def test_a_parameter_of_a_wrong_type(self) -> None:
        line = mistake(*RUN, "fraud-alerts", env={"FRAUD_THRESHOLD": "lots"})
        assert line == (
            "fraud-alerts.yaml: parameters.FRAUD_THRESHOLD: found 'lots' in the environment;"
            " expected a number as its default 5000.0"
        )

    def test_a_topic_to_write_that_does_not_exist(self, tmp_path: Path) -> None:
        file = pipeline(tmp_path, sink={"kafka": {"topic": "fraud-alertz"}})
        line = mistake(*RUN, file)
        assert line.startswith(f"{file}: sink.kafka.topic: topic 'fraud-alertz' does not exist; did you mean")

    def test_a_key_that_the_query_does_not_return(self, tmp_path: Path) -> None:
        file = pipeline(tmp_path, sink={"kafka": {"topic": "fraud-alerts", "key": ["id"]}})
        assert mistake(*RUN, file).startswith(f"{file}: sink.kafka.key: column 'id' is not in the query's")

    def test_a_query_that_changes_its_rows(self, tmp_path: Path) -> None:
        query = "SELECT uuid, COUNT(*) AS n FROM records GROUP BY uuid"
        file = pipeline(tmp_path, query=query, sink={"kafka": {"topic": "fraud-alerts"}})
        assert mistake(*RUN, file).startswith(
            f"{file}: sink.kafka: the query changes rows that it returned before"
        )

    def test_an_unknown_column_in_one_of_several_queries(self, tmp_path: Path) -> None:
        part = {"query": "SELECT uuid,\n  nope FROM records", "sink": {"print": {}}}
        file = pipeline(tmp_path, sink=None, outputs={"all": part})
        line = mistake(*RUN, file)
        assert line.startswith(f"{file}: outputs.all.query: line 2, column 3: Column 'nope' not found")


class TestPostgres:
    SINK = {"postgres": {"table": "mistakes", "mode": "upsert", "key": ["uuid"]}}  # noqa: RUF012

    def test_down_at_the_start(self, tmp_path: Path) -> None:
        url = f"postgresql://127.0.0.1:{free_port()}/procstream"
        line = mistake(*RUN, pipeline(tmp_path, sink=self.SINK), env={"POSTGRES_URL": url})
        assert line.startswith(f"POSTGRES_URL {url}: no answer: ")
        assert "Connection refused" in line

    def test_a_wrong_password(self, tmp_path: Path) -> None:
        line = mistake(*RUN, pipeline(tmp_path, sink=self.SINK), env={"POSTGRES_PASSWORD": "guessed"})
        assert "password authentication failed" in line
        assert "guessed" not in line

    def test_a_table_with_other_columns(self, tmp_path: Path) -> None:
        table = f"t_{uuid.uuid4().hex[:8]}"
        database.execute(f"CREATE TABLE {table} (uuidd text, at timestamp)")
        file = pipeline(tmp_path, sink={"postgres": {"table": table}})
        expected = f"table {table} has no column 'uuid'; did you mean 'uuidd'? found uuidd, at"
        assert mistake(*RUN, file) == f"{file}: sink.postgres: {expected}"

    def test_an_upsert_into_a_table_without_its_key(self, tmp_path: Path) -> None:
        table = f"t_{uuid.uuid4().hex[:8]}"
        database.execute(f'CREATE TABLE {table} (uuid text, "timestamp" timestamp)')
        file = pipeline(tmp_path, sink={"postgres": {"table": table, "mode": "upsert", "key": ["uuid"]}})
        assert f"table {table} has no unique index of uuid" in mistake(*RUN, file)


class TestFunctions:
    def test_a_module_that_is_missing(self, tmp_path: Path) -> None:
        file = pipeline(tmp_path, functions=["rules:risky"], sink={"print": {}})
        assert mistake(*RUN, file) == (
            f"{file}: functions[0]: there is no module 'rules'; expected {tmp_path}/rules.py,"
            " or an installed package"
        )

    @pytest.mark.parametrize(
        ("code", "expected"),
        [
            ("def risky_(x): ...", "functions[0]: module {module} has no 'risky'; did you mean 'risky_'?"),
            (
                "def risky(x): ...",
                "functions[0]: {module}:risky is a function; expected a function with PyFlink's",
            ),
            (
                "import nothing_here",
                "functions[0]: importing {module} failed: ModuleNotFoundError: No module named",
            ),
        ],
        ids=["no such function", "no PyFlink function", "import fails"],
    )
    def test_a_module_that_is_wrong(self, tmp_path: Path, code: str, expected: str) -> None:
        module = f"rules_{uuid.uuid4().hex[:6]}"
        (tmp_path / f"{module}.py").write_text(code)
        file = pipeline(tmp_path, functions=[f"{module}:risky"], sink={"print": {}})
        assert mistake(*RUN, file).startswith(f"{file}: {expected.format(module=module)}")

    def test_a_function_that_raises_fails_the_job_until_it_no_longer_does(
        self, make_topic: MakeTopic, run_pipeline: RunPipeline, tmp_path: Path
    ) -> None:
        module, broken = f"rules_{uuid.uuid4().hex[:6]}", tmp_path / "broken"
        broken.touch()
        topic, out = (make_topic(name, schema_text=None) for name in ("numbers", "doubles"))
        code = (
            "from pathlib import Path\n"
            "from pyflink.table.udf import udf\n\n"
            "@udf(result_type='BIGINT')\n"
            "def twice(n):\n"
            f"    if n == 3 and Path({str(broken)!r}).exists():\n"
            "        raise ValueError('three is refused')\n"
            "    return 2 * n\n"
        )
        running = run_pipeline(
            topic,
            modules={f"{module}.py": code},
            functions=[f"{module}:twice"],
            sources={"numbers": {"topic": topic, "format": "json", "columns": {"n": "BIGINT"}}},
            query="SELECT twice(n) AS n FROM numbers",
            sink={"kafka": {"topic": out}},
            flink={"parallelism": 1, "checkpoint_interval": "1 s"},
        )
        records.produce(topic, [json.dumps({"n": n}).encode() for n in range(1, 6)])
        until(lambda: any("three is refused" in text for text in causes(running)), "the error", timeout=90)
        broken.unlink()
        until(lambda: len(records.committed(out)) == 5, "all of them", timeout=120)
        assert sorted(record.value["n"] for record in records.committed_json(out)) == [2, 4, 6, 8, 10]
        pipelines.cancel(running.home, running.name)


def causes(running: RunningPipeline) -> list[str]:
    entries = flink.get(running.home, f"jobs/{running.job_id}/exceptions")["exceptionHistory"]["entries"]
    return [entry["stacktrace"] for entry in entries]

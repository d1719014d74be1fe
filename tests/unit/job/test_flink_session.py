"""A job is submitted: what is done to Flink's table environment, in which order."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from procstream_job.file.model import Pipeline
from procstream_job.language.mistakes import PlacedError
from procstream_job.plan.job_plan import JobPlan, plan_job
from procstream_job.plan.sources import source_tables
from procstream_job.sinks.kind import Connections, StoredColumn
from procstream_job.sinks.postgres.options import DatabaseTable
from procstream_job.submitting.flink import session as session_module
from procstream_job.submitting.flink.session import FlinkClientError, FlinkSession, is_updating, short_type
from procstream_job.submitting.flink_target import FlinkTarget
from procstream_job.submitting.planner_errors import PlannerError
from py4j.protocol import Py4JJavaError
from pyflink.util.exceptions import TableException

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pyflink")

TARGET = FlinkTarget({"execution.target": "remote"}, "flink:8081")
ENV = {"LAKE_PATH": "/lake", "POSTGRES_URL": "postgresql://db:5432/x"}
ID = StoredColumn("id", "character varying(5)", not_null=False, has_default=False)


def java_error(text: str) -> Py4JJavaError:
    error = Py4JJavaError.__new__(Py4JJavaError)
    error.errmsg = "An error occurred"
    error.java_exception = SimpleNamespace(_target_id="o1", _gateway_client=None)
    error.__class__ = type("Py4JJavaError", (Py4JJavaError,), {"__str__": lambda _: f"py4j:\n: {text}"})
    return error


class FakeQuery:
    """A parsed query whose only column is `id`."""

    def __init__(self, mode: str) -> None:
        self._mode = mode
        logical = SimpleNamespace(
            copy=lambda _: SimpleNamespace(asSerializableString=lambda: "VARCHAR(2147483647)")
        )
        column = SimpleNamespace(
            getName=lambda: "id", getDataType=lambda: SimpleNamespace(getLogicalType=lambda: logical)
        )
        schema = SimpleNamespace(getColumns=lambda: [column])
        self._j_table = SimpleNamespace(getResolvedSchema=lambda: schema)

    def explain(self, *_details: Any) -> str:
        return f"== Optimized Physical Plan ==\nCalc(changelogMode=[{self._mode}])\n"


class FakeEnvironment:
    """Flink's table environment; `log` has what was done to it."""

    def __init__(self, configuration: Mapping[str, str], mode: str = "I") -> None:
        self.configuration = dict(configuration)
        self.mode = mode
        self.log: list[str] = []
        self.refuses = ""
        self.failure: Exception = java_error("org.apache.flink.table.api.ValidationException: refused")

    def _do(self, what: str) -> None:
        if self.refuses and self.refuses in what:
            raise self.failure
        self.log.append(what)

    def execute_sql(self, text: str) -> None:
        self._do(text)

    def sql_query(self, text: str) -> FakeQuery:
        self._do(text)
        return FakeQuery(self.mode)

    def create_temporary_view(self, name: str, _query: FakeQuery) -> None:
        self._do(f"VIEW {name}")

    def get_config(self) -> Any:
        return SimpleNamespace(set=self.configuration.__setitem__)

    def create_statement_set(self) -> Any:
        client = SimpleNamespace(get_job_id=lambda: "job-1")

        def execute() -> Any:
            self._do("EXECUTE")
            return SimpleNamespace(get_job_client=lambda: client)

        return SimpleNamespace(add_insert_sql=self._do, execute=execute)


class FakeSession(FlinkSession):
    """A session whose environments are fakes."""

    def __init__(self, mode: str = "I") -> None:
        super().__init__(TARGET, ENV)
        self.mode = mode
        self.refuses = ""
        self.failure: Exception | None = None
        self.made: list[FakeEnvironment] = []

    def _wait_until_started(self) -> None:
        pass

    def _environment(self, configuration: Mapping[str, str]) -> FakeEnvironment:
        made = FakeEnvironment(configuration, self.mode)
        made.refuses = self.refuses
        made.failure = self.failure or made.failure
        self.made.append(made)
        return made


def plan(**changes: Any) -> JobPlan:
    document = {
        "name": "orders",
        "sources": {"orders": {"topic": "orders", "format": "json", "columns": {"id": "STRING"}}},
        "views": {"some": "SELECT id FROM orders"},
        "query": "SELECT id FROM some",
        "sink": {"postgres": {"table": "events", "mode": "upsert", "key": ["id"]}},
        **changes,
    }
    pipeline = Pipeline.model_validate(document)
    return plan_job(pipeline, source_tables(pipeline, {}, {}), Connections(), env=ENV)


@pytest.fixture
def ensured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[DatabaseTable, Mapping[str, str]]]:
    calls: list[tuple[DatabaseTable, Mapping[str, str]]] = []

    def ensure(table: DatabaseTable, env: Mapping[str, str]) -> Sequence[StoredColumn]:
        calls.append((table, env))
        return [ID]

    monkeypatch.setattr(DatabaseTable, "ensure", ensure)
    return calls


def test_sources_come_before_views_queries_sinks_and_inserts(ensured: list[Any]) -> None:
    session = FakeSession()
    assert session.submit(plan()) == "job-1"
    [environment] = session.made
    steps = [text.splitlines()[0] for text in environment.log]
    assert steps.index("CREATE TABLE `records`.`orders` (") < steps.index("CREATE VIEW `orders` AS")
    assert (
        steps.index("CREATE VIEW `orders` AS")
        < steps.index("VIEW `some`")
        < steps.index("VIEW `results`.`result`")
    )
    assert steps.index("VIEW `results`.`result`") < steps.index("CREATE TABLE `sinks`.`result_postgres` (")
    assert steps[-3:] == ["INSERT INTO `sinks`.`result_postgres`", "INSERT INTO `sinks`.`dropped`", "EXECUTE"]
    assert environment.configuration["table.exec.sink.upsert-materialize"] == "NONE"
    [(table, env)] = ensured
    assert table.table.name == "events"
    assert env == ENV


def test_the_columns_of_the_table_that_exists_decide_what_is_refused(ensured: list[Any]) -> None:
    session = FakeSession()
    session.submit(plan())
    [insert] = [
        text for text in session.made[0].log if text.startswith("INSERT INTO `sinks`.`result_postgres`")
    ]
    assert "CHAR_LENGTH(`id`) > 5" in insert


@pytest.mark.usefixtures("ensured")
@pytest.mark.parametrize(("savepoint", "expected"), [("s3://savepoint", "s3://savepoint"), (None, None)])
def test_a_job_starts_from_the_state_that_is_given(savepoint: str | None, expected: str | None) -> None:
    session = FakeSession()
    session.submit(plan(), savepoint)
    assert session.made[0].configuration.get("execution.state-recovery.path") == expected


@pytest.mark.usefixtures("ensured")
def test_a_retained_checkpoint_is_looked_for_in_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "starting_state", lambda savepoint, resume: f"{resume}/chk-7")
    session = FakeSession()
    session.submit(plan(), "s3://savepoint", "s3://job")
    assert session.made[0].configuration["execution.state-recovery.path"] == "s3://job/chk-7"


@pytest.mark.usefixtures("ensured")
@pytest.mark.parametrize(
    ("refuses", "place"),
    [
        ("SELECT id FROM some", "query: "),
        ("SELECT id FROM orders", "views.some: "),
        ("CREATE VIEW `orders`", "sources.orders: "),
        ("CREATE TABLE `sinks`.`result_postgres`", "sink.postgres: "),
        ("INSERT INTO `sinks`.`dropped`", "dropped.lake: "),
    ],
)
def test_what_flink_refuses_has_its_place(refuses: str, place: str) -> None:
    session = FakeSession()
    session.refuses = refuses
    with pytest.raises(PlannerError, match=f"^{place}refused$"):
        session.submit(plan())
    assert "EXECUTE" not in session.made[0].log


@pytest.mark.usefixtures("ensured")
def test_a_job_that_was_planned_and_not_accepted_names_the_address() -> None:
    session = FakeSession()
    session.refuses = "EXECUTE"
    session.failure = TableException(
        "org.apache.flink.table.api.TableException: Failed to execute sql\n"
        "Caused by: java.net.ConnectException: Connection refused: flink:8081"
    )
    with pytest.raises(PlannerError, match=r"^Flink at flink:8081 did not answer: Connection refused"):
        session.submit(plan())


@pytest.mark.usefixtures("ensured")
def test_rows_that_change_need_a_sink_that_can_change_them() -> None:
    session = FakeSession("I,UA")
    session.submit(plan())
    assert "table.exec.sink.upsert-materialize" not in session.made[0].configuration
    with pytest.raises(PlacedError, match="the query changes rows that it returned before"):
        FakeSession("I,UA").submit(plan(sink={"kafka": {"topic": "t"}}))


def test_without_pyflink_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "find_spec", lambda _: None)
    with pytest.raises(FlinkClientError, match=r"expected pip install 'procstream-job\[flink\]'"):
        FlinkSession(TARGET, ENV).start()


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (FileNotFoundError("java"), "Java does not start: java; expected Java 17 or later"),
        (RuntimeError("gateway\n exited"), "Flink's client does not start: gateway exited"),
    ],
)
def test_a_client_that_does_not_start(
    monkeypatch: pytest.MonkeyPatch, failure: Exception, expected: str, tmp_path: Path
) -> None:
    def fail(*_arguments: Any) -> None:
        raise failure

    monkeypatch.setattr(FlinkSession, "_environment", fail)
    monkeypatch.setattr(session_module, "client_environment", lambda *_: {})
    with FlinkSession(TARGET, ENV) as session, pytest.raises(FlinkClientError, match=expected):
        session.submit(plan())


@pytest.mark.parametrize(("mode", "expected"), [("I", False), ("I,UA", True), ("I,UB,UA,D", True)])
def test_the_last_operator_decides_whether_rows_change(mode: str, expected: bool) -> None:
    text = (
        "== Abstract Syntax Tree ==\nLogical(changelogMode=[I,UA,D])\n\n== Optimized Physical Plan ==\n"
        f"Calc(select=[id], changelogMode=[{mode}])\n+- Scan(changelogMode=[I,UA])\n"
    )
    assert is_updating(text) is expected


def test_unbounded_types_have_their_short_names() -> None:
    assert (
        short_type("ROW<`a` VARCHAR(2147483647), `b` VARBINARY(2147483647)>") == "ROW<`a` STRING, `b` BYTES>"
    )
    assert short_type("VARCHAR(5)") == "VARCHAR(5)"

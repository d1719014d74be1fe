"""Submitting jobs through PyFlink; the only module that imports it.

Starting the JVM that plans a job takes seconds, so a `FlinkSession` starts it in the background while
the caller still looks whether Kafka and the registry are there. One session takes any number of jobs.
"""

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from procstream_common.errors import ProcstreamError
from procstream_common.lake import home

from procstream_job.language.sql import Column, Statement
from procstream_job.plan.job_plan import JobPlan
from procstream_job.plan.outputs import EnsureTable, Result
from procstream_job.plan.steps import LateSplit, View
from procstream_job.submitting.flink.functions import load_functions
from procstream_job.submitting.flink.retained_checkpoints import newest_checkpoint
from procstream_job.submitting.flink_target import FlinkTarget
from procstream_job.submitting.planner_errors import planner_error, submission_error

# The JVM lives for seconds: what compiles and starts fast wins over what runs fast later.
_SHORT_LIVED_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData"


class FlinkClientError(ProcstreamError):
    """PyFlink or the JVM it needs cannot be started."""


class FlinkSession:
    """A Flink client, started when it is first needed. Close it, or use it in a `with`."""

    def __init__(self, target: FlinkTarget, env: Mapping[str, str]) -> None:
        self._target = target
        self._env = env
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flink-client")
        self._started: Future[Any] | None = None

    def __enter__(self) -> "FlinkSession":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._thread.shutdown()

    def start(self) -> "Future[Any]":
        """Begin to start the client, and return at once."""
        if self._started is not None:
            return self._started
        package = find_spec("pyflink")
        if package is None or package.origin is None:
            raise FlinkClientError("PyFlink is not installed; expected pip install 'procstream-job[flink]'")
        # PyFlink and the JVM take these from the process's environment, and from nowhere else.
        os.environ.update(client_environment(self._env, Path(package.origin).parent))
        # The first environment starts the JVM and loads the planner; those of the jobs are then cheap.
        self._started = self._thread.submit(self._environment, {})
        return self._started

    def submit(
        self,
        plan: JobPlan,
        ensure_table: EnsureTable,
        from_savepoint: str | None = None,
        resume: str | None = None,
    ) -> str:
        """Start the job of `plan`, from the state in a savepoint or checkpoint if one is given.

        The newest checkpoint in the folder `resume` wins over that. High availability wins over both: it goes
        on from its own. `ensure_table` makes the tables of PostgreSQL that the job writes. Returns its id.

        Raises:
            ProcstreamError: the folder `resume` cannot be read.
            PlannerError: Flink refuses the pipeline or does not take the job.
            PlacedError: a query's result does not fit its sink, or a Python function cannot be used.
            FlinkClientError: the client does not start.
        """
        self._wait_until_started()
        state = (newest_checkpoint(resume) if resume else None) or from_savepoint
        recovery = {"execution.state-recovery.path": state} if state else {}
        with _explained(Statement("flink.configuration", "")):
            environment = self._environment({**plan.configuration, **recovery})
        _add_functions(environment, plan)
        for step in plan.steps:
            match step:
                case View():
                    _add_view(environment, step, plan.names)
                case LateSplit():
                    _split_late(environment, step)
                case _:
                    _execute(environment, step)
        results = {name: _result(environment, view, plan.names) for name, view in plan.queries.items()}
        outputs = plan.outputs(results, ensure_table)
        for statement in outputs.tables:
            _execute(environment, statement)
        for key, value in outputs.configuration.items():
            environment.get_config().set(key, value)
        inserts = environment.create_statement_set()
        for statement in outputs.inserts:
            with _explained(statement):
                inserts.add_insert_sql(statement.sql)
        with _explained(Statement("query", ""), plan.names), _taken_by(self._target):
            return str(inserts.execute().get_job_client().get_job_id())

    def _wait_until_started(self) -> None:
        try:
            self.start().result()
        except FileNotFoundError as error:
            raise FlinkClientError(
                f"Java does not start: {error}; expected Java 17 or later in JAVA_HOME or on the PATH"
            ) from None
        except RuntimeError as error:
            raise FlinkClientError(f"Flink's client does not start: {' '.join(str(error).split())}") from None

    def _environment(self, configuration: Mapping[str, str]) -> Any:
        from pyflink.common import Configuration
        from pyflink.datastream import StreamExecutionEnvironment
        from pyflink.table import EnvironmentSettings, StreamTableEnvironment

        options = Configuration()
        for key, value in {**self._target.options, **configuration}.items():
            options.set_string(key, value)
        # Of streams, because late rows are taken out of one.
        stream = StreamExecutionEnvironment.get_execution_environment(options)
        settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(options).build()
        return StreamTableEnvironment.create(stream, settings)


def client_environment(env: Mapping[str, str], pyflink: Path) -> dict[str, str]:
    """Environment variables that PyFlink wants, where `env` does not have them already."""
    if "PYFLINK_GATEWAY_PORT" in env:
        return {}  # the JVM is there: Flink's own driver started us
    log_dir = Path(env.get("FLINK_LOG_DIR") or home(env) / "logs")
    log_dir.mkdir(parents=True, exist_ok=True)
    return {
        # Without it PyFlink takes the jars beside its own package, whatever FLINK_LIB_DIR says.
        "FLINK_HOME": env.get("FLINK_HOME") or str(pyflink),
        "FLINK_LOG_DIR": str(log_dir),
        "JVM_ARGS": f"{_SHORT_LIVED_JVM} {env.get('JVM_ARGS', '')}".strip(),
        # PyFlink takes every environment for a local one and would start a server for Python
        # functions in this process, which loads Apache Beam: three seconds.
        "_python_worker_execution_mode": "process",
    }


def _add_functions(environment: Any, plan: JobPlan) -> None:
    functions = load_functions(plan.pipeline.functions, plan.folder)
    for function in functions:
        environment.create_temporary_system_function(function.name, function.udf)
        if function.file is not None:
            environment.add_python_file(str(function.file))
    if functions and "PYFLINK_GATEWAY_PORT" not in plan.env:
        # Flink's own driver sends the jar that runs Python with a job; without that driver we do.
        jars = Path(os.environ["FLINK_HOME"], "opt").glob("flink-python-*.jar")
        environment.get_config().set("pipeline.jars", ";".join(jar.as_uri() for jar in jars))
        # The TaskManagers of this machine run them with the packages that they were tried with here.
        environment.get_config().set("python.executable", sys.executable)
        environment.get_config().set("python.client.executable", sys.executable)


def _add_view(environment: Any, view: View, known: Collection[str]) -> Any:
    with _explained(view.select, known):
        query = environment.sql_query(view.select.sql)
        environment.create_temporary_view(view.name, query)
        return query


def _split_late(environment: Any, split: LateSplit) -> None:
    from pyflink.java_gateway import get_gateway

    late_rows = get_gateway().jvm.io.procstream.flink.eventtime.LateRows
    with _explained(Statement(split.place, "")):
        late_rows.split(environment._j_tenv, split.table, split.time, split.on_time, split.late)


def _result(environment: Any, view: View, known: Collection[str]) -> Result:
    from pyflink.table import ExplainDetail

    query = _add_view(environment, view, known)
    with _explained(view.select, known):
        plan = query.explain(ExplainDetail.CHANGELOG_MODE)
    return Result(tuple(_columns(query)), updating=_is_updating(plan))


def _is_updating(plan: str) -> bool:
    """Whether the last operator of a plan, the first that it lists, gives more than inserts."""
    _, _, optimized = plan.partition("== Optimized Physical Plan ==")
    first = next(line for line in optimized.splitlines() if "changelogMode=[" in line)
    return first.partition("changelogMode=[")[2].partition("]")[0] != "I"


def _execute(environment: Any, statement: Statement) -> None:
    with _explained(statement):
        environment.execute_sql(statement.sql)


@contextmanager
def _explained(statement: Statement, known: Collection[str] = ()) -> Iterator[None]:
    """Turn what Flink throws about a statement into a `PlannerError`."""
    from py4j.protocol import Py4JJavaError
    from pyflink.util.exceptions import JavaException

    try:
        yield
    except (Py4JJavaError, JavaException) as error:
        raise planner_error(statement, _stack_trace(error), known) from error


@contextmanager
def _taken_by(target: FlinkTarget) -> Iterator[None]:
    """Tell a job that could be planned but was not taken from one that could not be planned."""
    from pyflink.util.exceptions import TableException

    try:
        yield
    except TableException as error:
        trace = _stack_trace(error)
        if "Failed to execute" not in trace.partition("\n")[0]:
            raise
        raise submission_error(target.address, trace) from error


def _stack_trace(error: Exception) -> str:
    # py4j puts a line of its own before Java's trace.
    _, separator, trace = str(error).partition("\n: ")
    return trace if separator else str(error)


def _columns(query: Any) -> list[Column]:
    """Columns of a query's result, nullable, with Flink SQL's short names of the unbounded types."""
    columns = []
    for column in query._j_table.getResolvedSchema().getColumns():
        sql_type = column.getDataType().getLogicalType().copy(True).asSerializableString()
        short = sql_type.replace("VARCHAR(2147483647)", "STRING").replace("VARBINARY(2147483647)", "BYTES")
        columns.append(Column(column.getName(), short))
    return columns

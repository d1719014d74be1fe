"""Submitting jobs through PyFlink.

Starting the JVM that plans a job takes seconds, so a `FlinkSession` starts it in the background while the
caller still checks Kafka and the registry. One session submits any number of jobs.
"""

import os
import sys
from collections.abc import Collection, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from procstream_common.errors import ProcstreamError

from procstream_job.language.sql import Column, Statement
from procstream_job.plan.job_plan import JobPlan
from procstream_job.plan.steps import LateSplit, View
from procstream_job.sinks.kind import Result
from procstream_job.submitting.flink.client import client_environment
from procstream_job.submitting.flink.errors import accepted_by, explained
from procstream_job.submitting.flink.functions import load_functions
from procstream_job.submitting.flink.state import starting_state
from procstream_job.submitting.flink_target import FlinkTarget


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
        # PyFlink and the JVM read these from the process's environment, and from nowhere else.
        os.environ.update(client_environment(self._env, Path(package.origin).parent))
        # The first environment starts the JVM and loads the planner; those of the jobs are then cheap.
        self._started = self._thread.submit(self._environment, {})
        return self._started

    def submit(self, plan: JobPlan, from_savepoint: str | None = None, resume: str | None = None) -> str:
        """Start the job of `plan`; returns its id. See `starting_state` for the state that it starts from.

        Creates the tables in other systems that the job writes to.

        Raises:
            ProcstreamError: the folder `resume` cannot be read, or another system is unavailable.
            PlannerError: Flink refuses the pipeline or does not accept the job.
            PlacedError: a query's result does not fit its sink, or a Python function cannot be used.
            FlinkClientError: the client does not start.
        """
        self._wait_until_started()
        state = starting_state(from_savepoint, resume)
        recovery = {"execution.state-recovery.path": state} if state else {}
        with explained(Statement("flink.configuration", "")):
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
        external = plan.external_tables(results)
        stored = {place: table.ensure(plan.env) for place, table in external.items()}
        outputs = plan.outputs(results, stored)
        for statement in outputs.tables:
            _execute(environment, statement)
        for key, value in outputs.configuration.items():
            environment.get_config().set(key, value)
        inserts = environment.create_statement_set()
        for statement in outputs.inserts:
            with explained(statement):
                inserts.add_insert_sql(statement.sql)
        with explained(Statement("query", ""), plan.names), accepted_by(self._target.address):
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


def _add_functions(environment: Any, plan: JobPlan) -> None:
    functions = load_functions(plan.pipeline.functions, plan.folder)
    for function in functions:
        environment.create_temporary_system_function(function.name, function.udf)
        if function.file is not None:
            environment.add_python_file(str(function.file))
    if functions and "PYFLINK_GATEWAY_PORT" not in plan.env:
        # Flink's own driver sends the jar that runs Python with a job; without that driver, we do.
        jars = Path(os.environ["FLINK_HOME"], "opt").glob("flink-python-*.jar")
        environment.get_config().set("pipeline.jars", ";".join(jar.as_uri() for jar in jars))
        # The TaskManagers of this machine run them with the packages of this process.
        environment.get_config().set("python.executable", sys.executable)
        environment.get_config().set("python.client.executable", sys.executable)


def _add_view(environment: Any, view: View, known: Collection[str]) -> Any:
    with explained(view.select, known):
        query = environment.sql_query(view.select.sql)
        environment.create_temporary_view(view.name, query)
        return query


def _split_late(environment: Any, split: LateSplit) -> None:
    from pyflink.java_gateway import get_gateway

    late_rows = get_gateway().jvm.io.procstream.flink.eventtime.LateRows
    with explained(Statement(split.place, "")):
        late_rows.split(environment._j_tenv, split.table, split.time, split.on_time, split.late)


def _result(environment: Any, view: View, known: Collection[str]) -> Result:
    from pyflink.table import ExplainDetail

    query = _add_view(environment, view, known)
    with explained(view.select, known):
        plan = query.explain(ExplainDetail.CHANGELOG_MODE)
    return Result(tuple(_columns(query)), updating=is_updating(plan))


def is_updating(plan: str) -> bool:
    """Whether the last operator of Flink's plan, the first in the text, emits more than inserts."""
    _, _, optimized = plan.partition("== Optimized Physical Plan ==")
    first = next(line for line in optimized.splitlines() if "changelogMode=[" in line)
    return first.partition("changelogMode=[")[2].partition("]")[0] != "I"


def _execute(environment: Any, statement: Statement) -> None:
    with explained(statement):
        environment.execute_sql(statement.sql)


def _columns(query: Any) -> list[Column]:
    """Columns of a query's result, nullable."""
    columns = []
    for column in query._j_table.getResolvedSchema().getColumns():
        sql_type = column.getDataType().getLogicalType().copy(True).asSerializableString()
        columns.append(Column(column.getName(), short_type(sql_type)))
    return columns


def short_type(sql_type: str) -> str:
    """A type with Flink SQL's short names of the unbounded types."""
    return sql_type.replace("VARCHAR(2147483647)", "STRING").replace("VARBINARY(2147483647)", "BYTES")

"""What PyFlink throws, as errors with a place in the pipeline file."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from procstream_job.language.sql import Statement
from procstream_job.submitting.planner_errors import planner_error, submission_error


@contextmanager
def explained(statement: Statement, known: Collection[str] = ()) -> Iterator[None]:
    """Turn what Flink throws about a statement into a `PlannerError`."""
    from py4j.protocol import Py4JJavaError
    from pyflink.util.exceptions import JavaException

    try:
        yield
    except (Py4JJavaError, JavaException) as error:
        raise planner_error(statement, _stack_trace(error), known) from error


@contextmanager
def accepted_by(address: str | None) -> Iterator[None]:
    """Turn what Flink throws about a job that was planned into a `PlannerError` about its submission."""
    from pyflink.util.exceptions import TableException

    try:
        yield
    except TableException as error:
        trace = _stack_trace(error)
        if "Failed to execute" not in trace.partition("\n")[0]:
            raise
        raise submission_error(address, trace) from error


def _stack_trace(error: Exception) -> str:
    # py4j puts a line of its own before Java's trace.
    _, separator, trace = str(error).partition("\n: ")
    return trace if separator else str(error)

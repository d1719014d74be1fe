"""Errors of Flink's planner in one line: the innermost message that the user can act on."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from procstream_job.language.mistakes import PlacedError, did_you_mean
from procstream_job.language.sql import Statement

_CAUSE = re.compile(r"^(?:Caused by: )?(?P<type>[\w.$]+(?:Exception|Error))(?:: (?P<message>.*))?$")
_FRAME = re.compile(r"\s*(at [\w.$/<>]+\(|\.\.\. \d+ more)")
_POSITION = re.compile(
    r"\b(?:From|[Aa]t) line (?P<line>\d+), column (?P<column>\d+)(?: to line \d+, column \d+)?:?\s*"
)
# They wrap another, or describe how code failed and not why.
_SAYS_LITTLE = re.compile(
    r"(Completion|Execution|InvocationTarget|NumberFormat|NullPointer|ClassCast|IndexOutOfBounds)Exception$"
)
_UNKNOWN_OPTION = re.compile(r"options found for (?P<owner>'.*?')\.\s+Unsupported options:\s+(?P<option>.*)")
_UNREACHABLE = re.compile(r"(Connect|UnknownHost|ConnectTimeout|UnresolvedAddress)Exception$")


class PlannerError(PlacedError):
    """Flink refuses a pipeline, or does not accept its job."""


@dataclass(frozen=True)
class _Cause:
    """An exception of a chain. `message` keeps its lines."""

    type: str
    message: str

    @property
    def summary(self) -> str:
        """The message without what Flink appends: all table options, everything the parser would take."""
        if match := _UNKNOWN_OPTION.search(self.message):
            return f"{match['owner']} has no option {match['option']!r}"
        kept = re.split(r"\n\s*\n|\nWas expecting", self.message, maxsplit=1)[0]
        return " ".join(_POSITION.sub("", kept).split()).rstrip(" .:")

    @property
    def position(self) -> tuple[int, int] | None:
        """Line and column in the SQL, from 1."""
        match = _POSITION.search(self.message)
        return (int(match["line"]), int(match["column"])) if match else None


def planner_error(statement: Statement, stack_trace: str, known: Collection[str] = ()) -> PlannerError:
    """The planner's error about `statement`, with its place in the file.

    `known` are the names of tables and columns, for a guess at what was meant.
    """
    causes = _causes(stack_trace)
    message = _explain(_best(causes), known)
    place = statement.place
    position = next((cause.position for cause in reversed(causes) if cause.position), None)
    if position and position[0] in statement.lines:
        place = statement.lines[position[0]]
    elif position and (place.endswith("query") or place.startswith("views.")):
        place = f"{place}: line {position[0]}, column {position[1]}"
    return PlannerError(f"{place}: {message}")


def submission_error(address: str | None, stack_trace: str) -> PlannerError:
    """A job that was planned but did not start."""
    causes = _causes(stack_trace)
    message = _explain(_best(causes), ())
    if any(_UNREACHABLE.search(cause.type) for cause in causes):
        return PlannerError(f"Flink at {address or 'its address'} did not answer: {message}")
    return PlannerError(f"Flink did not accept the job: {message}")


def _causes(stack_trace: str) -> list[_Cause]:
    """The exception and its causes, outermost first."""
    causes: list[_Cause] = []
    for line in stack_trace.splitlines():
        if match := _CAUSE.match(line):
            causes.append(_Cause(match["type"], match["message"] or ""))
        elif causes and not _FRAME.match(line):
            causes[-1] = _Cause(causes[-1].type, f"{causes[-1].message}\n{line}")
    return causes


def _best(causes: list[_Cause]) -> str:
    with_message = [cause for cause in causes if cause.summary]
    helpful = [cause for cause in with_message if not _SAYS_LITTLE.search(cause.type)]
    for cause in reversed(helpful or with_message):
        return cause.summary
    return causes[-1].type if causes else "no reason given"


def _explain(message: str, known: Collection[str]) -> str:
    if match := re.search(r"any factory for identifier '([\w-]+)'", message):
        return f"Flink has no {match[1]!r} on its class path; expected its jar in the folder of FLINK_LIB_DIR"
    if match := re.match(r"Failed to rollback to checkpoint/savepoint (\S+)\. Cannot map", message):
        return (
            f"the pipeline has changed and its state in {match[1]} does not fit; --fresh starts without state"
        )
    if match := re.match(r"Encountered \"(.*)\"", message):
        hint = "; a reserved word needs backticks as a name" if match[1].split(" ")[0] in known else ""
        return f"syntax error at {match[1]!r}{hint}"
    if match := re.match(r"(?:Column|Object) '(.*?)' not found", message):
        return f"{message}{did_you_mean(match[1], known).removesuffix(';')}"
    return message

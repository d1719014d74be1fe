"""What Flink's planner complains about, in one line: the innermost message that a person can act on."""

import re

from procstream_job.mistakes import PlacedError
from procstream_job.sql import Statement

_CAUSE = re.compile(r"^(?:Caused by: )?(?P<type>[\w.$]+(?:Exception|Error))(?:: (?P<message>.*))?$")
_POSITION = re.compile(
    r"(?:From|At|at) line (?P<line>\d+), column (?P<column>\d+)(?: to line \d+, column \d+)?:?\s*"
)
# Java's own words for something that has a better message one level up.
_SAYS_LITTLE = re.compile(
    r"java\.(lang|util)\.|scala\.|InvocationTargetException|UncheckedExecutionException"
)
_UNREACHABLE = re.compile(
    r"(ConnectException|UnknownHostException|ConnectTimeoutException|UnresolvedAddressException)"
)


class PlannerError(PlacedError):
    """Flink refuses a pipeline, or does not take its job."""


def planner_error(statement: Statement, stack_trace: str) -> PlannerError:
    """The complaint about `statement` as an error of its place in the file."""
    causes = _causes(stack_trace)
    message, position = _split_position(_best(causes))
    if position is None:
        position = next((found for _, text in causes for found in [_split_position(text)[1]] if found), None)
    place = statement.place
    if position:
        line, column = position
        if line in statement.lines:
            place = statement.lines[line]
        elif place == "query":
            message = f"line {line}, column {column}: {message}"
    return PlannerError(f"{place}: {_hint(message)}")


def submission_error(address: str | None, stack_trace: str) -> PlannerError:
    """A job that was planned but did not start."""
    causes = _causes(stack_trace)
    message = _best(causes)
    if any(_UNREACHABLE.search(kind) for kind, _ in causes):
        return PlannerError(f"could not reach Flink at {address or 'its address'}: {message}")
    return PlannerError(f"Flink did not take the job: {_hint(message)}")


def _causes(stack_trace: str) -> list[tuple[str, str]]:
    """Types and messages of the exception and its causes, outermost first; a message keeps its lines."""
    causes: list[tuple[str, list[str]]] = []
    for line in stack_trace.splitlines():
        match = _CAUSE.match(line.strip() if line.startswith("Caused by") else line)
        if match:
            causes.append((match["type"], [match["message"] or ""]))
        elif causes and not re.match(r"\s*(at [\w.$/<>]+\(|\.\.\. \d+ more)", line):
            causes[-1][1].append(line)
    return [(kind, "\n".join(lines).strip()) for kind, lines in causes]


def _best(causes: list[tuple[str, str]]) -> str:
    for kind, message in reversed(causes):
        if message and not _SAYS_LITTLE.search(kind):
            return _first_paragraph(message)
    for kind, message in reversed(causes):
        return _first_paragraph(message) or kind.rpartition(".")[2]
    return "no reason was given"


def _first_paragraph(message: str) -> str:
    """Without what Flink appends: all table options, everything the parser would have taken."""
    kept = re.split(r"\n\s*\n|\nWas expecting|\nTable options are", message, maxsplit=1)[0]
    return " ".join(kept.split())


def _split_position(message: str) -> tuple[str, tuple[int, int] | None]:
    match = _POSITION.search(message)
    if match is None:
        return message, None
    rest = f"{message[: match.start()]}{message[match.end() :]}".strip(" .:")
    return rest, (int(match["line"]), int(match["column"]))


def _hint(message: str) -> str:
    if match := re.search(r"any factory for identifier '([\w-]+)'", message):
        return (
            f"Flink has no {match[1]!r} on its class path; expected its jar in the folder FLINK_LIB_DIR names"
        )
    return message

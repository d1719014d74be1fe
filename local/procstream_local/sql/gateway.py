"""Running SQL on the gateway through its REST interface (Flink 2.3, "REST Endpoint", v3)."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from procstream_common.errors import ProcstreamError, ServerError
from procstream_common.flink import FlinkRefusedError, FlinkRest

_ANSWER_SECONDS = 60  # the answer to a statement comes when it is planned
_POLL_SECONDS = 0.1
_OPS = {"INSERT": "+I", "UPDATE_BEFORE": "-U", "UPDATE_AFTER": "+U", "DELETE": "-D"}


class StatementError(ProcstreamError):
    """Flink refused a statement, or the statement failed."""


@dataclass(frozen=True)
class Page:
    """Rows of a result in order, each with its change to the result (`+I`, `-U`, `+U`, `-D`)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Any, ...]], ...]
    has_content: bool
    """False for a statement that returns no rows, such as SET."""
    is_query: bool
    """True for the rows of a SELECT, which can retract rows."""


@dataclass(frozen=True)
class Session:
    """A session of the gateway: SET is valid until the session ends."""

    rest: FlinkRest
    path: str

    def execute(self, statement: str, row_format: str = "PLAIN_TEXT") -> Generator[Page, None, None]:
        """Run a statement; yields its rows as they arrive, for an unbounded query without end.

        Values are texts, or JSON values with the `row_format` JSON. Raises `StatementError` with Flink's
        reason.
        """
        answer = self._ask("POST", f"{self.path}/statements", body={"statement": statement})
        operation = f"{self.path}/operations/{answer['operationHandle']}"
        try:
            yield from self._pages(f"{operation}/result/0?rowFormat={row_format}")
        finally:
            _discard(self.rest, f"{operation}/close")

    def is_batch(self) -> bool:
        """Whether queries end, and return each row once."""
        properties = self._ask("GET", self.path)["properties"]
        return str(properties.get("execution.runtime-mode", "")).upper() == "BATCH"

    def _pages(self, uri: str | None) -> Iterator[Page]:
        while uri is not None:
            answer = self._ask("GET", uri)
            if answer["resultType"] == "NOT_READY":
                time.sleep(_POLL_SECONDS)
                continue
            page = _page(answer)
            yield page
            uri = answer.get("nextResultUri")
            if not page.rows and uri is not None:
                time.sleep(_POLL_SECONDS)

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        try:
            return self.rest.request(method, path.lstrip("/"), body=body)
        except FlinkRefusedError as error:
            raise StatementError(error.reason) from None


@contextmanager
def session(address: str) -> Iterator[Session]:
    """Open a session at the gateway of `address`, HOST:PORT; its statements end with it.

    Raises `ProcstreamError` if there is no gateway.
    """
    with FlinkRest(address, timeout=_ANSWER_SECONDS, name="the SQL gateway") as rest:
        opened = rest.request("POST", "v3/sessions", body={})
        path = f"v3/sessions/{opened['sessionHandle']}"
        try:
            yield Session(rest, path)
        finally:
            _discard(rest, path)


def _page(answer: Any) -> Page:
    results = answer["results"]
    return Page(
        columns=tuple(column["name"] for column in results["columns"]),
        rows=tuple((_OPS[row["kind"]], tuple(row["fields"])) for row in results["data"]),
        has_content=answer["resultKind"] == "SUCCESS_WITH_CONTENT",
        is_query=answer["isQueryResult"],
    )


def _discard(rest: FlinkRest, path: str) -> None:
    # The gateway itself closes what is idle; an error here must not hide an earlier one.
    with suppress(ServerError):
        rest.request("DELETE", path)

"""Running SQL on the gateway, by its REST interface (Flink 2.3, "REST Endpoint", v3)."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from procstream_common.errors import ProcstreamError

from procstream_local.status.answers import root_cause

_ANSWER_SECONDS = 60  # a statement is answered when it is planned
_POLL_SECONDS = 0.1
_OPS = {"INSERT": "+I", "UPDATE_BEFORE": "-U", "UPDATE_AFTER": "+U", "DELETE": "-D"}


class StatementError(ProcstreamError):
    """Flink refuses a statement, or it failed."""


@dataclass(frozen=True)
class Page:
    """Some rows of a result, in their order; each has what it does to the result (`+I`, `-U`, `+U`, `-D`)."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Any, ...]], ...]
    has_content: bool
    """False for a statement that only succeeds, such as SET."""
    is_query: bool
    """Whether they are those of a SELECT, which may take rows back."""


@dataclass(frozen=True)
class Session:
    """A session of the gateway: what is SET in it holds until it ends."""

    client: httpx.Client
    path: str

    def execute(self, statement: str, row_format: str = "PLAIN_TEXT") -> Generator[Page, None, None]:
        """Run a statement; gives its rows as they come, of an unbounded query without end.

        Values are texts, or as JSON has them with the `row_format` JSON. Raises `StatementError` with
        Flink's reason.
        """
        answer = self._ask("POST", f"{self.path}/statements", body={"statement": statement})
        operation = f"{self.path}/operations/{answer['operationHandle']}"
        try:
            yield from self._pages(f"{operation}/result/0?rowFormat={row_format}")
        finally:
            self.client.delete(f"{operation}/close")

    def is_batch(self) -> bool:
        """Whether queries end, and give each row once."""
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
            response = self.client.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise ProcstreamError(
                f"the SQL gateway at {self.client.base_url} does not answer: {error or type(error).__name__}"
            ) from None
        if response.is_success:
            return response.json()
        raise StatementError(_reason(response))


@contextmanager
def session(address: str) -> Iterator[Session]:
    """Open a session at the gateway of `address`, HOST:PORT; what it still runs ends with it.

    Raises `ProcstreamError` when there is none.
    """
    with httpx.Client(base_url=f"http://{address}", timeout=_ANSWER_SECONDS, trust_env=False) as client:
        opened = Session(client, "/v3/sessions")._ask("POST", "/v3/sessions", body={})
        path = f"/v3/sessions/{opened['sessionHandle']}"
        try:
            yield Session(client, path)
        finally:
            client.delete(path)


def _page(answer: Any) -> Page:
    results = answer["results"]
    return Page(
        columns=tuple(column["name"] for column in results["columns"]),
        rows=tuple((_OPS[row["kind"]], tuple(row["fields"])) for row in results["data"]),
        has_content=answer["resultKind"] == "SUCCESS_WITH_CONTENT",
        is_query=answer["isQueryResult"],
    )


def _reason(response: httpx.Response) -> str:
    try:
        return root_cause("\n".join(response.json()["errors"]))
    except (ValueError, KeyError):
        return f"the SQL gateway answered {response.status_code}"

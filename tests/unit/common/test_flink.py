"""Flink's REST interface, against a real HTTP server."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from procstream_common.errors import NotFoundError, RefusedError, Server, UnavailableError
from procstream_common.flink import AsyncFlinkRest, FlinkRefusedError, FlinkRest, root_cause

from tests.unit import http_server
from tests.unit.http_server import Answer, HttpServer, Request, serving

Get = Callable[[str], Any]


@pytest.fixture(params=["sync", "async"])
def get(request: pytest.FixtureRequest) -> Callable[[str, str], Any]:
    """`get(address, path)` by either client."""

    async def by_async(address: str, path: str) -> Any:
        async with AsyncFlinkRest(address, timeout=2) as flink:
            return await flink.get(path, {"get": "a,b"})

    def by_sync(address: str, path: str) -> Any:
        with FlinkRest(address, timeout=2) as flink:
            return flink.get(path, {"get": "a,b"})

    if request.param == "sync":
        return by_sync
    return lambda address, path: asyncio.run(by_async(address, path))


@pytest.fixture
def flink() -> Iterator[HttpServer]:
    with serving(Answer(200, {"jobs": []})) as server:
        yield server


@pytest.mark.parametrize("form", ["http://{}", "{}"])
def test_an_answer_is_its_json(get: Callable[[str, str], Any], flink: HttpServer, form: str) -> None:
    address = form.format(flink.url.removeprefix("http://"))
    assert get(address, "jobs/overview") == {"jobs": []}
    assert flink.sent == [("GET", "/jobs/overview?get=a%2Cb")]


def test_a_request_has_a_body_and_may_be_answered_with_nothing() -> None:
    with serving(Answer(202, "")) as server, FlinkRest(server.url) as flink:
        assert flink.request("PATCH", "jobs/1", params={"mode": "cancel"}, body={"drain": True}) is None
    [request] = server.requests
    assert (request.method, request.path, request.json) == ("PATCH", "/jobs/1?mode=cancel", {"drain": True})


def test_a_path_may_be_the_next_one_that_the_gateway_names() -> None:
    with serving(Answer(200, {})) as server, FlinkRest(server.url, name="the SQL gateway") as flink:
        flink.get("/v3/sessions/1/result/2?rowFormat=JSON")
    assert server.sent == [("GET", "/v3/sessions/1/result/2?rowFormat=JSON")]


TRACE = (
    "org.apache.flink.runtime.rest.handler.RestHandlerException: No job\n\tat org.apache.A\n"
    "Caused by: org.apache.flink.runtime.messages.FlinkJobNotFoundException: Could not find Flink job (1)\n"
    "\tat org.apache.B"
)
SERVER_SIDE = "<Exception on server side:\norg.apache.flink.table.api.ValidationException: no table x\n\tat A"


@pytest.mark.parametrize(
    ("answer", "kind", "message"),
    [
        (
            Answer(404, {"errors": [TRACE]}),
            NotFoundError,
            "FlinkJobNotFoundException: Could not find Flink job (1)",
        ),
        (http_server.HTML, NotFoundError, "answer 404 Not Found"),
        (http_server.EMPTY, NotFoundError, "answer 404 Not Found"),
        (Answer(400, {"errors": ["bad"]}), FlinkRefusedError, "bad"),
        (Answer(409, {"errors": []}), FlinkRefusedError, "answer 409 Conflict"),
        (
            Answer(500, {"errors": ["Internal server error.", SERVER_SIDE]}),
            FlinkRefusedError,
            "ValidationException: no table x",
        ),
        (Answer(500, "<html>", "text/html"), UnavailableError, "answer 500 Internal Server Error"),
        (Answer(502, ""), UnavailableError, "answer 502 Bad Gateway"),
        (Answer(503, {"errors": ["leader election"]}), UnavailableError, "leader election"),
        (
            Answer(200, "<html>", "text/html"),
            RefusedError,
            "the answer is not JSON, expected Flink's REST interface",
        ),
        (Answer(302, ""), FlinkRefusedError, "answer 302 Found"),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Answer) else getattr(value, "__name__", value),
)
def test_a_failure_is_one_line_with_flinks_own_reason(
    get: Callable[[str, str], Any], answer: Answer, kind: type[Exception], message: str
) -> None:
    with serving(answer) as server, pytest.raises(kind) as caught:
        get(server.url, "jobs/1")
    assert type(caught.value) is kind
    assert str(caught.value) == f"Flink at {server.url}: {message}"
    assert caught.value.server is Server.FLINK  # type: ignore[attr-defined]


def test_a_flink_that_does_not_listen_is_unavailable(get: Callable[[str, str], Any]) -> None:
    with pytest.raises(UnavailableError, match=r"^Flink at 127\.0\.0\.1:1 did not answer: .+"):
        get("127.0.0.1:1", "overview")


def test_a_flink_that_hangs_is_given_up() -> None:
    def slow(_request: Request) -> Answer:
        released.wait(10)
        return Answer()

    released = threading.Event()
    with serving(slow) as server, FlinkRest(server.url, timeout=30, name="the SQL gateway") as flink:
        with pytest.raises(UnavailableError, match=r"the SQL gateway at .* did not answer: timed out"):
            flink.get("info", timeout=0.2)
        released.set()


@pytest.mark.parametrize(
    ("trace", "expected"),
    [
        (TRACE, "FlinkJobNotFoundException: Could not find Flink job (1)"),
        ("java.lang.RuntimeException: no\n\tat A", "RuntimeException: no"),
        ("", "no reason was given"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_the_root_cause_is_the_innermost_one(trace: str, expected: str) -> None:
    assert root_cause(trace) == expected

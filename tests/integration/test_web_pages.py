"""Web pages of other sites, in a browser on this machine: no HTTP port accepts their requests."""

import http.client
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from procstream_local import stack
from procstream_local.stack.home import Home
from procstream_local.stack.services import sql_gateway

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = "http://page.example"

# What a browser sends, by kind of page. HOST is that of the server.
PAGES: dict[str, dict[str, str]] = {
    "fetch from another origin": {"Origin": PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"},
    "another port of this machine": {"Origin": "http://127.0.0.1:3000", "Sec-Fetch-Site": "same-site"},
    "an old browser": {"Origin": PAGE},
    "a sandboxed frame or a file": {"Origin": "null"},
    "no-cors": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "a form": {"Origin": PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", **FORM},
    "a link": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    "a rebound name": {"Host": "page.example:{port}", "Origin": "http://page.example:{port}"},
    "a rebound name, without Origin": {"Host": "page.example:{port}"},
    "a rebound name, same origin": {"Host": "page.example", "Sec-Fetch-Site": "same-origin"},
    "the address of all interfaces": {"Host": "0.0.0.0:{port}", "Origin": "http://0.0.0.0:{port}"},
}
PATHS = {
    "flink-rest": ("/", "/overview", "/jars/upload", "/jobs", "/no-such-path"),
    "sql-gateway": ("/", "/info", "/v3/sessions", "/no-such-path"),
    "jobmanager-metrics": ("/", "/metrics", "/no-such-path"),
    "taskmanager-metrics": ("/", "/metrics", "/no-such-path"),
}


@pytest.fixture(scope="module")
def ports(home: Home) -> Mapping[str, int]:
    """The stack's HTTP ports, with every optional service."""
    return stack.start_optional(home, sql_gateway.NAME).ports


def answer(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes = b"{}"
) -> tuple[int, str]:
    """The status and the body of an answer. Nothing is added to `headers` but Host, if it is not in them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.format(port=port))
        if method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        else:
            body = b""
        connection.endheaders(body)
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


@pytest.mark.parametrize("name", PATHS)
def test_no_request_of_a_page_reaches_a_handler(ports: Mapping[str, int], name: str) -> None:
    reached = {
        (method, path, page): status
        for method, path, page in itertools.product(METHODS, PATHS[name], PAGES)
        if (status := answer(ports[name], method, path, PAGES[page])[0]) != 403
    }
    assert reached == {}


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost:{port}"},
        {"Origin": "http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"},
    ],
    ids=["curl", "localhost", "own page", "typed address"],
)
def test_own_requests_are_answered(ports: Mapping[str, int], name: str, headers: Mapping[str, str]) -> None:
    statuses = {path: answer(ports[name], "GET", path, headers)[0] for path in PATHS[name]}
    assert 403 not in statuses.values()
    assert 200 in statuses.values()


def test_a_refused_upload_is_never_on_disk(ports: Mapping[str, int], home: Home) -> None:
    def files() -> Iterator[Path]:
        return (path for path in (home.path / "flink" / "tmp").rglob("*") if "upload" in str(path))

    before = set(files())
    content = b"\r\n".join(
        [
            b"--frontier",
            b'Content-Disposition: form-data; name="jarfile"; filename="page.jar"',
            b"Content-Type: application/x-java-archive",
            b"",
            b"x" * (5 << 20),
            b"--frontier--",
            b"",
        ]
    )
    for path, page in itertools.product(("/jars/upload", "/jobs"), PAGES):
        headers = {**PAGES[page], "Content-Type": "multipart/form-data; boundary=frontier"}
        assert answer(ports["flink-rest"], "POST", path, headers, content)[0] == 403
    assert set(files()) <= before


def test_jars_cannot_be_uploaded_at_all(ports: Mapping[str, int]) -> None:
    assert answer(ports["flink-rest"], "POST", "/jars/upload", {})[0] in (404, 405)
    assert answer(ports["flink-rest"], "GET", "/jars", {})[0] == 404


def test_a_refusal_says_why_and_is_logged_once_a_minute(ports: Mapping[str, int], home: Home) -> None:
    status, body = answer(ports["flink-rest"], "GET", "/overview", {"Host": "page.example"})
    assert status == 403
    assert "procstream.rest.allowed-hosts" in body
    log = (home.logs / "jobmanager.log").read_text()
    lines = [line for line in log.splitlines() if "Refused " in line]
    assert 1 <= len(lines) <= 5
    assert "expected" in lines[0]

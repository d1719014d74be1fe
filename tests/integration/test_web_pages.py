"""Web pages of other sites, in a browser on this machine: no HTTP port accepts their requests."""

import http.client
import itertools
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest
from procstream_local import stack
from procstream_local.stack import processes
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
    "registry": (
        "/",
        "/apis/ccompat/v7/subjects",
        "/apis/ccompat/v7/subjects/page-value/versions",
        "/apis/registry/v3/groups/default/artifacts",
        "/health/ready",
        "/no-such-path",
    ),
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


def test_a_page_registers_and_deletes_no_schema(ports: Mapping[str, int]) -> None:
    schema = json.dumps({"schema": json.dumps("string")}).encode()
    subject = "/apis/ccompat/v7/subjects/of-a-page"
    own = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
    for page, content_type in itertools.product(PAGES, ("text/plain", "application/json")):
        headers = {**PAGES[page], "Content-Type": content_type}
        assert answer(ports["registry"], "POST", f"{subject}/versions", headers, schema)[0] == 403
    assert answer(ports["registry"], "GET", f"{subject}/versions", {})[0] == 404
    assert answer(ports["registry"], "POST", f"{subject}/versions", own, schema)[0] == 200
    for page in PAGES:
        assert answer(ports["registry"], "DELETE", subject, PAGES[page])[0] == 403
    assert answer(ports["registry"], "GET", f"{subject}/versions", {}) == (200, "[1]")
    assert answer(ports["registry"], "DELETE", subject, {})[0] == 200


def test_apicurio_behind_the_guard_speaks_tls_that_no_browser_trusts(ports: Mapping[str, int]) -> None:
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        answer(ports["apicurio"], "GET", "/apis/ccompat/v7/subjects", {})
    connection = http.client.HTTPSConnection("127.0.0.1", ports["apicurio"], timeout=20)
    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/apis/ccompat/v7/subjects")


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


@pytest.mark.usefixtures("ports")
def test_every_socket_of_the_stack_is_on_loopback_and_refuses_pages_if_it_speaks_http(home: Home) -> None:
    answers = {}
    for name, record in home.read().processes.items():
        process = processes.find(record)
        assert process is not None, name
        for member in (process, *process.children(recursive=True)):
            for listener in member.net_connections("inet"):
                if listener.status == psutil.CONN_LISTEN:
                    assert listener.laddr.ip.removeprefix("::ffff:") == "127.0.0.1", (name, listener)
                    answers[name, listener.laddr.port] = first_line(listener.laddr.port)
    assert {name for name, _ in answers} >= {"kafka", "registry", "apicurio", "jobmanager", "sql-gateway"}
    speaking_http = {socket: line for socket, line in answers.items() if line.startswith("HTTP/")}
    assert {name for name, _ in speaking_http} >= {"registry", "jobmanager", "sql-gateway"}
    assert {line.split()[1] for line in speaking_http.values()} == {"403"}, speaking_http


def first_line(port: int) -> str:
    """What a server answers to a request for another host; empty if it does not speak HTTP."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: page.example\r\nConnection: close\r\n\r\n")
            return connection.recv(1024).decode(errors="replace").partition("\r\n")[0]
    except OSError:  # closed, or silent: it waits for the rest of a message of its own protocol
        return ""

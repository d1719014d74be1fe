"""The stack and a real browser: pages of other sites reach no server, and Flink's own UI works."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import RegistrySettings, load
from procstream_local import stack
from procstream_local.stack.home import Home
from procstream_local.stack.services import sql_gateway
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.wait import WebDriverWait

from tests.integration import commands, flink
from tests.integration.servers import browser as browsers
from tests.integration.servers.browser import Request
from tests.integration.topics import MakeTopic
from tests.integration.waiting import until
from tests.unit.http_server import Answer, HttpServer, serving
from tests.unit.http_server import Request as Received

PAGE = Answer(200, "<html><body>a page</body></html>", "text/html")
REFUSED = Answer(400, {"errors": ["recorded"]})
SERVERS = ("flink-rest", "sql-gateway", "registry")
SUBJECTS = "/apis/ccompat/v7/subjects"
JSON = "application/json"
FORBIDDEN = 403


@dataclass(frozen=True)
class State:
    """What the attacks would change, read without the browser."""

    jobs: Mapping[str, str]
    """State by id."""
    subjects: frozenset[str]
    uploads: frozenset[Path]


def state_of(home: Home) -> State:
    jobs = flink.get(home, "jobs/overview")["jobs"]
    # Flink stores uploads in a folder of its own, with a random name.
    config = {entry["key"]: entry["value"] for entry in flink.get(home, "jobmanager/config")}
    folders = (Path(config["web.tmpdir"]), home.path / "flink" / "tmp" / "flink-web-upload")
    uploads = (path for folder in folders for path in folder.rglob("*"))
    with SchemaRegistry(load(RegistrySettings)) as registry:
        subjects = registry.subjects()
    return State({job["jid"]: job["state"] for job in jobs}, frozenset(subjects), frozenset(uploads))


@pytest.fixture(scope="module")
def ports(home: Home) -> Mapping[str, int]:
    return stack.start_optional(home, sql_gateway.NAME).ports


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with browsers.running() as started:
        yield started


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of another site's page."""
    with serving(PAGE) as server:
        yield f"http://page.example:{port_of(server)}/"


@dataclass(frozen=True)
class Jobs:
    """A job that runs, and what Flink's client sends to submit another one."""

    topic: str
    running: str
    """Its id."""
    submission: Request


@pytest.fixture(scope="module")
def jobs(home: Home, make_topic: MakeTopic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    topic = make_topic("browser", partitions=1)
    files = [tmp_path_factory.mktemp("browser") / f"{topic}-{name}.yaml" for name in ("runs", "recorded")]
    for file in files:
        source = {"topic": topic, "format": "avro"}
        file.write_text(
            yaml.safe_dump({"name": file.stem, "sources": {"records": source}, "sink": {"print": {}}})
        )
    flink_url = f"http://127.0.0.1:{home.read().ports['flink-rest']}"

    def forward(request: Received) -> Answer:
        """Flink's answer; the second job is not submitted."""
        submissions = [received for received in recorder.requests if received.method == "POST"]
        if len(submissions) > 1:
            return REFUSED
        headers = {"Content-Type": request.headers.get("content-type", JSON)}
        answer = httpx.request(
            request.method, flink_url + request.path, content=request.body, headers=headers, timeout=30
        )
        return Answer(answer.status_code, answer.text)

    with serving(forward) as recorder:
        address = recorder.url.removeprefix("http://")
        # One client for both: its start takes most of the time.
        commands.run(
            "procstream-job", "run", *map(str, files), "--parallelism", "1", "--flink-address", address
        )
    sent = [request for request in recorder.requests if request.method == "POST"][1]
    submission = Request("POST", "/jobs", sent.body, sent.headers["content-type"])
    (job,) = (job["jid"] for job in flink.get(home, "jobs/overview")["jobs"] if job["name"] == files[0].stem)
    until(lambda: flink.get(home, f"jobs/{job}")["state"] == "RUNNING", "a running job")
    yield Jobs(topic, job, submission)
    httpx.patch(f"{flink_url}/jobs/{job}?mode=cancel", timeout=10)


@pytest.fixture(scope="module")
def attacks(home: Home, jobs: Jobs) -> Mapping[str, tuple[Request, ...]]:
    """By server. The last ones of Flink end the running job."""
    schema = b'{"schema": "\\"string\\""}'
    applications = [
        found["id"]
        for found in flink.get(home, "applications/overview")["applications"]
        if found["status"] == "RUNNING"
    ]
    return {
        "flink-rest": (
            Request("GET", "/jobs/overview"),
            Request("POST", "/jars/upload", files={"jarfile": b"x" * (1 << 20)}),
            jobs.submission,
            *(Request("POST", f"/applications/{application}/cancel") for application in applications),
            Request("PATCH", f"/jobs/{jobs.running}?mode=cancel"),
            Request("GET", f"/jobs/{jobs.running}/yarn-cancel"),
        ),
        "sql-gateway": (
            Request("GET", "/info"),
            Request("POST", "/v3/sessions", b"{}"),
            Request("POST", "/v3/sessions", b"{}", JSON),
        ),
        "registry": (
            Request("GET", SUBJECTS),
            Request("POST", f"{SUBJECTS}/of-a-page/versions", schema),
            Request("POST", f"{SUBJECTS}/of-a-page/versions", schema, JSON),
            Request("POST", "/apis/registry/v2/groups/default/artifacts", b'"string"'),
            Request("DELETE", f"{SUBJECTS}/{jobs.topic}-value"),
        ),
    }


def port_of(server: HttpServer) -> int:
    return int(server.url.rpartition(":")[2])


def rebound(port: int) -> str:
    """The server itself, under the name of a page that was loaded from elsewhere before (DNS rebinding)."""
    return f"http://rebound.example:{port}/"


def test_the_same_requests_reach_a_server_that_accepts_them(
    browser: Chrome, site: str, attacks: Mapping[str, tuple[Request, ...]]
) -> None:
    requests = [request for of_server in attacks.values() for request in of_server]
    simple = {(request.method, request.path) for request in requests if len(request.ways) > 1}
    others = {("OPTIONS", request.path) for request in requests if len(request.ways) == 1}
    with serving(PAGE) as server:
        browser.get(site)
        for attack in requests:
            for way in attack.ways:
                assert browsers.send(browser, attack, server.url, way) == ""
        assert simple | others <= set(server.sent)
        assert {attack.body for attack in requests} <= {received.body for received in server.requests}

        server.requests.clear()
        browser.get(rebound(port_of(server)))
        for attack in requests:
            assert browsers.send(browser, attack, "").startswith("200 ")
        assert {(request.method, request.path) for request in requests} <= set(server.sent)


@pytest.mark.parametrize("server", SERVERS)
def test_a_page_of_another_site_changes_and_reads_nothing(
    browser: Chrome,
    site: str,
    ports: Mapping[str, int],
    home: Home,
    attacks: Mapping[str, tuple[Request, ...]],
    server: str,
) -> None:
    before = state_of(home)
    url = f"http://127.0.0.1:{ports[server]}"
    browser.get(site)
    read = [
        (str(request), way, answer)
        for request in attacks[server]
        for way in request.ways
        if (answer := browsers.send(browser, request, url, way))
    ]
    shown = [
        (str(request), status)
        for request in attacks[server]
        if request.method in browsers.WAYS
        and (status := browsers.navigate(browser, site, request, url)) != FORBIDDEN
    ]
    assert read == []
    assert shown == []
    assert state_of(home) == before


@pytest.mark.parametrize("server", SERVERS)
def test_a_page_whose_name_resolves_to_this_machine_changes_and_reads_nothing(
    browser: Chrome,
    ports: Mapping[str, int],
    home: Home,
    attacks: Mapping[str, tuple[Request, ...]],
    server: str,
) -> None:
    before = state_of(home)
    browser.get(rebound(ports[server]))
    answered = [
        (str(request), answer)
        for request in attacks[server]
        if not (answer := browsers.send(browser, request, "")).startswith(f"{FORBIDDEN} ")
    ]
    assert answered == []
    assert state_of(home) == before


def test_a_job_is_cancelled_in_the_ui(browser: Chrome, home: Home, jobs: Jobs) -> None:
    def click(xpath: str) -> None:
        wait = WebDriverWait(browser, browsers.SECONDS)
        wait.until(expected_conditions.element_to_be_clickable((By.XPATH, xpath))).click()

    name = flink.get(home, f"jobs/{jobs.running}")["name"]
    browser.get(f"http://127.0.0.1:{home.read().ports['flink-rest']}/#/job/running")
    click(f"//tr[contains(., '{name}')][contains(., 'RUNNING')]")
    click("//a[normalize-space()='Cancel Job']")
    click("//button[normalize-space()='Yes']")
    until(lambda: flink.get(home, f"jobs/{jobs.running}")["state"] == "CANCELED", "the job cancelled")

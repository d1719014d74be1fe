"""Behind a proxy that cannot be reached, servers on this machine still can."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator

import fsspec
import pytest
import yaml
from procstream_common import kubernetes, s3
from procstream_common.cli import run
from procstream_common.flink import AsyncFlinkRest, FlinkRest
from procstream_common.proxies import bypass_proxies, may_use_proxy
from procstream_common.registry import SchemaRegistry
from procstream_common.settings import RegistrySettings, S3Settings, load

from tests.unit.http_server import Answer, HttpServer, Request, serving

NOWHERE = "http://127.0.0.1:1"
VARIABLES = [name for upper in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY") for name in (upper, upper.lower())]
LISTING = (
    '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>lake</Name><Prefix>x</Prefix><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>"
    "<Contents><Key>x/file</Key><Size>3</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    '<ETag>"e"</ETag></Contents></ListBucketResult>'
)


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, NOWHERE)
    # Set first, so that they are restored also where the tested code sets them.
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


@pytest.fixture
def server() -> Iterator[HttpServer]:
    def answer(request: Request) -> Answer:
        if "list-type" in request.path:
            return Answer(200, LISTING, "application/xml")
        return Answer(200, [] if request.path.endswith("subjects") else {})

    with serving(answer) as running:
        yield running


def by_registry(url: str) -> None:
    with SchemaRegistry(load(RegistrySettings, {"SCHEMA_REGISTRY_URL": url})) as registry:
        registry.subjects()


def by_flink(url: str) -> None:
    with FlinkRest(url) as flink:
        flink.get("overview")


def by_async_flink(url: str) -> None:
    async def get() -> None:
        async with AsyncFlinkRest(url) as flink:
            await flink.get("overview")

    asyncio.run(get())


def by_s3(url: str) -> None:
    env = {
        "S3_ENDPOINT": url,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "eu-central-1",
    }
    fsspec.get_filesystem_class("s3").clear_instance_cache()  # the proxies of another test
    assert s3.filesystem(load(S3Settings, env)).find("lake/x") == ["lake/x/file"]


def by_s3_check(url: str) -> None:
    s3.check(load(S3Settings, {"S3_ENDPOINT": url}))


def by_kubeconfig(url: str) -> None:
    document = {
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "users": [{"name": "me", "user": {"token": "t"}}],
        "current-context": "here",
    }

    async def get() -> None:
        async with kubernetes.connected(field_manager="tester") as api:
            await api.request("list", "/api/v1/pods")

    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file, pytest.MonkeyPatch.context() as patch:
        yaml.safe_dump(document, file)
        file.flush()
        patch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", file.name)
        asyncio.run(get())


CLIENTS = [by_registry, by_flink, by_async_flink, by_s3, by_s3_check, by_kubeconfig]


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_librarys_user_reaches_a_server_on_this_machine(
    client: Callable[[str], None], host: str, server: HttpServer
) -> None:
    client(server.url.replace("127.0.0.1", host))
    assert server.requests


URLLIB = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"
HTTPX = "import sys, httpx; httpx.get(sys.argv[1]).raise_for_status()"
AIOHTTP = """
import asyncio, sys, aiohttp
async def get():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(sys.argv[1]) as response:
        response.raise_for_status()
asyncio.run(get())
"""
BOTO = """
import sys, boto3
boto3.client("s3", endpoint_url=sys.argv[1], aws_access_key_id="a", aws_secret_access_key="b",
    region_name="eu-central-1").list_objects_v2(Bucket="lake")
"""


@pytest.mark.parametrize(
    "program", [URLLIB, HTTPX, AIOHTTP, BOTO], ids=["urllib", "httpx", "aiohttp", "botocore"]
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_command_and_its_children_reach_a_server_on_this_machine(
    program: str, host: str, server: HttpServer
) -> None:
    def command() -> None:
        url = server.url.replace("127.0.0.1", host)
        subprocess.run([sys.executable, "-c", program, url], check=True, timeout=60)

    run(command)
    assert server.requests


@pytest.fixture
def proxied(server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> HttpServer:
    """The server as the proxy of the environment: it answers in place of every other server."""
    for name in VARIABLES:
        monkeypatch.setenv(name, server.url)
    return server


@pytest.mark.parametrize("command", [False, True], ids=["library", "command"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_a_server_elsewhere_is_reached_through_the_proxy(
    client: Callable[[str], None], command: bool, proxied: HttpServer
) -> None:
    if command:
        bypass_proxies()
    client("http://server.example.com:8080")
    assert {request.headers["Host"] for request in proxied.requests} == {"server.example.com:8080"}


@pytest.mark.parametrize("command", [False, True], ids=["library", "command"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_a_server_that_no_proxy_names_is_reached_directly(
    client: Callable[[str], None],
    variable: str,
    command: bool,
    server: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        "socket.getaddrinfo",
        lambda host, *args, **options: resolve(
            "127.0.0.1" if host in ("server.example.com", b"server.example.com") else host, *args, **options
        ),
    )
    monkeypatch.setenv(variable, "other.example.com,server.example.com")
    if command:
        bypass_proxies()
    client(server.url.replace("127.0.0.1", "server.example.com"))
    assert server.requests


def test_what_no_proxy_had_before_stays() -> None:
    env = {"NO_PROXY": "corp.example.com, localhost", "no_proxy": "10.0.0.1"}
    bypass_proxies(env)
    assert env["NO_PROXY"] == env["no_proxy"] == "corp.example.com,localhost,10.0.0.1,127.0.0.1,::1"
    bypass_proxies(env)
    assert env["NO_PROXY"] == "corp.example.com,localhost,10.0.0.1,127.0.0.1,::1"


def test_no_proxy_for_anything_stays() -> None:
    env = {"NO_PROXY": "*"}
    bypass_proxies(env)
    assert env == {"NO_PROXY": "*", "no_proxy": "*"}


def test_in_a_pod_the_api_server_needs_no_proxy() -> None:
    env = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    bypass_proxies(env)
    assert env["no_proxy"] == "localhost,127.0.0.1,::1,10.96.0.1"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8081", False),
        ("http://127.8.9.10", False),
        ("http://[::1]:80/x", False),
        ("https://localhost", False),
        ("http://flink.localhost:1", False),
        ("http://10.0.0.1", True),
        ("http://registry.example.com", True),
        ("http://localhost.example.com", True),
        ("http://[fd00::1]", True),
    ],
)
def test_loopback_is_what_names_this_machine(url: str, expected: bool) -> None:
    assert may_use_proxy(url) is expected


def test_an_address_of_ipv6_is_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    bypass_proxies()
    with socket.socket(socket.AF_INET6) as listener:
        try:
            listener.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6")
        listener.listen()
        port = listener.getsockname()[1]
        with (
            FlinkRest(f"http://[::1]:{port}", timeout=0.2) as flink,
            pytest.raises(Exception, match="timed out"),
        ):
            flink.get("overview")  # connected: it waits for an answer
    assert os.environ["no_proxy"].count("::1") == 1

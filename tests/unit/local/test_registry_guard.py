"""The guard before the registry: a real server and client, and a registry behind it that is not real."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from procstream_local.registry_guard import RegistryGuard
from yarl import URL

from tests.unit.http_server import Answer, HttpServer, serving

Ask = Callable[[aiohttp.ClientSession, str], Awaitable[None]]


def guarded(apicurio: str, ask: Ask) -> None:
    """Calls `ask` with a client and the guard's URL."""

    async def run() -> None:
        async with aiohttp.ClientSession() as behind, aiohttp.ClientSession() as client:
            app = web.Application()
            app.router.add_route("*", "/{path:.*}", RegistryGuard(behind, apicurio).handle)
            async with TestServer(app) as server:
                await ask(client, str(server.make_url("")).rstrip("/"))

    asyncio.run(run())


@pytest.fixture
def registry() -> Iterator[HttpServer]:
    with serving(Answer(201, {"id": 7}, "application/vnd.schemaregistry.v1+json")) as server:
        yield server


def test_requests_and_answers_are_passed_on(registry: HttpServer) -> None:
    async def ask(client: aiohttp.ClientSession, url: str) -> None:
        headers = {"Content-Type": "application/vnd.schemaregistry.v1+json", "Origin": url}
        path = "/subjects/a%2Fb%3A-value/versions?normalize=true"
        async with client.post(
            URL(f"{url}{path}", encoded=True), data=b'{"schema": "x"}', headers=headers
        ) as answer:
            assert (answer.status, await answer.json(content_type=None)) == (201, {"id": 7})
            assert answer.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"

    guarded(registry.url, ask)
    [request] = registry.requests
    assert (request.method, request.path) == ("POST", "/subjects/a%2Fb%3A-value/versions?normalize=true")
    assert request.body == b'{"schema": "x"}'
    assert request.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "headers", [{"Host": "page.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}], ids=str
)
def test_requests_of_web_pages_reach_no_registry(
    registry: HttpServer, method: str, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def ask(client: aiohttp.ClientSession, url: str) -> None:
        for _ in range(3):
            async with client.request(method, f"{url}/subjects", headers=headers) as answer:
                assert answer.status == 403

    guarded(registry.url, ask)
    assert registry.requests == []
    assert (
        len([one for one in caplog.records if one.message.startswith(f"refused {method} '/subjects'")]) == 1
    )


@pytest.mark.parametrize("target", ["@page.example/x", "http://page.example/x", "*"])
def test_a_target_that_is_no_path_goes_nowhere(registry: HttpServer, target: str) -> None:
    async def ask(_client: aiohttp.ClientSession, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"OPTIONS {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).split()[1] in (b"400", b"404")
        writer.close()

    guarded(registry.url, ask)
    assert registry.requests == []


def test_a_registry_that_does_not_answer_is_unavailable() -> None:
    async def ask(client: aiohttp.ClientSession, url: str) -> None:
        async with client.get(f"{url}/subjects") as answer:
            assert answer.status == 503
            assert "does not answer" in (await answer.json())["message"]

    guarded("http://127.0.0.1:1", ask)

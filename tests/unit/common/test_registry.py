"""The lookup client against a registry's answers (httpx's own mock transport: no network)."""

import functools
from collections.abc import Callable, Iterator

import httpx
import pytest
from procstream_common import registry as registry_module
from procstream_common.registry import RegistryRefused, RegistryUnavailable, SchemaNotFound, SchemaRegistry
from procstream_common.settings import RegistrySettings, load

Answer = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], SchemaRegistry]:
    def answering(answer: Answer) -> SchemaRegistry:
        client = functools.partial(httpx.Client, transport=httpx.MockTransport(answer))
        monkeypatch.setattr("procstream_common.registry.httpx.Client", client)
        env = {
            "SCHEMA_REGISTRY_URL": "http://registry/apis/ccompat/v7",
            "SCHEMA_REGISTRY_USERNAME": "alice",
            "SCHEMA_REGISTRY_PASSWORD": "s3cret",
        }
        return SchemaRegistry(load(RegistrySettings, env))

    return answering


def refused(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("Connection refused")


def test_the_latest_schema_of_a_subject(registry: Callable[[Answer], SchemaRegistry]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/apis/ccompat/v7/subjects/a%2Fb-value/versions/latest"
        assert request.headers["Authorization"] == "Basic YWxpY2U6czNjcmV0"
        return httpx.Response(200, json={"subject": "a/b-value", "id": 7, "version": 2, "schema": '"long"'})

    found = registry(answer).latest("a/b-value")
    assert (found.id, found.version, found.schema_text) == (7, 2, '"long"')


def test_a_schema_by_its_id(registry: Callable[[Answer], SchemaRegistry]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/apis/ccompat/v7/schemas/ids/7"
        return httpx.Response(200, json={"schema": '"long"'})

    assert registry(answer).by_id(7) == '"long"'


def test_what_is_not_registered_is_named(registry: Callable[[Answer], SchemaRegistry]) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"error_code": 40401, "message": "no"})

    with pytest.raises(SchemaNotFound, match="subject 'x-value' is not registered"):
        registry(answer).wait_for_schema("x-value", timeout=60)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_registry_that_cannot_answer_now_is_unavailable(
    registry: Callable[[Answer], SchemaRegistry], status: int
) -> None:
    with pytest.raises(RegistryUnavailable, match=rf"answer {status}"):
        registry(lambda _: httpx.Response(status)).by_id(1)


def test_a_registry_that_does_not_answer_is_unavailable(registry: Callable[[Answer], SchemaRegistry]) -> None:
    with pytest.raises(RegistryUnavailable, match=r"http://registry/apis/ccompat/v7: .*Connection refused"):
        registry(refused).latest("x-value")


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.Response(401), "SCHEMA_REGISTRY_USERNAME"),
        (httpx.Response(404, text="<html>"), "expected the base URL"),
        (httpx.Response(200, text="<html>"), "the answer is no schema"),
        (httpx.Response(200, json={"id": "x"}), "the answer is no schema"),
        (httpx.Response(302), "expected the base URL"),
    ],
)
def test_what_no_waiting_changes_is_refused_at_once(
    registry: Callable[[Answer], SchemaRegistry], response: httpx.Response, message: str
) -> None:
    with pytest.raises(RegistryRefused, match=message) as caught:
        registry(lambda _: response).wait_for_schema("x-value", timeout=60)
    assert "s3cret" not in str(caught.value)


def test_waiting_ends_when_the_registry_is_there(
    registry: Callable[[Answer], SchemaRegistry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry_module, "RETRY_SECONDS", 0.0)
    answers: Iterator[Answer] = iter(
        [refused, refused, lambda _: httpx.Response(200, json={"id": 1, "version": 1, "schema": "s"})]
    )
    assert registry(lambda request: next(answers)(request)).wait_for_schema("x-value", timeout=5).id == 1


def test_waiting_has_an_end(registry: Callable[[Answer], SchemaRegistry]) -> None:
    with pytest.raises(RegistryUnavailable, match=r"Connection refused; tried for 0 s"):
        registry(refused).wait_for_schema("x-value", timeout=0)

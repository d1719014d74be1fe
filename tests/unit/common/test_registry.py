"""The client of the registry, against a registry's answers."""

import functools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from procstream_common import registry as registry_module
from procstream_common.errors import NotFoundError, RefusedError, Server, UnavailableError
from procstream_common.registry import Reference, SchemaRefusedError, SchemaRegistry
from procstream_common.settings import RegistrySettings, load

from tests.unit import http_server
from tests.unit.http_server import Request, serving

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


def test_the_newest_versions_of_a_subject(registry: Callable[[Answer], SchemaRegistry]) -> None:
    schemas = {
        "2": {"id": 7, "version": 2, "schema": '"int"', "references": []},
        "4": {"id": 9, "version": 4, "schema": '"long"', "references": [{"name": "a"}]},
        "5": {"id": 10, "version": 5, "schema": "{}", "schemaType": "JSON"},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        number = request.url.path.removeprefix("/apis/ccompat/v7/subjects/a-value/versions").strip("/")
        if not number:
            return httpx.Response(200, json=[1, 2, 3, 4, 5])
        if number == "3":
            return httpx.Response(404, json={"error_code": 40402, "message": "deleted since"})
        return httpx.Response(200, json=schemas[number])

    found = registry(answer).versions("a-value", most=4)
    assert [(one.id, one.schema_text, one.is_avro_alone) for one in found] == [
        (7, '"int"', True),
        (9, '"long"', False),
        (10, "{}", False),
    ]


def test_a_schema_by_its_id(registry: Callable[[Answer], SchemaRegistry]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/apis/ccompat/v7/schemas/ids/7"
        return httpx.Response(200, json={"schema": '"long"'})

    assert registry(answer).by_id(7) == '"long"'


def test_what_is_not_registered_is_named(registry: Callable[[Answer], SchemaRegistry]) -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(404, json={"error_code": 40401, "message": "no"})

    with pytest.raises(NotFoundError, match="subject 'x-value' is not registered"):
        registry(answer).wait_for_schema("x-value", timeout=60)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_registry_that_cannot_answer_now_is_unavailable(
    registry: Callable[[Answer], SchemaRegistry], status: int
) -> None:
    with pytest.raises(UnavailableError, match=rf"answer {status}"):
        registry(lambda _: httpx.Response(status)).by_id(1)


def test_a_registry_that_does_not_answer_is_unavailable(registry: Callable[[Answer], SchemaRegistry]) -> None:
    with pytest.raises(UnavailableError, match=r"http://registry/apis/ccompat/v7: .*Connection refused"):
        registry(refused).latest("x-value")


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (httpx.Response(401), "SCHEMA_REGISTRY_USERNAME"),
        (httpx.Response(404, text="<html>"), "expected the base URL"),
        (httpx.Response(200, text="<html>"), "the answer is not a registry's"),
        (httpx.Response(200, json={"id": "x"}), "the answer is not a registry's"),
        (httpx.Response(302), "expected the base URL"),
    ],
)
def test_what_no_waiting_changes_is_refused_at_once(
    registry: Callable[[Answer], SchemaRegistry], response: httpx.Response, message: str
) -> None:
    with pytest.raises(RefusedError, match=message) as caught:
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
    with pytest.raises(UnavailableError, match=r"Connection refused; tried for 0 s"):
        registry(refused).wait_for_schema("x-value", timeout=0)


def client(url: str) -> SchemaRegistry:
    return SchemaRegistry(
        load(RegistrySettings, {"SCHEMA_REGISTRY_URL": f"{url}/apis/ccompat/v7"}), timeout=5
    )


CALLS: dict[str, Callable[[SchemaRegistry], object]] = {
    "subjects": lambda registry: registry.subjects(),
    "latest": lambda registry: registry.latest("a/b"),
    "versions": lambda registry: registry.versions("a/b", most=5),
    "by_id": lambda registry: registry.by_id(3),
    "find": lambda registry: registry.find("a/b", "{}", "JSON", [Reference("r", "other", 2)]),
    "register": lambda registry: registry.register("a/b", "{}", "JSON", [Reference("r", "other", 2)]),
    "compatibility": lambda registry: registry.compatibility("a/b"),
    "set_compatibility": lambda registry: registry.set_compatibility("a/b", "FULL"),
    "delete": lambda registry: registry.delete("a/b", permanent=False),
    "delete for good": lambda registry: registry.delete("a/b", permanent=True),
}
SUBJECT = "/apis/ccompat/v7/subjects/a%2Fb"
SCHEMA = {
    "schema": "{}",
    "schemaType": "JSON",
    "references": [{"name": "r", "subject": "other", "version": 2}],
}


@pytest.mark.parametrize(
    ("call", "method", "path", "body", "answer", "expected"),
    [
        ("subjects", "GET", "/apis/ccompat/v7/subjects", None, ["a", "b"], ["a", "b"]),
        ("register", "POST", f"{SUBJECT}/versions", SCHEMA, {"id": 5}, 5),
        (
            "compatibility",
            "GET",
            "/apis/ccompat/v7/config/a%2Fb",
            None,
            {"compatibilityLevel": "FULL"},
            "FULL",
        ),
        ("set_compatibility", "PUT", "/apis/ccompat/v7/config/a%2Fb", {"compatibility": "FULL"}, {}, None),
        ("delete", "DELETE", SUBJECT, None, [1, 2], None),
        ("delete for good", "DELETE", f"{SUBJECT}?permanent=true", None, [1, 2], None),
    ],
)
def test_each_call_is_one_request(
    call: str, method: str, path: str, body: object, answer: object, expected: object
) -> None:
    with serving(http_server.Answer(200, answer)) as server, client(server.url) as registry:
        assert CALLS[call](registry) == expected
    [request] = server.requests
    assert (request.method, request.path) == (method, path)
    assert (request.json if request.body else None) == body
    if body is not None:
        assert request.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"


def test_a_schema_is_found_under_its_subject() -> None:
    answer = http_server.Answer(200, {"subject": "a/b", "id": 7, "version": 2, "schema": "{}"})
    with serving(answer) as server, client(server.url) as registry:
        found = registry.find("a/b", "{}", "JSON", [Reference("r", "other", 2)])
    assert found is not None
    assert (found.id, found.version) == (7, 2)
    assert server.sent == [("POST", SUBJECT)]
    assert server.requests[0].json == SCHEMA


def test_a_subject_without_the_schema_differs_from_an_absent_one() -> None:
    for code, absent in ((40403, False), (40401, True)):
        answer = http_server.Answer(404, {"error_code": code, "message": "no"})
        with serving(answer) as server, client(server.url) as registry:
            if absent:
                with pytest.raises(NotFoundError, match="subject 'a/b' is not registered"):
                    registry.find("a/b", "{}")
            else:
                assert registry.find("a/b", "{}") is None


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http_server.HTML, RefusedError),
        (http_server.EMPTY, RefusedError),
        (http_server.Answer(404, {"error_code": 404, "message": "HTTP 404 Not Found"}), RefusedError),
        (http_server.Answer(200, "<html>", "text/html"), RefusedError),
        (http_server.Answer(200, ""), RefusedError),
        (http_server.Answer(302, ""), RefusedError),
        (http_server.Answer(401, {"error_code": 401, "message": "who?"}), RefusedError),
        (http_server.Answer(403, "", "text/plain"), RefusedError),
        (http_server.Answer(500, {"error_code": 50001, "message": "store"}), UnavailableError),
        (http_server.Answer(503, "<html>", "text/html"), UnavailableError),
        (http_server.Answer(429, ""), UnavailableError),
    ],
    ids=lambda value: getattr(value, "__name__", None) or f"{value.status} {str(value.body)[:20]}",
)
def test_what_no_registry_answers_never_means_that_something_is_absent(
    call: str, answer: http_server.Answer, kind: type[Exception]
) -> None:
    with serving(answer) as server, client(server.url) as registry, pytest.raises(kind) as caught:
        CALLS[call](registry)
    assert type(caught.value) is kind
    assert caught.value.server is Server.REGISTRY  # type: ignore[attr-defined]
    assert server.url in str(caught.value)


@pytest.mark.parametrize("call", ["latest", "by_id", "find", "compatibility", "set_compatibility", "delete"])
@pytest.mark.parametrize("code", [40401, 40404, 40408])
def test_only_a_registrys_own_code_means_that_something_is_absent(call: str, code: int) -> None:
    answer = http_server.Answer(404, {"error_code": code, "message": "no"})
    with serving(answer) as server, client(server.url) as registry, pytest.raises(NotFoundError):
        CALLS[call](registry)


@pytest.mark.parametrize(
    ("status", "code", "incompatible"), [(409, 409, True), (422, 42201, False), (404, 40402, False)]
)
def test_a_refused_schema_has_the_registrys_reason(status: int, code: int, incompatible: bool) -> None:
    answer = http_server.Answer(status, {"error_code": code, "message": "field x is missing"})
    with (
        serving(answer) as server,
        client(server.url) as registry,
        pytest.raises(SchemaRefusedError) as caught,
    ):
        registry.register("orders-value", "{}")
    assert str(caught.value) == "subject orders-value: the registry refused the schema: field x is missing"
    assert caught.value.incompatible is incompatible


def test_a_registry_that_hangs_is_given_up() -> None:
    def slow(_request: Request) -> http_server.Answer:
        released.wait(10)
        return http_server.Answer()

    released = threading.Event()
    with serving(slow) as server:
        settings = load(RegistrySettings, {"SCHEMA_REGISTRY_URL": server.url})
        with (
            SchemaRegistry(settings, timeout=0.2) as registry,
            pytest.raises(UnavailableError, match="timed out"),
        ):
            registry.subjects()
        released.set()


def test_certificates_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "nonsense.pem").write_text("nonsense")
    file = str(tmp_path / "nonsense.pem")
    env = {"SCHEMA_REGISTRY_URL": "https://registry", "SCHEMA_REGISTRY_SSL_CA_LOCATION": file}
    with pytest.raises(RefusedError, match=r"SCHEMA_REGISTRY_SSL_CA_LOCATION: found .*nonsense\.pem"):
        SchemaRegistry(load(RegistrySettings, env))
    env = {
        "SCHEMA_REGISTRY_URL": "https://registry",
        "SCHEMA_REGISTRY_SSL_CERTIFICATE_LOCATION": file,
        "SCHEMA_REGISTRY_SSL_KEY_LOCATION": file,
    }
    with pytest.raises(
        RefusedError, match=r"SCHEMA_REGISTRY_SSL_CERTIFICATE_LOCATION: found .*nonsense\.pem"
    ):
        SchemaRegistry(load(RegistrySettings, env))

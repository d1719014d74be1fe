"""The API server, against a real HTTP server."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from procstream_common import kubernetes
from procstream_common.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    Server,
    SettingsError,
    UnavailableError,
)
from procstream_common.kubernetes import ApiServer, ForbiddenError, connected, path_of

from tests.unit import http_server
from tests.unit.http_server import Answer, HttpServer, serving

PATH = path_of("apps/v1", "ns", "daemonsets", "proc")


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`ask(server, call)`: what `call` returns for an API server that a kubeconfig names."""

    def asked(server: HttpServer, call: Callable[[ApiServer], Awaitable[Any]], **options: Any) -> Any:
        async def connect() -> Any:
            async with connected(field_manager="tester", **options) as api:
                return await call(api)

        use_kubeconfig(tmp_path, monkeypatch, {"first": server.url, "second": "http://127.0.0.1:1"})
        return asyncio.run(connect())

    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    return asked


def use_kubeconfig(
    folder: Path, monkeypatch: pytest.MonkeyPatch, urls: dict[str, str], **cluster: str
) -> None:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url, **cluster}} for name, url in urls.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in urls],
        "users": [{"name": "me", "user": {"token": "t0ken"}}],
        "current-context": next(iter(urls)),
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))


@pytest.mark.parametrize(
    ("verb", "body", "method", "path", "content_type"),
    [
        ("get", None, "GET", PATH, None),
        ("list", None, "GET", PATH, None),
        ("create", {"a": 1}, "POST", PATH, "application/json"),
        ("update", {"a": 1}, "PUT", PATH, "application/json"),
        ("patch", {"a": None}, "PATCH", f"{PATH}?fieldManager=tester", "application/merge-patch+json"),
        (
            "apply",
            {"a": 1},
            "PATCH",
            f"{PATH}?fieldManager=tester&force=true",
            "application/apply-patch+yaml",
        ),
        ("delete", None, "DELETE", PATH, None),
    ],
)
def test_each_verb_is_a_method_with_its_content_type(
    ask: Callable[..., Any], verb: Any, body: Any, method: str, path: str, content_type: str | None
) -> None:
    with serving(Answer(200, {"kind": "DaemonSet"})) as server:
        assert ask(server, lambda api: api.request(verb, PATH, body)) == {"kind": "DaemonSet"}
    [request] = server.requests
    assert (request.method, request.path) == (method, path)
    assert request.headers.get("Content-Type") == content_type
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert request.headers["Accept"] == "application/json"
    assert (request.json if request.body else None) == body


def test_a_query_and_what_is_accepted_are_sent(ask: Callable[..., Any]) -> None:
    with serving(Answer(200, {})) as server:
        ask(server, lambda api: api.request("list", PATH, query={"labelSelector": "a=b"}, accept="text/x"))
    [request] = server.requests
    assert request.path == f"{PATH}?labelSelector=a%3Db"
    assert request.headers["Accept"] == "text/x"


def test_requests_are_counted_by_verb_and_plural_without_names(ask: Callable[..., Any]) -> None:
    counted: list[tuple[str, str]] = []
    paths = [
        path_of("v1", "ns", "services", "a"),
        path_of("apps/v1", "", "daemonsets"),
        f"{path_of('procstream.io/v1alpha1', 'ns', 'topics', 'orders')}/status",
    ]

    async def all_of(api: ApiServer) -> None:
        for path in paths:
            await api.request("get", path)

    with serving(Answer(200, {})) as server:
        ask(server, all_of, count=lambda verb, plural: counted.append((verb, plural)))
    assert counted == [("get", "services"), ("get", "daemonsets"), ("get", "topics/status")]


STATUS = {"kind": "Status", "message": "because of this"}


@pytest.mark.parametrize("body", ["status", "plain text", "empty", "list"])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, UnavailableError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, RefusedError),
        (422, RefusedError),
        (429, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
def test_an_error_follows_from_the_status_whatever_the_body(
    ask: Callable[..., Any], status: int, kind: type[Exception], body: str
) -> None:
    bodies: dict[str, Any] = {"status": STATUS, "plain text": "404 page not found\n", "empty": "", "list": []}
    reasons = {"status": "because of this", "plain text": "404 page not found"}
    with serving(Answer(status, bodies[body], "text/plain")) as server, pytest.raises(kind) as caught:
        ask(server, lambda api: api.request("get", PATH))
    assert type(caught.value) is kind
    assert caught.value.server is Server.KUBERNETES  # type: ignore[attr-defined]
    assert f"get {PATH}" in str(caught.value)
    assert f"(status {status})" in str(caught.value)
    assert reasons.get(body, "") in str(caught.value)


def test_a_kind_whose_definition_is_not_installed_is_not_found(ask: Callable[..., Any]) -> None:
    absent = path_of("flink.apache.org/v1beta1", "ns", "flinkdeployments")
    with serving(Answer(404, "404 page not found\n", "text/plain")) as server, pytest.raises(NotFoundError):
        ask(server, lambda api: api.request("list", absent))


@pytest.mark.parametrize("answer", [Answer(200, "<html>", "text/html"), Answer(200, ""), Answer(200, [1])])
def test_what_is_no_object_is_refused(ask: Callable[..., Any], answer: Answer) -> None:
    with serving(answer) as server, pytest.raises(RefusedError, match=f"get {PATH}"):
        ask(server, lambda api: api.request("get", PATH))


def test_a_service_behind_it_may_answer_any_json(ask: Callable[..., Any]) -> None:
    with serving(Answer(200, [1, 2])) as server:
        assert ask(server, lambda api: api.answer("get", PATH)) == [1, 2]


def test_an_api_server_that_does_not_listen_is_unavailable(ask: Callable[..., Any]) -> None:
    with serving(http_server.EMPTY) as server, pytest.raises(UnavailableError, match="did not answer list"):
        ask(server, lambda api: api.request("list", PATH), context="second")
    assert not server.requests


def test_a_context_that_is_not_in_the_kubeconfig_is_a_wrong_setting(ask: Callable[..., Any]) -> None:
    with serving(http_server.EMPTY) as server, pytest.raises(SettingsError, match="no Kubernetes cluster"):
        ask(server, lambda api: api.request("list", PATH), context="absent")


def test_without_a_cluster_one_is_named_as_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def connect() -> None:
        async with connected(field_manager="tester"):
            raise AssertionError("connected to nothing")

    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(
        "kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "absent")
    )
    with pytest.raises(SettingsError, match="expected a pod's service account or KUBECONFIG"):
        asyncio.run(connect())


@pytest.fixture
def service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "namespace").write_text("ns-of-the-pod")
    monkeypatch.setattr(kubernetes, "_SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile: authorities.append(cafile) or NO_TLS)
    authorities: list[str] = []
    return tmp_path


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def test_in_a_pod_it_is_the_service_account_whose_token_may_change(
    service_account: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    access = kubernetes._service_account()
    assert access is not None
    assert access.url == "https://[fd00::1]:443"
    assert not access.may_use_proxy
    assert access.authorization() == "Bearer first"
    (service_account / "token").write_text("second")
    assert access.authorization() == "Bearer second"
    assert kubernetes.service_account_namespace() == "ns-of-the-pod"


def test_outside_a_pod_there_is_no_namespace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "_SERVICE_ACCOUNT", tmp_path)
    with pytest.raises(SettingsError, match="expected a pod's service account"):
        kubernetes.service_account_namespace()


def test_a_kubeconfigs_proxy_certificates_and_name_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    use_kubeconfig(
        tmp_path,
        monkeypatch,
        {"one": "https://api.example.com"},
        **{"proxy-url": "http://proxy.example.com:3128", "tls-server-name": "kubernetes"},
    )
    access = kubernetes._kubeconfig(None)
    assert access.proxy == "http://proxy.example.com:3128"
    assert access.tls_server_name == "kubernetes"
    assert isinstance(access.tls, ssl.SSLContext)
    assert access.tls.verify_mode is ssl.CERT_REQUIRED


def test_an_unverified_cluster_is_not_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_kubeconfig(tmp_path, monkeypatch, {"one": "https://api"}, **{"insecure-skip-tls-verify": True})  # type: ignore[arg-type]
    access = kubernetes._kubeconfig(None)
    assert isinstance(access.tls, ssl.SSLContext)
    assert access.tls.verify_mode is ssl.CERT_NONE
    assert access.proxy is None


def test_paths() -> None:
    assert path_of("v1", "ns", "pods") == "/api/v1/namespaces/ns/pods"
    assert path_of("apps/v1", "", "daemonsets", "a") == "/apis/apps/v1/daemonsets/a"

"""The Kubernetes API server, in plain JSON.

In a pod the service account has the credentials. Elsewhere a kubeconfig has them. The official client reads
it, including plugins and renewed tokens, which needs `procstream-common[kubernetes]`. Requests are sent with
httpx, because the official client takes 75 MB on disk and 50 MB of memory: too much for the few requests of
the operator and of the image of pipelines.
"""

import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import httpx

from procstream_common.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    Server,
    ServerError,
    SettingsError,
    UnavailableError,
)
from procstream_common.proxies import may_use_proxy

if TYPE_CHECKING:
    from kubernetes.client import Configuration

_REQUEST_SECONDS = 15.0
_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

Verb = Literal["get", "list", "create", "update", "patch", "apply", "delete"]
_METHODS: Mapping[Verb, str] = {
    "get": "GET",
    "list": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "apply": "PATCH",
    "delete": "DELETE",
}
_CONTENT_TYPES: Mapping[Verb, str] = {
    "patch": "application/merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class ForbiddenError(RefusedError):
    """The Role of the service account, or of the user, does not allow the request."""


_ERRORS: Mapping[int, type[ServerError]] = {
    HTTPStatus.UNAUTHORIZED: UnavailableError,  # also the answer when it cannot check a token at the moment
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: UnavailableError,
}


@dataclass(frozen=True)
class _Access:
    """The address of the API server, and the credentials."""

    url: str
    tls: ssl.SSLContext | bool
    authorization: Callable[[], str | None]
    """The header's value, read for each request, because tokens change while a process runs."""
    may_use_proxy: bool
    proxy: str | None = None
    tls_server_name: str | None = None


@asynccontextmanager
async def connected(
    *, field_manager: str, context: str | None = None, count: Callable[[str, str], None] | None = None
) -> AsyncIterator["ApiServer"]:
    """The API server, by the pod's service account, or outside a pod by a context of the kubeconfig.

    `context` is the name of a context, by default the current one. `count` is called with the verb and the
    plural of every request. Raises `SettingsError` when no cluster is configured.
    """
    access = _service_account() or _kubeconfig(context)
    client = httpx.AsyncClient(
        base_url=access.url, verify=access.tls, trust_env=access.may_use_proxy, proxy=access.proxy
    )
    async with client:
        yield ApiServer(client, access, field_manager, count)


def service_account_namespace() -> str:
    """The namespace of this pod. Raises `SettingsError` outside a pod."""
    try:
        return (_SERVICE_ACCOUNT / "namespace").read_text().strip()
    except OSError:
        raise SettingsError(
            f"found no {_SERVICE_ACCOUNT}/namespace, expected a pod's service account"
        ) from None


class ApiServer:
    """The API server; `field_manager` owns the fields that it sets."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        access: _Access,
        field_manager: str,
        count: Callable[[str, str], None] | None,
    ) -> None:
        self._client = client
        self._access = access
        self._field_manager = field_manager
        self._count = count

    async def request(
        self,
        verb: Verb,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
        timeout: float = _REQUEST_SECONDS,
    ) -> dict[str, Any]:
        """The object of the answer; see `answer`."""
        found = await self.answer(verb, path, body, query=query, accept=accept, timeout=timeout)
        if not isinstance(found, dict):
            raise RefusedError(
                Server.KUBERNETES,
                f"{Server.KUBERNETES} answered {verb} {path} with {found!r}, expected an object",
            )
        return found

    async def answer(
        self,
        verb: Verb,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
        timeout: float = _REQUEST_SECONDS,
        host: str | None = None,
    ) -> Any:
        """The JSON of the answer. A service behind the API server may return any JSON value.

        `path` is what follows the server's address, `timeout` is in seconds. `patch` is a JSON merge patch
        (RFC 7386), `apply` a server-side apply. `host` replaces the header `Host`, which the API server
        passes on to a service behind it.

        Raises:
            UnavailableError: no answer, or it cannot answer now.
            ForbiddenError: the Role does not allow it.
            NotFoundError: there is no such resource or kind.
            ConflictError: the resource changed after it was read, or exists already.
            RefusedError: the request is invalid.
        """
        if self._count is not None:
            self._count(verb, _plural_of(path))
        parameters = dict(query or {})
        if verb in ("patch", "apply"):
            parameters["fieldManager"] = self._field_manager
        if verb == "apply":
            parameters["force"] = "true"
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = _CONTENT_TYPES.get(verb, "application/json")
        if (authorization := self._access.authorization()) is not None:
            headers["Authorization"] = authorization
        if host is not None:
            headers["Host"] = host
        name = self._access.tls_server_name
        try:
            response = await self._client.request(
                _METHODS[verb],
                path,
                params=parameters,
                json=body,
                headers=headers,
                timeout=timeout,
                extensions={"sni_hostname": name} if name else {},
            )
        except httpx.HTTPError as error:
            cause = str(error) or type(error).__name__
            raise UnavailableError(
                Server.KUBERNETES, f"{Server.KUBERNETES} did not answer {verb} {path}: {cause}"
            ) from None
        if response.is_success:
            return _json(response, verb, path)
        raise _failure(response, verb, path)


def path_of(group_version: str, namespace: str, plural: str, name: str | None = None) -> str:
    """The path of a resource or of a kind; `v1` is the core group, an empty namespace means all."""
    root = "/api/v1" if group_version == "v1" else f"/apis/{group_version}"
    parts = [root, *(["namespaces", namespace] if namespace else []), plural, *([name] if name else [])]
    return "/".join(parts)


def _plural_of(path: str) -> str:
    """The plural in a path, with the subresource, without names."""
    parts = path.removeprefix("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] == "namespaces":
        parts = parts[2:]
    return "/".join([parts[0], *parts[2:]])


def _json(response: httpx.Response, verb: Verb, path: str) -> Any:
    try:
        return response.json()
    except ValueError:
        raise RefusedError(
            Server.KUBERNETES,
            f"{Server.KUBERNETES} answered {verb} {path} with no JSON: {_start(response)!r}",
        ) from None


def _failure(response: httpx.Response, verb: Verb, path: str) -> ServerError:
    """The body is a `Status`, or plain text, for example for a kind whose CRD is not installed."""
    down = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = _ERRORS.get(response.status_code, UnavailableError if down else RefusedError)
    try:
        body = response.json()
    except ValueError:
        body = None
    given = body.get("message") if isinstance(body, dict) else None
    cause = given or _start(response) or response.reason_phrase
    return kind(
        Server.KUBERNETES,
        f"{Server.KUBERNETES} refused to {verb} {path}: {cause} (status {response.status_code})",
    )


def _start(response: httpx.Response) -> str:
    return " ".join(response.text[:200].split())


def _service_account() -> _Access | None:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    token = _SERVICE_ACCOUNT / "token"
    if not host or not port or not token.is_file():
        return None
    return _Access(
        url=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        tls=ssl.create_default_context(cafile=str(_SERVICE_ACCOUNT / "ca.crt")),
        authorization=lambda: f"Bearer {token.read_text().strip()}",
        may_use_proxy=False,
    )


def _kubeconfig(context: str | None) -> _Access:
    expected = "expected a pod's service account or KUBECONFIG"
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import ConfigException, load_kube_config
    except ImportError:
        raise SettingsError(
            f"no Kubernetes cluster: {expected}; "
            "a kubeconfig needs `pip install 'procstream-common[kubernetes]'`"
        ) from None
    logging.getLogger("kubernetes").addHandler(logging.NullHandler())  # errors are raised, not printed
    # An empty proxy: the default is the environment's, which ignores NO_PROXY. httpx reads both.
    found = Configuration(proxy="")
    try:
        load_kube_config(context=context, client_configuration=found)  # type: ignore[no-untyped-call]
    except ConfigException as error:
        raise SettingsError(f"no Kubernetes cluster: {error}, {expected}") from None

    def authorization() -> str | None:
        token = found.auth_settings().get("BearerToken")  # renews an expired token of a plugin
        return None if token is None else token["value"]

    return _Access(
        url=found.host,
        tls=_tls(found),
        authorization=authorization,
        may_use_proxy=may_use_proxy(found.host),
        proxy=found.proxy or None,
        tls_server_name=found.tls_server_name,
    )


def _tls(found: "Configuration") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=found.ssl_ca_cert)
    if not found.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if found.cert_file is not None:
        context.load_cert_chain(found.cert_file, found.key_file)
    return context

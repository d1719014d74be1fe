"""Requests to the Kubernetes API server, in plain JSON. Needs the extra `procstream-common[kubernetes]`.

The generated classes of the Python client (CoreV1Api and its like) are left out on purpose: importing them
takes 100 MB. Its authentication and transport are what is used.
"""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, Literal

from kubernetes.aio import config
from kubernetes.aio.client.api_client import ApiClient

from procstream_common.errors import ProcstreamError

_REQUEST_SECONDS = 15.0

Verb = Literal["get", "list", "create", "update", "patch", "apply", "delete"]
_METHODS = {
    "get": "GET",
    "list": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "apply": "PATCH",
    "delete": "DELETE",
}
_CONTENT_TYPES = {"patch": "application/merge-patch+json", "apply": "application/apply-patch+yaml"}


class ApiError(ProcstreamError):
    """The API server refused a request or did not answer."""


class ApiUnavailableError(ApiError):
    """The API server did not answer, or cannot at the moment."""


class ForbiddenError(ApiError):
    """The operator's Role does not allow it."""


class GoneError(ApiError):
    """What was asked for is not there."""


class ConflictError(ApiError):
    """Somebody else changed it first."""


_ERRORS: dict[int, type[ApiError]] = {
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: GoneError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.UNAUTHORIZED: ApiUnavailableError,  # a token that is renewed in a moment
    HTTPStatus.TOO_MANY_REQUESTS: ApiUnavailableError,
}


@asynccontextmanager
async def connected(
    *, field_manager: str, context: str | None = None, count: Callable[[str, str], None] | None = None
) -> AsyncIterator["ApiServer"]:
    """The API server, by the pod's service account, else by a context of the kubeconfig.

    `context` names the latter, by default the current one. `count` is called with the verb and the plural of
    every request. Raises `ProcstreamError` when there is no cluster to talk to.
    """
    logging.getLogger("kubernetes").addHandler(logging.NullHandler())  # errors are raised, not printed
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except config.ConfigException:
        try:
            await config.load_kube_config(context=context)  # type: ignore[no-untyped-call]
        except config.ConfigException as error:
            raise ProcstreamError(
                f"no Kubernetes cluster: {error}, expected a pod's service account or KUBECONFIG"
            ) from None
    async with ApiClient() as client:
        yield ApiServer(client, field_manager, count)


class ApiServer:
    """The API server, for the owner of the fields `field_manager`."""

    def __init__(
        self, client: ApiClient, field_manager: str, count: Callable[[str, str], None] | None
    ) -> None:
        self._client = client
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
        """The object that a request is answered with; see `answer`."""
        return dict(await self.answer(verb, path, body, query=query, accept=accept, timeout=timeout))

    async def answer(
        self,
        verb: Verb,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
        timeout: float = _REQUEST_SECONDS,
    ) -> Any:
        """The JSON that a request is answered with, which behind a proxy may be anything.

        `path` is what follows the server's address, `timeout` is in seconds. `patch` is a JSON merge patch
        (RFC 7386), `apply` a server-side apply. Raises `ApiError`.
        """
        if self._count is not None:
            self._count(verb, _what(path))
        parameters = dict(query or {})
        if verb in ("patch", "apply"):
            parameters["fieldManager"] = self._field_manager
        if verb == "apply":
            parameters["force"] = "true"
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = _CONTENT_TYPES.get(verb, "application/json")
        try:
            serialized = await self._client.param_serialize(
                method=_METHODS[verb],
                resource_path=path,
                query_params=list(parameters.items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            response: Any = await self._client.call_api(*serialized, _request_timeout=timeout)
            answer = json.loads(await response.read())
        except (OSError, TimeoutError, ValueError) as error:  # aiohttp's errors of connections are OSErrors
            raise ApiUnavailableError(f"the API server did not answer to {verb} {path}: {error!r}") from error
        if response.status >= HTTPStatus.BAD_REQUEST:
            down = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            kind = _ERRORS.get(response.status, ApiUnavailableError if down else ApiError)
            reason = answer.get("message", answer) if isinstance(answer, dict) else answer
            raise kind(f"the API server refused to {verb} {path}: {reason}")
        return answer


def path_of(group_version: str, namespace: str, plural: str, name: str | None = None) -> str:
    """The path of a resource, or of all of a kind; `v1` is the core group, no namespace means all of them."""
    root = "/api/v1" if group_version == "v1" else f"/apis/{group_version}"
    parts = [root, *(["namespaces", namespace] if namespace else []), plural, *([name] if name else [])]
    return "/".join(parts)


def _what(path: str) -> str:
    """The plural that a path is about, with a subresource; for counting, so without names."""
    parts = path.removeprefix("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[0] == "namespaces":
        parts = parts[2:]
    return "/".join([parts[0], *parts[2:]])

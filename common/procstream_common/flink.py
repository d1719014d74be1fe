"""Flink's REST interface, and that of its SQL gateway (Flink 2.3, "REST API")."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Self

import httpx

from procstream_common.errors import NotFoundError, RefusedError, Server, ServerError, UnavailableError
from procstream_common.proxies import may_use_proxy

_WIDTH = 300
_UNAVAILABLE = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,  # a JobManager is being elected
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_INTERNAL = "Internal server error.\n<Exception on server side:\n"
_CLASS_WITH_PACKAGE = re.compile(r"^(?:[a-z_][\w$]*\.)+([A-Z][\w$]*)")


def root_cause(stack_trace: str) -> str:
    """The innermost cause of a Java stack trace, in one line: class without its package, message."""
    lines = stack_trace.strip().splitlines() or ["no reason was given"]
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    line = (causes or lines)[-1 if causes else 0].strip()
    line = _CLASS_WITH_PACKAGE.sub(r"\1", line)
    return line if len(line) <= _WIDTH else f"{line[: _WIDTH - 1]}…"


class FlinkRefusedError(RefusedError):
    """Flink refused a request; `reason` is Flink's own text, without the address."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(Server.FLINK, message)
        self.reason = reason

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (str(self), self.reason)


class FlinkRest:
    """The REST interface at `address`, HOST:PORT or a URL; a context manager.

    `timeout` is in seconds and applies to each answer; `name` is the server's name in messages.
    """

    def __init__(self, address: str, *, timeout: float = 10.0, name: str = "Flink") -> None:
        url = _url(address)
        self._where = f"{name} at {address}"
        self._http = httpx.Client(base_url=url, timeout=timeout, trust_env=may_use_proxy(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None) -> Any:
        """The JSON at `path`, which has no leading slash. Raises what `request` raises."""
        return self.request("GET", path, params=params, timeout=timeout)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Any:
        """The JSON of the answer; None if the answer is empty.

        Raises:
            UnavailableError: no answer, or it cannot answer now.
            NotFoundError: 404, such as a job that it does not know.
            FlinkRefusedError: any other failure of the request.
            RefusedError: the answer is not Flink's.
        """
        try:
            response = self._http.request(
                method, path, params=params, json=body, timeout=_timeout(timeout, self._http)
            )
        except httpx.HTTPError as error:
            raise _no_answer(self._where, error) from None
        return _answer(self._where, response)


class AsyncFlinkRest:
    """`FlinkRest` for asyncio."""

    def __init__(self, address: str, *, timeout: float = 10.0, name: str = "Flink") -> None:
        url = _url(address)
        self._where = f"{name} at {address}"
        self._http = httpx.AsyncClient(base_url=url, timeout=timeout, trust_env=may_use_proxy(url))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._http.aclose()

    async def get(
        self, path: str, params: Mapping[str, str] | None = None, *, timeout: float | None = None
    ) -> Any:
        """See `FlinkRest.get`."""
        try:
            response = await self._http.get(path, params=params, timeout=_timeout(timeout, self._http))
        except httpx.HTTPError as error:
            raise _no_answer(self._where, error) from None
        return _answer(self._where, response)


def _url(address: str) -> str:
    return address if "://" in address else f"http://{address}"


def _timeout(timeout: float | None, client: httpx.Client | httpx.AsyncClient) -> httpx.Timeout:
    return client.timeout if timeout is None else httpx.Timeout(timeout)


def _no_answer(where: str, error: httpx.HTTPError) -> UnavailableError:
    return UnavailableError(
        Server.FLINK, f"{where} did not answer: {str(error).strip() or type(error).__name__}"
    )


def _answer(where: str, response: httpx.Response) -> Any:
    if response.is_success:
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise RefusedError(
                Server.FLINK, f"{where}: the answer is not JSON, expected Flink's REST interface"
            ) from None
    raise _failure(where, response)


def _failure(where: str, response: httpx.Response) -> ServerError:
    own = _own_reason(response)
    reason = own or f"answer {response.status_code} {response.reason_phrase}".strip()
    message = f"{where}: {reason}"
    if response.status_code == HTTPStatus.NOT_FOUND:
        return NotFoundError(Server.FLINK, message)
    # Flink answers 500 with a stack trace to a request that it cannot carry out. A proxy's has none.
    broken = response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR and own is None
    if response.status_code in _UNAVAILABLE or broken:
        return UnavailableError(Server.FLINK, message)
    return FlinkRefusedError(message, reason)


def _own_reason(response: httpx.Response) -> str | None:
    """The cause in the body of Flink's error."""
    try:
        errors = response.json()["errors"]
        return root_cause("\n".join(errors).removeprefix(_INTERNAL)) if errors else None
    except (ValueError, KeyError, TypeError):
        return None

"""The registry's port: refuses requests of web pages, and passes on all others to Apicurio.

Apicurio has no option for the hosts that requests may name: a page whose name resolves to 127.0.0.1 would
be of the same origin. It listens with TLS and a certificate that no browser trusts, so that pages reach it
only through here.

    python -m procstream_local.registry_guard PORT APICURIO_URL CA_FILE
"""

import logging
import ssl
import sys
import time
from http import HTTPStatus

import aiohttp
from aiohttp import web
from procstream_common.web_pages import refusal
from yarl import URL

_HOST = "127.0.0.1"
_LOG_SECONDS = 60
_ANSWER_SECONDS = 60
_LARGEST_SCHEMA_BYTES = 16 << 20
# Of one connection only (RFC 9110, section 7.6.1). Origin was compared with this server's address already.
_OWN_HEADERS = frozenset(
    {"connection", "keep-alive", "origin", "te", "trailer", "transfer-encoding", "upgrade", "content-length"}
)
_log = logging.getLogger(__name__)


class RegistryGuard:
    """Handles every request; `apicurio` is the URL of the registry behind it."""

    def __init__(self, session: aiohttp.ClientSession, apicurio: str) -> None:
        self._session = session
        self._apicurio = apicurio
        self._logged = -float(_LOG_SECONDS)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The registry's answer, 403 for a request of a web page, 503 without an answer."""
        if (reason := refusal(lambda name: request.headers.getall(name, []))) is not None:
            self._log(request, reason)
            return _error(
                HTTPStatus.FORBIDDEN, "the request comes from another web site, or names another host"
            )
        if not request.raw_path.startswith("/"):  # it would select another server
            return _error(HTTPStatus.BAD_REQUEST, f"found {request.raw_path!r}; expected a path")
        try:
            async with self._session.request(
                request.method,
                URL(f"{self._apicurio}{request.raw_path}", encoded=True),
                headers=[item for item in request.headers.items() if item[0].lower() not in _OWN_HEADERS],
                data=await request.read(),
                allow_redirects=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
            ) as answer:
                return web.Response(
                    status=answer.status,
                    reason=answer.reason,
                    headers=[item for item in answer.headers.items() if item[0].lower() not in _OWN_HEADERS],
                    body=await answer.read(),
                )
        except (aiohttp.ClientError, TimeoutError) as error:
            return _error(HTTPStatus.SERVICE_UNAVAILABLE, f"the registry does not answer: {error}")

    def _log(self, request: web.Request, reason: str) -> None:
        """One line a minute: a page can send thousands of requests."""
        if time.monotonic() - self._logged >= _LOG_SECONDS:
            self._logged = time.monotonic()
            _log.warning("refused %s %r: %s", request.method, request.path, reason)


def _error(status: HTTPStatus, message: str) -> web.Response:
    """An error in the form of the Confluent API."""
    return web.json_response({"error_code": status.value, "message": message}, status=status.value)


async def _app(apicurio: str, ca_file: str) -> web.Application:
    app = web.Application(client_max_size=_LARGEST_SCHEMA_BYTES)
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=ca_file)),
        timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS),
        auto_decompress=False,
    )
    app.on_cleanup.append(lambda _app: session.close())
    app.router.add_route("*", "/{path:.*}", RegistryGuard(session, apicurio).handle)
    return app


def main(port: int, apicurio: str, ca_file: str) -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    web.run_app(_app(apicurio, ca_file), host=_HOST, port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])

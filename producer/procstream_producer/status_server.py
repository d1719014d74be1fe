"""Serves `/metrics` and `/healthz` over HTTP, in a separate thread."""

import json
import socketserver
import threading
from collections.abc import Callable, Collection
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from procstream_common.errors import ProcstreamError
from procstream_common.web_pages import hosts_of, refusal
from prometheus_client import CONTENT_TYPE_LATEST

Health = Callable[[], tuple[bool, dict[str, Any]]]


class StatusServer:
    """Answers GET /metrics with `metrics()` and GET /healthz with 200 or 503 and a JSON report of `health()`.

    Args:
        host: address to listen on. On loopback, requests must name this machine in `Host`.
        port: 0 selects a free one, which the attribute `port` shows.
        metrics: the text for Prometheus.
        health: whether the process is healthy, and the report.

    Raises:
        ProcstreamError: it cannot listen on the address.
    """

    def __init__(self, host: str, port: int, *, metrics: Callable[[], bytes], health: Health) -> None:
        try:
            self._server = _Server((host, port), handler(hosts_of(host), metrics=metrics, health=health))
        except (OSError, OverflowError) as error:
            raise ProcstreamError(
                f"METRICS_HOST {host}, METRICS_PORT {port}: {error}, expected a free port of this machine"
            ) from None
        self.port = int(self._server.server_address[1])
        # How often the server checks for a shutdown, which never comes before the process ends.
        thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 3600}, daemon=True, name="status"
        )
        thread.start()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def handler(
    hosts: Collection[str] | None, *, metrics: Callable[[], bytes], health: Health
) -> type[BaseHTTPRequestHandler]:
    """The class that serves one connection, and refuses requests of web pages (see `web_pages.refusal`)."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            reason = refusal(lambda name: self.headers.get_all(name, []), hosts)
            if reason is not None:
                self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"refused: found %s\n" % reason.encode())
                return
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(HTTPStatus.OK, CONTENT_TYPE_LATEST, metrics())
            elif path == "/healthz":
                well, report = health()
                status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
                self._answer(status, "application/json", json.dumps(report).encode() + b"\n")
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"expected /metrics or /healthz\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
            pass  # requests are not logged

        def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler

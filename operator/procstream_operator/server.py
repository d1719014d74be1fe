"""`/metrics`, `/healthz` and `/readyz` over HTTP."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler
from procstream_common.errors import ProcstreamError
from procstream_common.web_pages import hosts_of, refusal
from prometheus_client import CONTENT_TYPE_LATEST

from procstream_operator.health import Health
from procstream_operator.metrics import Metrics


@asynccontextmanager
async def serving(host: str, port: int, *, metrics: Metrics, health: Health) -> AsyncIterator[None]:
    """Serve while the context is open. Raises `ProcstreamError` when it cannot listen at the address."""

    async def show_metrics(_request: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def judge(_request: web.Request) -> web.Response:
        problems = health.judge(time.monotonic())
        report = {"status": "unhealthy" if problems else "ok", "problems": problems}
        return web.json_response(report, status=503 if problems else 200)

    async def ready(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    @web.middleware
    async def refuse_web_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
        reason = refusal(lambda name: request.headers.getall(name, []), hosts_of(host))
        if reason is not None:
            raise web.HTTPForbidden(text=f"refused: found {reason}\n")
        return await handler(request)

    app = web.Application(middlewares=[refuse_web_pages])
    app.add_routes([web.get("/metrics", show_metrics), web.get("/healthz", judge), web.get("/readyz", ready)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ProcstreamError(f"--metrics-host {host}, --metrics-port {port}: {error}") from None
    try:
        yield
    finally:
        await runner.cleanup()

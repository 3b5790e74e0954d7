"""What is counted and logged of each request: its route, status and time, and no word of it."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strata.serving.log import Log
from strata.serving.prometheus import Metrics

QUIET = ("/health", "/ready", "/metrics")  # asked every few seconds, and logged only when they fail
OTHER = "other"  # instead of a path that the client made up


class RequestLog:
    """A layer around the application. What breaks inside it becomes a 500 with one sentence."""

    def __init__(self, app: ASGIApp, metrics: Metrics, log: Log | None):
        self.app, self.metrics, self.log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or what else the server sends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, statuses = time.perf_counter(), []

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, observed)
        except Exception as error:
            self._say(f"500 {type(error).__name__} inside the server")
            if not statuses:
                await _broken(observed)
        finally:
            self._count(scope, statuses[0] if statuses else 499, time.perf_counter() - start)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        path = getattr(scope.get("route"), "path", None) or OTHER
        self.metrics.requests.labels(path, status).inc()
        self.metrics.seconds.labels(path).observe(seconds)
        if path not in QUIET or status >= 400:
            self._say(f"{status} {scope['method'] if path != OTHER else ''} {path} {1000 * seconds:.0f} ms")

    def _say(self, line: str) -> None:
        if self.log is not None:
            self.log.say(" ".join(line.split()))


async def _broken(send: Send) -> None:
    body = b'{"error":"this server has an error; its log says of what kind"}'
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""Limits on what a browser sends to the page, whose routes are Gradio's and read a body to its end."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strata.serving.limits import Limits

UPLOAD = "/gradio_api/upload"
PAGE = ("/gradio_api/", "/queue/", "/run/")  # paths that take bodies for the page


class PageLimits:
    """A layer around the application: a body for the page has a size, and a time to arrive.

    The bodies of /predict and /explain have limits of their own, in request_body.
    """

    def __init__(self, app: ASGIApp, limits: Limits):
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it (413, 408)."""
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].startswith(PAGE):
            await self.app(scope, receive, send)
            return
        most = self.limits.upload if scope["path"].startswith(UPLOAD) else self.limits.body
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
        if length.isdigit() and int(length[:20]) > most:
            refusal = JSONResponse({"error": f"more than {most:,} bytes"}, 413)
            await refusal(scope, receive, send)
            return
        await self.app(scope, self._bounded(receive, most), send)

    def _bounded(self, receive: Receive, most: int) -> Receive:
        left, is_complete, ends = most, False, asyncio.get_running_loop().time() + self.limits.uploading

        async def bounded() -> Message:
            nonlocal left, is_complete
            if is_complete:
                return await receive()  # the end of the connection, however late
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the body did not arrive in time") from None
            left -= len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if left < 0:
                raise HTTPException(413, f"more than {most:,} bytes")
            return message

        return bounded

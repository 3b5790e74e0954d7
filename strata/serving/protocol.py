"""HTTP/1.1 of uvicorn, with an end to clients that are too many, do not send their headers or do not read answers.

If there are too many connections, a new one takes the place of one that has been idle, so that clients that hold
connections without using them do not keep others out.
"""

import asyncio

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from strata.serving.limits import Limits

_BODY = b'{"error":"too many connections; try again later"}'
_HEADERS = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
    (b"retry-after", b"1"),
    (b"connection", b"close"),
]


async def too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request of a connection beyond the limit."""
    await send({"type": "http.response.start", "status": 503, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})


class PatientProtocol(H11Protocol):
    """A connection. It is closed when headers take longer than `head` seconds, or reading an answer `reading` ones."""

    limits = Limits()
    _idle_since: float = 0.0  # the time of its start, or of its latest answer
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request, which is refused if there are too many and none can be closed."""
        super().connection_made(transport)
        self._idle_since = self.loop.time()
        others = [one for one in self.connections - {self} if one._is_served()]
        if len(others) >= self.limits.connections and not self._replaces_one(others):
            self.app = too_many
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, and go on waiting where headers are not complete."""
        super().data_received(data)
        self._expect_head()

    def on_response_complete(self) -> None:
        """Note that the connection is idle from now on."""
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
        self._late, self._stuck = _cancelled(self._late), _cancelled(self._stuck)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Begin to wait for a client that does not read."""
        super().pause_writing()
        self._stuck = self._stuck or self.loop.call_later(self.limits.reading, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._stuck = _cancelled(self._stuck)
        super().resume_writing()

    def _replaces_one(self, others: list["PatientProtocol"]) -> bool:
        """Close the connection that has been idle longest, if for `spared` seconds; tell whether there was one."""
        latest = self.loop.time() - self.limits.spared
        idle = [one for one in others if one._idle_since <= latest and not one._is_answering()]
        if idle:
            min(idle, key=lambda one: one._idle_since).transport.close()
        return bool(idle)

    def _is_served(self) -> bool:
        return self.app is not too_many and not self.transport.is_closing()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        """Start the clock of the headers where no request is being answered, once; stop it where one is."""
        if self._is_answering():
            self._late = _cancelled(self._late)
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(self.limits.head, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

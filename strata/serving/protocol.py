"""HTTP/1.1 of uvicorn, with an end to clients that are too many, do not send their headers or do not read answers."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from strata.serving.limits import Limits

_BODY = b'{"error":"too many connections; try again later"}'
FULL = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\n"
FULL += b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


class PatientProtocol(H11Protocol):
    """A connection. It is closed when headers take longer than `head` seconds, or reading an answer `reading` ones."""

    limits = Limits()
    _late: asyncio.TimerHandle | None = None
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request, or refuse the connection."""
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.write(FULL)
            transport.close()
        else:
            self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, and go on waiting where headers are not complete."""
        super().data_received(data)
        self._expect_head()

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

    def _expect_head(self) -> None:
        """Start the clock of the headers where no request is being answered, once; stop it where one is."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._late = _cancelled(self._late)
        elif self._late is None and not self.transport.is_closing():
            self._late = self.loop.call_later(self.limits.head, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()

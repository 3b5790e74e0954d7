"""The process that serves: its socket, its signals, and its end without losing a request."""

import contextlib
import ipaddress
import logging
import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from strata.base.errors import StrataError
from strata.serving.log import Log
from strata.serving.protocol import PatientProtocol
from strata.serving.service import Service
from strata.serving.watch import Watch

BACKLOG = 512  # connections that the system holds before they are taken


class Server(uvicorn.Server):
    """uvicorn, ended by SIGTERM or Ctrl-C once every request has its answer; at once by the second one.

    reload: signals that have the models loaded again, where the system has them.
    """

    reload = tuple(getattr(signal, name) for name in ("SIGHUP",) if hasattr(signal, name))

    def __init__(self, app: FastAPI, service: Service, watch: Watch | None = None):
        limits = service.limits
        protocol = type("Protocol", (PatientProtocol,), {"limits": limits})
        config = uvicorn.Config(
            app,
            http=protocol,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=limits.idle,
            timeout_graceful_shutdown=int(limits.reading),
        )
        super().__init__(config)
        self.service, self.watch = service, watch

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no new requests; end when those at hand are done, or at the second signal."""
        if self.service.ending:
            self.should_exit = self.force_exit = True
        self.service.ending = True

    async def on_tick(self, counter: int) -> bool:
        """Tell, ten times a second, whether to end."""
        if self.service.ending and not self.service.open:
            self.should_exit = True
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self):
        """Answer the signals while serving."""
        before = {}
        with contextlib.suppress(ValueError):  # in a thread, as tests have it, there are none
            before = {number: signal.signal(number, self._reload) for number in self.reload}
        with super().capture_signals():
            yield
        for number, handler in before.items():
            signal.signal(number, handler)

    def _reload(self, sig: int, frame: FrameType | None) -> None:
        if self.watch is not None:
            self.watch.ask()


class _ToLog(logging.Handler):
    """What uvicorn and asyncio report, without the words of requests that they may hold."""

    def __init__(self, log: Log):
        super().__init__(logging.WARNING)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info and record.exc_info[0]
        first, *_ = str(record.msg).splitlines() or [""]  # without the arguments, which may be a client's words
        self.log.say(f"{record.name}: {kind.__name__ if kind else first}")


def send_to(log: Log) -> None:
    """Have what libraries report in the log, a line each."""
    for name in ("uvicorn.error", "asyncio"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [_ToLog(log)], False
        logger.setLevel(logging.WARNING)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. port: 0 for any that is free. Raises: StrataError where that is not possible."""
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        made = socket.socket(family, kind, number)  # asyncio sends at once where it sees that this is TCP
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(BACKLOG)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StrataError(f"cannot listen at {host}, port {port} ({reason}); choose others: --host, --port") from None
    return made


def address(made: socket.socket) -> str:
    """Return the address of a listening socket as a browser takes it."""
    host, port = made.getsockname()[:2]
    return f"http://[{host}]:{port}" if made.family == socket.AF_INET6 else f"http://{host}:{port}"


def is_loopback(made: socket.socket) -> bool:
    """Tell whether only this machine reaches a socket."""
    return ipaddress.ip_address(made.getsockname()[0].partition("%")[0]).is_loopback

"""The servers that are compared, each a process of its own that is ended by its number."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.measure import resident_bytes

from . import ROOT

START = 120  # seconds that a server may take to start


class Started(NamedTuple):
    """A server that answers. log: of what it says on standard error."""

    process: psutil.Popen
    port: int
    log: Path

    @property
    def megabytes(self) -> float:
        """The resident memory of the server with its workers, in MB."""
        return resident_bytes(self.process) / 1e6

    @property
    def cpu_seconds(self) -> float:
        """The CPU time of the server with its workers so far."""
        members = [self.process, *self.process.children(recursive=True)]
        return sum(sum(member.cpu_times()[:2]) for member in members)


def free_port() -> int:
    """Return a port of this machine that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return made.getsockname()[1]


def strata(folder: Path, *argv: str) -> list[str]:
    """Return the command of `strata serve`, without its port."""
    return [sys.executable, "-m", "strata", "serve", str(folder), *argv, "--port"]


def litserve(python: Path, folder: Path, workers: int, threads: int) -> list[str]:
    """Return the command of LitServe, without its port. python: that of its environment."""
    script = Path(__file__).with_name("litserve_app.py")
    return [str(python), str(script), str(folder), str(workers), str(threads)]


@contextlib.contextmanager
def started(command: list[str], log: Path) -> Iterator[Started]:
    """Run a server until the block ends."""
    port = free_port()
    with log.open("wb") as said:
        process = psutil.Popen([*command, str(port)], cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
    try:
        _wait(process, port)
        yield Started(process, port, log)
    finally:
        members = [process, *process.children(recursive=True)] if process.is_running() else []
        if members:
            process.send_signal(signal.SIGTERM)
            _, alive = psutil.wait_procs(members, timeout=30)
            for member in alive:
                member.kill()
        process.wait()


def _wait(process: psutil.Popen, port: int) -> None:
    end = time.monotonic() + START
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args}: exit code {process.returncode}")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return
        time.sleep(0.2)
    raise SystemExit(f"{process.args}: does not answer")

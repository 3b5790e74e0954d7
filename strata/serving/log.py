"""Lines on standard error, written by a thread of their own: a terminal or pipe that is stuck holds up no request.

No text of a client is ever written, nor a path or a name that a client made up.
"""

import contextlib
import queue
import sys
import threading

MOST = 1000  # lines that wait; further ones are dropped


class Log:
    """One line for each thing that happens."""

    def __init__(self) -> None:
        self._lines: queue.Queue[str | None] = queue.Queue(MOST)
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        """Have a line written, if it can be."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(line)

    def close(self) -> None:
        """Write what waits, for a second at most."""
        with contextlib.suppress(queue.Empty):
            if self._lines.full():
                self._lines.get_nowait()
        self._lines.put(None)
        self._thread.join(1)

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or none
                print(f"serve: {line}", file=sys.stderr, flush=True)

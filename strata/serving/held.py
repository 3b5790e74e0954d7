"""The memory that clients' bodies may take together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from strata.serving.refused import Refused


class Held:
    """Bytes of all bodies whose requests are open. most: of them."""

    def __init__(self, most: int):
        self.most, self.bytes = most, 0

    @contextmanager
    def request(self) -> Iterator[Callable[[int], None]]:
        """Yield what counts further bytes of a request, until its end. It raises Refused (503) beyond the limit."""
        own = 0

        def count(more: int) -> None:
            nonlocal own
            if self.bytes + more > self.most:
                raise Refused(503, "too many bytes of other requests are held; try again later", 1)
            own += more
            self.bytes += more

        try:
            yield count
        finally:
            self.bytes -= own

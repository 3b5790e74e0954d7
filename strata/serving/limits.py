"""What a server accepts: sizes, times and lengths, in one place."""

from typing import NamedTuple


class Limits(NamedTuple):
    """texts: of a request. body: bytes. held: bytes of all bodies whose requests are open.

    queue: requests that wait. waiting: texts of requests that have several. seconds: from the end of a request's body
    to its answer. reading: seconds that a body may take to arrive. upload: bytes of a file for the page. uploading:
    seconds that it may take to arrive. head: seconds that headers may take. idle: seconds that a connection stays open
    without a request. connections: open at a time. spared: seconds after which an idle connection may be closed to make
    room for a new one.
    """

    texts: int = 1000
    body: int = 4 << 20
    held: int = 64 << 20
    queue: int = 256
    waiting: int = 4096
    seconds: float = 30
    reading: float = 10
    upload: int = 65 << 20  # a file of the largest size, and what a form adds to it
    uploading: float = 120
    head: float = 10
    idle: float = 15
    connections: int = 512
    spared: float = 5

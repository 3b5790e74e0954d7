"""Requests that no honest client sends."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable

from . import client

LONG = 50  # seconds: beyond the forty that a body and its answer may take
AT_A_TIME = 64
JSON = "content-type: application/json\r\n"


def post(body: bytes, headers: str = JSON, length: int | None = None, path: str = "/predict") -> bytes:
    """Return the bytes of a POST. length: that the header claims; None: the true one."""
    size = len(body) if length is None else length
    return f"POST {path} HTTP/1.1\r\nhost: a\r\n{headers}content-length: {size}\r\n\r\n".encode() + body


def kinds(rng: random.Random) -> dict[str, Callable[[], list[bytes]]]:
    """Return what makes the parts of each kind of request."""
    return {
        "huge": lambda: [post(b'{"texts": "' + b"a" * rng.choice([5_000_000, 8_000_000]) + b'"}')],
        "claims to be huge": lambda: [post(b"{}", length=10**15)],
        "long text": lambda: [post(json.dumps({"texts": "film " * 700_000}).encode())],
        "too many texts": lambda: [post(json.dumps({"texts": ["a"] * 1001}).encode())],
        "deep list": lambda: [post(b"[" * rng.choice([9, 1000, 1_000_000]))],
        "deep object": lambda: [post(b'{"texts":' * rng.choice([9, 1000, 100_000]))],
        "no JSON": lambda: [post(rng.randbytes(rng.randrange(200)))],
        "bad UTF-8": lambda: [post(b'{"texts": "' + rng.randbytes(20).replace(b'"', b"") + b'"}')],
        "surrogate": lambda: [post(rb'{"texts": ["a", "\ud800 film"]}')],
        "NUL and marks": lambda: [post(json.dumps({"texts": "\0\u202e\x1b[31m\ufeff" * 50}).encode())],
        "wrong type": lambda: [post(json.dumps({"texts": rng.choice([1, None, True, [1], [[]], {}])}).encode())],
        "other keys": lambda: [post(json.dumps({"texts": "a", rng.choice("xyz" * 99): 1}).encode())],
        "large number": lambda: [post(b'{"texts": ' + b"9" * rng.choice([400, 5000, 100_000]) + b"}")],
        "odd number": lambda: [post(b'{"texts": ' + rng.choice([b"NaN", b"-Infinity", b"1e999", b"0x1"]) + b"}")],
        "tags": lambda: [post(json.dumps({"texts": "<div>" * 20_000 + "&#xD800;" * 100}).encode())],
        "row of rows": lambda: [post(json.dumps({"texts": {"text": {"text": "a"}}}).encode())],
        "no type": lambda: [post(b'{"texts": "a"}', headers="")],
        "other model": lambda: [post(b'{"texts": "a"}', path="/models/..%2f..%2fetc/predict")],
        "other method": lambda: [b"BREW /predict HTTP/1.1\r\nhost: a\r\n\r\n"],
        "no HTTP": lambda: [rng.randbytes(300) + b"\r\n\r\n"],
        "long headers": lambda: [b"GET /health HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 200_000 + b"\r\n\r\n"],
        "long path": lambda: [b"GET /" + b"a" * 60_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n"],
        "two lengths": lambda: [post(b'{"texts": "a"}', headers=f"{JSON}content-length: 3\r\n")],
        "length and chunks": lambda: [
            post(b"5\r\nhello\r\n0\r\n\r\n", headers=f"{JSON}transfer-encoding: chunked\r\n")
        ],
        "broken chunks": lambda: [
            f"POST /predict HTTP/1.1\r\nhost: a\r\n{JSON}transfer-encoding: chunked\r\n\r\nzz\r\n".encode()
        ],
        "upgrade": lambda: [b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"],
        "long explanation": lambda: [post(json.dumps({"text": "film" * 100_000}).encode(), path="/explain")],
    }


def halves(rng: random.Random) -> dict[str, Callable[[], list[bytes]]]:
    """Return what makes requests whose client goes on slowly, or not at all."""
    return {
        "slow headers": lambda: [b"POST /predict HTTP/1.1\r\n", *[b"x: y\r\n"] * rng.randrange(1, 4)],
        "slow body": lambda: [post(b'{"texts"', length=100), *[b" "] * rng.randrange(1, 4)],
        "nothing": lambda: [b""],
    }


async def storm(port: int, count: int, seed: int = 0) -> tuple[Counter, list[str]]:
    """Send hostile requests, AT_A_TIME of them. Return how many got each status, and what went wrong.

    One in ten closes its socket instead of reading the answer; one in fifty is slow. 0: the server closed the socket.
    """
    rng = random.Random(seed)
    quick, slow = kinds(rng), halves(rng)
    gate, statuses, wrong = asyncio.Semaphore(AT_A_TIME), Counter(), []

    async def one(number: int) -> None:
        async with gate:
            is_slow, leaves = number % 50 == 49, number % 10 == 5
            name, make = rng.choice(list((slow if is_slow else quick).items()))
            status = await client.raw(port, make(), 1.0 if is_slow else 0, LONG, reads=not leaves)
            statuses[status] += 1
            if status in (-1, 500):
                wrong.append(f"{name}: {'no answer' if status < 0 else status}")

    await asyncio.gather(*map(one, range(count)))
    return statuses, wrong

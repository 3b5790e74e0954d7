"""Clients of a server on this machine: HTTP/1.1 over plain sockets, since a full client costs as much as the server."""

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

SECONDS = 90  # for an answer; one that takes longer counts as none

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Sent(NamedTuple):
    """One request. status: of HTTP; 0 where there was no answer. start: perf_counter's. seconds: to the answer."""

    status: int
    start: float
    seconds: float
    body: bytes


def request(path: str, content: object) -> bytes:
    """Return the bytes of a POST with JSON."""
    body = json.dumps(content).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and body of a response that tells its length."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin1").lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    return int(lines[0].split()[1]), await reader.readexactly(length)


async def sent(connection: Connection, data: bytes) -> Sent:
    """Send a request and wait for its answer."""
    reader, writer = connection
    start = time.perf_counter()
    try:
        writer.write(data)
        status, body = await asyncio.wait_for(answer(reader), SECONDS)
    except (OSError, EOFError, TimeoutError):
        status, body = 0, b""
    return Sent(status, start, time.perf_counter() - start, body)


async def closed_loop(port: int, clients: int, seconds: float, requests: list[bytes]) -> list[Sent]:
    """Have some clients send one request after another, each when the last is answered."""
    end = time.perf_counter() + seconds
    every: list[Sent] = []

    async def client(first: int) -> None:
        connection = await asyncio.open_connection("127.0.0.1", port)
        position = first
        while time.perf_counter() < end:
            every.append(await sent(connection, requests[position % len(requests)]))
            position += clients
        connection[1].close()

    await asyncio.gather(*map(client, range(clients)))
    return every


async def open_loop(port: int, rate: float, seconds: float, requests: list[bytes]) -> list[Sent]:
    """Send requests at a rate, whether or not those before are answered, over as many connections as that takes."""
    idle: list[Connection] = []
    every: list[Sent] = []

    async def one(data: bytes) -> None:
        try:
            while idle and idle[-1][0].at_eof():  # the server has closed it meanwhile
                idle.pop()
            connection = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            every.append(Sent(0, time.perf_counter(), 0, b""))
            return
        every.append(await sent(connection, data))
        if every[-1].status:
            idle.append(connection)

    await at_rate(rate, seconds, lambda i: one(requests[i % len(requests)]))
    for _, writer in idle:
        writer.close()
    return every


async def at_rate(rate: float, seconds: float, started: Callable[[int], Awaitable[None]]) -> None:
    """Start coroutines at a rate, and wait for all of them."""
    start, tasks = time.perf_counter(), []
    for i in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, start + i / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(started(i)))
    await asyncio.gather(*tasks)


async def raw(port: int, parts: list[bytes], pause: float, seconds: float, reads: bool = True) -> int:
    """Send bytes in parts with pauses, and return the status of the answer.

    0: the server closed the connection. -1: neither came within some seconds. reads: whether the client waits at all.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        with contextlib.suppress(OSError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(pause)
        if not reads:
            return 0
        line = await asyncio.wait_for(reader.readline(), seconds)
        return int(line.split()[1]) if line else 0
    except TimeoutError:
        return -1
    except OSError:
        return 0
    finally:
        writer.close()

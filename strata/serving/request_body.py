"""The body of a request: read with limits, then parsed, then told what is wrong in one sentence."""

import asyncio
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from starlette.requests import ClientDisconnect, Request

from strata.base.errors import did_you_mean
from strata.runtime.not_utf8 import is_utf8
from strata.serving.limits import Limits
from strata.serving.refused import Refused

LARGE = 1 << 16  # bytes; parsing more of them would hold up the other clients
_PARSER = ThreadPoolExecutor(1, "parser")  # one thread: each further one keeps memory of its own
MOST_SHOWN = 60  # characters of a name that the client wrote

Row = str | Mapping[str, Any]


class Texts(NamedTuple):
    """What /predict is asked. texts: strings, or rows {column: value}. all: every label's probability is wanted."""

    texts: list[Row]
    all: bool


class Gone(Exception):
    """The client has closed its connection."""


async def content(request: Request, limits: Limits, count: Callable[[int], None]) -> Any:
    """Return the JSON of a request's body. count: takes the number of bytes of each part, and may refuse them.

    Raises: Refused (400, 408, 413, 415); Gone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "the body must be JSON, with the header Content-Type: application/json")
    body = await _bytes(request, limits, count)
    if len(body) <= LARGE:
        return parsed(body)
    return await asyncio.get_running_loop().run_in_executor(_PARSER, parsed, body)


async def _bytes(request: Request, limits: Limits, count: Callable[[int], None]) -> bytearray:
    too_large = Refused(413, f"the body has more than {limits.body:,} bytes; send fewer texts in a request")
    length = request.headers.get("content-length", "")
    if length.isdecimal() and (len(length) > len(str(limits.body)) or int(length) > limits.body):
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(limits.reading):
            async for part in request.stream():
                count(len(part))
                body += part
                if len(body) > limits.body:
                    raise too_large
    except TimeoutError:
        raise Refused(408, f"the body was not there after {limits.reading:g} seconds; send it faster") from None
    except ClientDisconnect:
        raise Gone from None
    return body


def parsed(body: bytes | bytearray) -> Any:
    """Return what JSON says. Raises: Refused (400) where it is none, in one sentence without a word of it."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8 (byte {error.start:,})") from None
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise Refused(400, f"the body is not JSON ({error.msg}, character {error.pos:,})") from None
    except RecursionError:
        raise Refused(400, "the body is nested too deeply") from None
    except ValueError:  # NaN, or thousands of digits
        raise Refused(400, "the body has a number that JSON or this server does not know") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


def texts_of(content: Any, limits: Limits) -> Texts:
    """Return what the body of /predict asks. Raises: Refused (413, 422)."""
    asked = _object(content, "texts", ["texts", "all"])
    given, every = asked["texts"], asked.get("all", False)
    if not isinstance(every, bool):
        raise Refused(422, f"all is {_kind(every)}, must be true or false")
    if isinstance(given, str | dict):
        given = [given]
    if not isinstance(given, list):
        raise Refused(422, f"texts is {_kind(given)}, must be a text, a row, or a list of these")
    if len(given) > limits.texts:
        raise Refused(413, f"{len(given):,} texts; at most {limits.texts:,} are taken in a request")
    for position, row in enumerate(given, 1):
        check_row(row, f"text {position:,}")
    return Texts(given, every)


def text_of(content: Any) -> Row:
    """Return what the body of /explain asks. Raises: Refused (422)."""
    row = _object(content, "text", ["text"])["text"]
    check_row(row, "text")
    return row


def check_row(row: Any, name: str) -> None:
    """Raise Refused (422) where this is neither a text nor a row of simple values. name: as the sentence calls it."""
    if isinstance(row, str):
        if not is_utf8(row):
            raise Refused(422, f"{name} has half of a character (a lone surrogate)")
    elif isinstance(row, dict):
        for column, value in row.items():
            if isinstance(value, dict | list):
                raise Refused(422, f"{name}: {_shown(column)} is {_kind(value)}, must be a text, a number or null")
            if isinstance(value, str) and not is_utf8(value):
                raise Refused(422, f"{name}: {_shown(column)} has half of a character (a lone surrogate)")
    else:
        raise Refused(422, f"{name} is {_kind(row)}, must be a text, or a row as {{column: value}}")


def _object(content: Any, needed: str, allowed: list[str]) -> dict:
    if not isinstance(content, dict):
        raise Refused(
            422, f'the body is {_kind(content)}, must be an object such as {{"{needed}": "a warm, funny film"}}'
        )
    if unknown := [name for name in content if name not in allowed]:
        raise Refused(422, f"no key {_shown(unknown[0])}{did_you_mean(unknown[0][:MOST_SHOWN], allowed)}")
    if needed not in content:
        raise Refused(422, f"the body has no {needed}")
    return content


def _shown(name: str) -> str:
    """Return a name that the client wrote, so that it can be printed."""
    return ascii(name if len(name) <= MOST_SHOWN else name[:MOST_SHOWN] + "...")


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")

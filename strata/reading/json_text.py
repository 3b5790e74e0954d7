"""JSON in its three layouts: an object a line, an array of objects, and pandas' object of columns."""

import io
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import ijson
import msgspec

LONGEST = 16 * 1024 * 1024  # bytes of a row; a longer one is rejected
DEEPEST = 200  # lists and objects in one another
MOST = 2 * 1024 * 1024 * 1024  # bytes of an object of columns, which is read whole
_NESTED = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*[\[{]')
Row = tuple[int, dict[str, Any] | None, str | None, str]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


class NotJson(ValueError):
    """The file as a whole is none of the three layouts."""


def rows(stream: BinaryIO) -> Iterator[Row]:
    """Yield (line or position, object, None, "") for each row, or (line, None, reason, raw) for an unreadable one.

    stream: UTF-8. Raises: NotJson when an array or an object of columns breaks off, so that no row after it is sure.
    """
    start = stream.peek(LONGEST)[:1024].lstrip() if isinstance(stream, io.BufferedReader) else b""
    if start.startswith(b"["):
        yield from _array(stream)
        return
    first = stream.readline(LONGEST + 1)
    if len(first) > LONGEST and _NESTED.match(first):  # pandas writes all columns as one line
        yield from _columns(first + stream.read(MOST))
        return
    first = _whole(first, stream)
    if first is None:
        return
    second = _line(stream)
    if _is_columns(first, second):
        yield from _columns(first + (second or b"") + stream.read(MOST))
        return
    yield from _lines(itertools.chain([first], [second] if second else [], iter(lambda: _line(stream), None)))


def _line(stream: BinaryIO) -> bytes | None:
    """The next line, None at the end; of one longer than LONGEST, what is beyond is skipped."""
    return _whole(stream.readline(LONGEST + 1), stream)


def _whole(line: bytes, stream: BinaryIO) -> bytes | None:
    rest = line
    while len(rest) > LONGEST and not rest.endswith(b"\n"):
        rest = stream.readline(LONGEST + 1)
    return line or None


def _lines(lines: Iterable[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST:
            yield number, None, f"longer than {LONGEST:,} bytes", line[:1000].decode("utf-8", "replace")
        elif line.strip():
            try:
                yield number, _decode(line), None, ""
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                row, reason = _second_try(line, error)
                yield number, row, reason, line.decode("utf-8", "replace")


def _second_try(line: bytes, error: Exception) -> tuple[dict[str, Any] | None, str | None]:
    """Python's own json module takes what it writes itself: NaN, which stands for a missing value."""
    if isinstance(error, UnicodeDecodeError):
        return None, "invalid bytes"
    try:
        row = json.loads(line, parse_constant=lambda _: None)
    except ValueError:
        return None, "not JSON"
    except RecursionError:
        return None, "nested too deeply"
    return (row, None) if isinstance(row, dict) else (None, "not a JSON object")


class _Bounded:
    """A stream that refuses to give an array's parser more than the longest element takes."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.elements = 0
        self._given = 0  # bytes since the last element

    def read(self, size: int) -> bytes:
        if self._given > LONGEST + 2 * size:  # the parser may hold a block that it has not looked at
            raise NotJson(f"element {self.elements + 1:,} of the array is longer than {LONGEST:,} bytes")
        self._given += size
        return self._stream.read(size)

    def element(self) -> int:
        self._given = 0
        self.elements += 1
        return self.elements


def _array(stream: BinaryIO) -> Iterator[Row]:
    bounded = _Bounded(stream)
    depth, builder, is_too_deep = 0, None, False
    try:
        # in smaller blocks a long string takes time that grows with its square; ijson.items would take memory that
        # grows with the square of the depth
        for event, value in ijson.basic_parse(bounded, buf_size=1 << 20):
            opens, closes = event.startswith("start_"), event.startswith("end_")
            depth += opens
            if depth == 1 and (opens or closes):  # the array itself
                continue
            if depth == 2 and opens:
                builder, is_too_deep = ijson.ObjectBuilder(), False
            is_too_deep = depth > 1 and (is_too_deep or depth > DEEPEST)
            if depth > 1 and not is_too_deep:
                builder.event(event, value)
            depth -= closes
            if depth > 1:
                continue
            position = bounded.element()
            if is_too_deep:
                yield position, None, "nested too deeply", f"element {position:,}"
            elif closes and isinstance(builder.value, dict):
                yield position, builder.value, None, ""
            else:
                yield position, None, "not a JSON object", "a list" if closes else json.dumps(value, default=float)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        words = re.sub(r"\s+", " ", str(error))[:100]
        raise NotJson(f"the array breaks off after element {bounded.elements:,}: {words}") from None


def _is_columns(first: bytes, second: bytes | None) -> bool:
    """Tell an object of columns, alone in its file or over several lines, from an object a line."""
    try:
        row = _decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return re.fullmatch(rb'\s*\{\s*("[^"]*"\s*:\s*[\[{]?)?\s*', first) is not None
    return second is None and bool(row) and all(isinstance(value, dict | list) for value in row.values())


def _columns(content: bytes) -> Iterator[Row]:
    """pandas' to_json(): {column: {index: value}}, or {column: [values]}. The whole file is held in memory."""
    if len(content) > MOST:
        raise NotJson(f"an object of columns of more than {MOST:,} bytes; write one object a line")
    try:
        columns = json.loads(content, parse_constant=lambda _: None)
    except ValueError as error:
        raise NotJson(f"neither an object a line nor one object of columns: {error}") from None
    if not isinstance(columns, dict) or not all(isinstance(column, dict | list) for column in columns.values()):
        raise NotJson("one object over several lines, whose values are no columns; write an array of objects")
    if columns.keys() == {"columns", "index", "data"}:
        raise NotJson("pandas' orient='split', which is not read; write it with orient='records'")
    if all(name == str(i) and isinstance(row, dict) for i, (name, row) in enumerate(columns.items())) and not all(
        key.isdigit() for row in columns.values() for key in row
    ):
        raise NotJson("pandas' orient='index', which is not read; write it with orient='records'")
    kinds = {type(column) for column in columns.values()}
    if len(kinds) != 1 or (kinds == {list} and len({len(column) for column in columns.values()}) != 1):
        raise NotJson("its columns differ in kind or length")
    objects = [name for name, column in columns.items() if list in kinds and any(isinstance(v, dict) for v in column)]
    if objects:
        raise NotJson(f"its key {objects[0]!r} holds a list of objects; save that list alone")
    if list in kinds:
        columns = {name: dict(enumerate(column)) for name, column in columns.items()}
    for position, key in enumerate(dict.fromkeys(itertools.chain(*columns.values())), 1):
        yield position, {name: column.get(key) for name, column in columns.items()}, None, ""

"""The reader of JSON: an object per line, an array of objects or pairs, one object of columns or of lists of rows."""

import ast
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import msgspec

from strata.reading.batch import Batch, UnreadableFile
from strata.reading.encoding import as_utf8, find_encoding
from strata.reading.exports.table import flat_rows
from strata.reading.formats import Format
from strata.reading.json_columns import MOST, column_rows, is_pair, list_rows, parse_object, row_lists
from strata.reading.parts import chosen
from strata.reading.row_batches import Row, row_batches
from strata.reading.unpack import open_bytes
from strata.reading.unread_formats import PYTHON
from strata.reading.values import INVALID

LONGEST = 16 * 1024 * 1024  # bytes of a row; a longer one is rejected
DEEPEST = 200  # levels of lists and objects in an array's element
PAIR = ("column_1", "column_2")
"""The names of the values of an array's pairs."""
_NESTED = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*[\[{]')
_PYTHON = re.compile(rb"\[\s*(\(|\{\s*'|')")

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def batches(
    path: Path, format: Format, encoding: str | None, report: Callable[[str], None], part: str | None = None
) -> Iterator[Batch]:
    """Yield a file's rows in batches. part: the key of a list of rows. Raises: UnreadableFile, and as `check_names`."""
    encoding = find_encoding(path, encoding, report)
    with open_bytes(path) as stream:
        rows = json_rows(as_utf8(stream, encoding), lambda parts: chosen(str(path), parts, part, report), part)
        yield from row_batches(path, flat_rows(rows, report))


def parts(path: Path) -> list[str]:
    """Return the keys of the lists of rows in a file, none where it is of another layout."""
    keys = []

    def first(found: list[str]) -> str:
        keys.extend(found)
        return found[0]

    with open_bytes(path) as stream:
        next(json_rows(as_utf8(stream, find_encoding(path, None, lambda _: None)), first), None)
    return keys


def json_rows(stream: BinaryIO, choose: Callable[[list[str]], str], part: str | None = None) -> Iterator[Row]:
    """Yield the rows of any layout; in an array or an object of columns, a row's line is its position. stream: UTF-8.

    choose: returns one of the keys of an object's lists of rows. part: such a key, if one is named.
    Raises: UnreadableFile when an array or an object of columns breaks off, since no row after it is certain.
    """
    start = stream.peek(LONGEST)[:1024].lstrip() if isinstance(stream, io.BufferedReader) else b""
    if part is not None and not start.startswith(b"{"):
        raise UnreadableFile(f"it is no object of lists, so it has no part {part!r}; name the file alone")
    if _PYTHON.match(start):
        raise UnreadableFile(f"it is {PYTHON}")
    if start.startswith(b"["):
        yield from _array_rows(stream)
        return
    first = stream.readline(LONGEST + 1)
    if len(first) > LONGEST and _NESTED.match(first):  # pandas writes all columns as one line
        yield from _object_rows(first + stream.read(MOST), choose)
        return
    first = _skip_rest(first, stream)
    if first is None:
        return
    second = _next_line(stream)
    if part is not None or _is_one_object(first, second):
        yield from _object_rows(first + (second or b"") + stream.read(MOST), choose)
        return
    yield from _line_rows(itertools.chain([first], [second] if second else [], iter(lambda: _next_line(stream), None)))


def _object_rows(content: bytes, choose: Callable[[list[str]], str]) -> Iterator[Row]:
    """Yield the rows of one object, of lists of rows or of columns."""
    found = parse_object(content)
    lists = row_lists(found)
    yield from list_rows(lists[choose(list(lists))]) if lists else column_rows(found)


def _next_line(stream: BinaryIO) -> bytes | None:
    """Return the next line, or None at the end. Of a line longer than LONGEST, only the start is returned."""
    return _skip_rest(stream.readline(LONGEST + 1), stream)


def _skip_rest(line: bytes, stream: BinaryIO) -> bytes | None:
    rest = line
    while len(rest) > LONGEST and not rest.endswith(b"\n"):
        rest = stream.readline(LONGEST + 1)
    return line or None


def _line_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """Yield the rows of JSON Lines."""
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST:
            yield number, None, f"longer than {LONGEST:,} bytes", line[:1000].decode("utf-8", "replace")
        elif line.strip():
            try:
                yield number, _decode(line), None, ""
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                row, reason = _lenient(line, error)
                yield number, row, reason, line.decode("utf-8", "replace")


def _lenient(line: bytes, error: Exception) -> tuple[dict[str, Any] | None, str | None]:
    """Return the object of a line that is not strict JSON, or why there is none.

    Python's json module also writes NaN, which stands for a missing value; print() writes a dict in Python's own way.
    """
    if isinstance(error, UnicodeDecodeError):
        return None, INVALID
    try:
        row = _python_object(line) if line.startswith(b"{'") else json.loads(line, parse_constant=lambda _: None)
    except (ValueError, SyntaxError, TypeError, MemoryError):
        return None, "not JSON"
    except RecursionError:
        return None, "nested too deeply"
    return (row, None) if isinstance(row, dict) else (None, "not a JSON object")


def _python_object(line: bytes) -> Any:
    """Return the object that a line of Python writes with constants alone, as JSON has it."""
    return json.loads(json.dumps(ast.literal_eval(line.decode().strip())), parse_constant=lambda _: None)


class _Bounded:
    """A stream that gives an array's parser no more bytes than the longest element may have."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream
        self.elements = 0
        self._given = 0  # bytes since the last element

    def read(self, size: int) -> bytes:
        if self._given > LONGEST + 2 * size:  # the parser may hold a block that it has not parsed
            raise UnreadableFile(f"element {self.elements + 1:,} of the array is longer than {LONGEST:,} bytes")
        self._given += size
        return self._stream.read(size)

    def next_element(self) -> int:
        """Start the bound anew after an element, and return the element's position from 1."""
        self._given = 0
        self.elements += 1
        return self.elements


def _array_rows(stream: BinaryIO) -> Iterator[Row]:
    """Yield the elements of an array."""
    bounded = _Bounded(stream)
    depth, builder, is_too_deep, holds_pairs = 0, None, False, False
    try:
        # in smaller blocks, a long string takes time that grows with its square; ijson.items takes memory that grows
        # with the square of the depth
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
            position = bounded.next_element()
            if is_too_deep:
                yield position, None, "nested too deeply", f"element {position:,}"
            elif closes and isinstance(builder.value, dict):
                yield position, builder.value, None, ""
            elif closes and is_pair(builder.value) and (holds_pairs or position == 1):
                holds_pairs = True
                yield position, dict(zip(PAIR, builder.value, strict=True)), None, ""
            else:
                yield position, None, "not a JSON object", "a list" if closes else json.dumps(value, default=float)
    except (ijson.JSONError, UnicodeDecodeError) as error:
        words = re.sub(r"\s+", " ", str(error))[:100]
        raise UnreadableFile(f"the array breaks off after element {bounded.elements:,}: {words}") from None


def _is_one_object(first: bytes, second: bytes | None) -> bool:
    """Return whether a file starts as one object of columns or lists, rather than an object per line."""
    try:
        row = _decode(first)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return re.fullmatch(rb'\s*\{\s*("[^"]*"\s*:\s*[\[{]?)?\s*', first) is not None
    is_columns = bool(row) and all(isinstance(value, dict | list) for value in row.values())
    return second is None and (is_columns or bool(row_lists(row)))

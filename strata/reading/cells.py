"""The rows of delimited text as lists of cells, read by Python's csv module, which a damaged row does not stop."""

import csv
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, TextIO

LONGEST = 16 * 1024 * 1024  # characters of a row; a longer one is rejected


class Dialect(NamedTuple):
    """How a delimited file is written."""

    delimiter: str
    quote: str | None
    escape: str | None

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """Return a csv reader that is strict about quotes.

        The csv module takes only one-character delimiters. Lines with a longer one are split without reading quotes,
        and cells lose the spaces around them.
        """
        if len(self.delimiter) > 1:
            return (_parted(line, self.delimiter) for line in lines)
        quoting = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            quotechar=self.quote,
            escapechar=self.escape,
            doublequote=self.escape is None,
            quoting=quoting,
            strict=True,
        )


def _parted(line: str, delimiter: str) -> list[str]:
    """Return a line's cells, none of an empty line."""
    return [cell.strip() for cell in line.split(delimiter)] if line.strip() else []


class Texts:
    """Lines that were read already, followed by the stream they came from. It has the one method that Lines calls."""

    def __init__(self, lines: list[str], stream: TextIO | None = None):
        self._lines = iter(lines)
        self._stream = stream

    def readline(self, most: int) -> str:
        """Return the next line, of the stream at most `most` characters of it; "" at the end."""
        return next(self._lines, "") or (self._stream.readline(most) if self._stream else "")


class Lines:
    """The lines of a stream, each cut to LONGEST characters. The lines of the current row can be put back."""

    def __init__(self, stream: TextIO | Texts):
        self._stream = stream
        self._again: deque[str] = deque()
        self.taken: list[str] = []  # the lines of the current row
        self.number = 0  # of the last line taken, from 1
        self._cut: set[int] = set()  # numbers of the lines that were cut

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        is_new = not self._again
        line = self._stream.readline(LONGEST) if is_new else self._again.popleft()
        if not line:
            raise StopIteration
        self.taken.append(line)
        self.number += 1
        if is_new and len(line) == LONGEST and not line.endswith(("\n", "\r")):
            self._cut.add(self.number)
            rest = line
            while rest and not rest.endswith(("\n", "\r")):
                rest = self._stream.readline(LONGEST)
        return line

    @property
    def first(self) -> int:
        """The number of the current row's first line."""
        return self.number - len(self.taken) + 1

    @property
    def is_cut(self) -> bool:
        """Whether a line of the current row was longer than LONGEST."""
        return bool(self._cut) and not self._cut.isdisjoint(range(self.first, self.number + 1))

    def put_back_all_but_first(self) -> None:
        """Return all lines of the current row but the first one to the stream."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]


def cell_rows(
    stream: TextIO | Texts, dialect: Dialect, is_several: Callable[[list[str], list[str]], bool] | None = None
) -> Iterator[tuple[int, list[str] | None, str | None, str]]:
    """Yield (line, cells, None, raw text) of each row, or (line, None, reason, raw text) if it cannot be read.

    If a quote is not closed, only the line that opens it is lost: reading goes on with the next one. Empty lines are
    skipped. is_several: whether the lines of one row are in fact several rows, to be read without quotes; see
    WholeRows.
    """
    unquoted = dialect._replace(quote=None, escape=None)
    csv.field_size_limit(LONGEST)
    lines = Lines(stream)
    reader = dialect.reader(lines)
    while True:
        lines.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines.put_back_all_but_first()
            cells = None
            reason = _reason(error)
            reader = dialect.reader(lines)
        if cells and is_several and len(lines.taken) > 1 and not lines.is_cut and is_several(lines.taken, cells):
            lines.put_back_all_but_first()
            cells = next(unquoted.reader(iter(lines.taken)))
        if lines.is_cut:
            yield lines.first, None, f"longer than {LONGEST:,} characters", lines.taken[0][:1000]
        elif cells is None:
            yield lines.first, None, reason, lines.taken[0]
        elif cells:
            yield lines.first, cells, None, "".join(lines.taken)


def _reason(error: csv.Error) -> str:
    words = str(error)
    if "end of data" in words or "field limit" in words:
        return "a quote is opened and not closed"
    if "expected after" in words:
        return "a quote inside a quoted value is not doubled"
    return words

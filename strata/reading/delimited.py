"""CSV and TSV: which delimiter, quotes and header a file has, and its rows, read by Python's csv module."""

import csv
from collections import Counter, deque
from collections.abc import Iterator
from typing import NamedTuple, TextIO

LONGEST = 16 * 1024 * 1024  # characters of a row; a longer one is rejected
SAMPLE = 1000  # lines that the dialect is found from, as long as they take no more than
SAMPLE_SIZE = 1024 * 1024  # characters
COMMON_NAMES = {"text", "review", "sentence", "comment", "message", "title", "body", "content", "tweet", "id"}
COMMON_NAMES |= {"label", "labels", "class", "category", "target", "sentiment", "polarity", "topic", "intent"}
COMMON_NAMES |= {"rating", "score", "stars"}
DELIMITERS = ",\t;|"


class Dialect(NamedTuple):
    """How a delimited file is written."""

    delimiter: str
    quote: str | None
    escape: str | None

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
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


class Lines:
    """The lines of a stream, each at most LONGEST characters; those of the row at hand can be put back."""

    def __init__(self, stream: "TextIO | Texts"):
        self._stream = stream
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.number = 0  # of the last line taken, from 1
        self._cut: set[int] = set()  # numbers of lines longer than LONGEST, whose ends are skipped

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
        """The number of the first line taken."""
        return self.number - len(self.taken) + 1

    @property
    def is_cut(self) -> bool:
        """Whether one of the lines taken was longer than LONGEST."""
        return bool(self._cut) and not self._cut.isdisjoint(range(self.first, self.number + 1))

    def put_back_all_but_first(self) -> None:
        self._again.extendleft(reversed(self.taken[1:]))
        self.number -= len(self.taken) - 1
        del self.taken[1:]


def rows(stream: "TextIO | Texts", dialect: Dialect) -> Iterator[tuple[int, list[str] | None, str | None, str]]:
    """Yield (line, cells, None, "") for each row, or (line, None, reason, raw) for one that cannot be read.

    A row whose quotes do not close costs its first line alone: reading goes on at the next one, so that an open quote
    takes no good rows with it. Empty lines are no rows.
    """
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


def read_sample(stream: TextIO) -> list[str]:
    """Read the first lines of a file, of which the last may be cut off at LONGEST."""
    sample, size = [], 0
    while len(sample) < SAMPLE and size < SAMPLE_SIZE and (line := stream.readline(LONGEST)):
        sample.append(line)
        size += len(line)
    return sample


def find_dialect(sample: list[str], delimiter: str | None) -> Dialect:
    """Return the dialect in which most of the sample's rows have one and the same number of cells, above one.

    Of equally good ones the first: double quotes before backslashes before single quotes before none, and a comma
    before a tab, a semicolon or a bar. No quotes at all are for tabs only: elsewhere an open quote is damage.
    """
    best, best_share = Dialect(delimiter or ",", '"', None), 0.0
    quotes = [('"', None), ('"', "\\")] if any('\\"' in line for line in sample) else [('"', None)]
    for quote, escape in (*quotes, ("'", None), (None, None)):
        for mark in delimiter or DELIMITERS:
            if quote is None and mark != "\t":
                continue
            if quote == "'" and not any(line.startswith("'") or f"{mark}'" in line for line in sample):
                continue
            dialect = Dialect(mark, quote, escape)
            found = [len(cells) if cells else 0 for _, cells, _, _ in rows(Texts(sample), dialect)]
            if not found:
                continue
            width, count = Counter(found).most_common(1)[0]
            share = count / len(found) if width > 1 else 0.0
            if share > best_share + 1e-9:
                best, best_share = dialect, share
    return best


class Texts:
    """Lines already read, and then the stream that they came from, with the one method that Lines calls."""

    def __init__(self, lines: list[str], stream: TextIO | None = None):
        self._lines = iter(lines)
        self._stream = stream

    def readline(self, most: int) -> str:
        return next(self._lines, "") or (self._stream.readline(most) if self._stream else "")


def has_header(first: list[str], others: list[list[str]]) -> bool:
    """Tell names from data: a number, a whole sentence, or a value that comes again in its column is data.

    COMMON_NAMES are names wherever else they come; 0, 1, 2 and so on are what pandas calls columns without names; the
    first row repeated whole is a header that came with each of several files put together.
    """
    others = [row for row in others if len(row) == len(first) and row != first]
    named = [cell.strip() for cell in first if cell.strip()]
    if named == [str(i) for i in range(len(named))] or COMMON_NAMES & {name.lower() for name in named}:
        return True
    columns = [{cell.strip() for cell in column} for column in zip(*others, strict=True)] or [set()] * len(first)
    return not any(
        cell.strip() and (_is_number(cell) or len(cell.split()) >= 8 or cell.strip() in column)
        for cell, column in zip(first, columns, strict=True)
    )


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True

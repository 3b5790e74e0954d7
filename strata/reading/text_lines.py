"""The reader of files that hold a text a line."""

from collections.abc import Callable, Iterator
from pathlib import Path

from strata.reading.batch import Batch
from strata.reading.cells import LONGEST, Lines
from strata.reading.encoding import find_encoding, open_text
from strata.reading.formats import Format
from strata.reading.row_batches import Row, row_batches
from strata.reading.unpack import open_bytes


def batches(path: Path, format: Format, encoding: str | None, report: Callable[[str], None]) -> Iterator[Batch]:
    """Yield a file's lines in batches; empty ones are skipped, and counted at the end. Raises: as `find_encoding`."""
    encoding = find_encoding(path, encoding, report)
    with open_bytes(path) as stream, open_text(stream, encoding) as text:
        yield from row_batches(path, _rows(Lines(text), report))


def _rows(lines: Lines, report: Callable[[str], None]) -> Iterator[Row]:
    empty = 0
    for line in lines:
        if lines.is_cut:
            yield lines.number, None, f"longer than {LONGEST:,} characters", line[:1000]
        elif line.strip():
            yield lines.number, {"text": line.rstrip("\r\n")}, None, line
        else:
            empty += 1
        lines.taken.clear()
    if empty:
        report(f"{empty:,} empty {'line is' if empty == 1 else 'lines are'} left out")

"""The reader of .txt files: lines that begin with their label where they plainly do, else delimited text."""

from collections.abc import Callable, Iterator
from pathlib import Path

from strata.reading import delimited
from strata.reading.batch import Batch
from strata.reading.cells import LONGEST, Lines, Texts
from strata.reading.dialect import read_sample
from strata.reading.encoding import find_encoding, open_text
from strata.reading.formats import Format
from strata.reading.label_first import LabelFirst, find_form
from strata.reading.row_batches import Row, row_batches
from strata.reading.unpack import open_bytes
from strata.reading.unread_content import records_of_lines


def batches(path: Path, format: Format, encoding: str | None, report: Callable[[str], None]) -> Iterator[Batch]:
    """Yield a file's rows in batches. Raises: as `delimited.batches`."""
    encoding = find_encoding(path, encoding, report)
    with open_bytes(path) as stream, open_text(stream, encoding) as text:
        sample = read_sample(text)
        form = None if records_of_lines(sample) else find_form(sample)
        if form:
            report(f"read as lines that begin with their label: {form.description}")
            yield from row_batches(path, _rows(Lines(Texts(sample, text)), form))
            return
    yield from delimited.batches(path, format, encoding, report)


def _rows(lines: Lines, form: LabelFirst) -> Iterator[Row]:
    for line in lines:
        row = form.row(line)
        if lines.is_cut:
            yield lines.number, None, f"longer than {LONGEST:,} characters", line[:1000]
        elif line.strip():
            yield lines.number, row, None if row else f"not {form.description}", line
        lines.taken.clear()

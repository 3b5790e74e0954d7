"""The reader of CSV, TSV and other delimited text."""

import shlex
from collections.abc import Callable, Iterator
from copy import copy
from pathlib import Path

from strata.base.errors import StrataError
from strata.reading.batch import Batch, check_count, check_names
from strata.reading.cells import Texts, cell_rows
from strata.reading.dialect import (
    describes_answers,
    end_with_delimiter,
    find_dialect,
    first_rows,
    has_header,
    has_row_names,
    is_name_of_texts,
    lines_above,
    names_groups,
    read_sample,
    whole_rows,
    without_quotes,
)
from strata.reading.encoding import find_encoding, open_text
from strata.reading.formats import Format
from strata.reading.row_batches import Row, row_batches
from strata.reading.unpack import open_bytes
from strata.reading.unread_content import other_content
from strata.reading.whole_rows import WholeRows

QUALTRICS = '{"ImportId"'  # how each cell of the third row begins


def batches(path: Path, format: Format, encoding: str | None, report: Callable[[str], None]) -> Iterator[Batch]:
    """Yield a file's rows in batches. Raises: StrataError when it holds no row or is no table, and as `check_names`."""
    encoding = find_encoding(path, encoding, report)
    with open_bytes(path) as stream, open_text(stream, encoding) as text:
        sample = read_sample(text)
        if what := other_content(sample):
            raise StrataError(f"{path}: no delimited text, but {what.replace('FILE', shlex.quote(path.name))}")
        above = lines_above(sample, format.delimiter)
        if above:
            report(f"its first {f'{above} lines are comments' if above > 1 else 'line is a comment'}, left out")
        quoted = find_dialect(sample[above:], format.delimiter)
        dialect = without_quotes(sample[above:], quoted)
        if dialect != quoted:
            report("not sure: quotes hold lines that look like rows, so all quotes are read as parts of the text")
        is_several = whole_rows(sample[above:], dialect)
        first = first_rows(sample[above:], dialect, copy(is_several))  # it counts, and these rows are read again
        if not any(cell.strip() for row in first for cell in row):
            raise StrataError(f"{path}: no readable line in it; it must name its columns, then hold rows")
        header = first[0]
        if has_row_names(first, dialect.delimiter):
            first[0] = ["", *header]
            report("the names of the rows, which R writes, are column_1")
        elif end_with_delimiter(first):
            first[0] = [*header, ""]
            report(f"the first rows end with a delimiter that the header lacks, so column_{len(first[0])} is added")
        check_count(path, len(first[0]))
        has_groups = names_groups(first[0], first[1:])
        header_rows = 2 if has_groups else _header_rows(first)
        names = _column_names(first[has_groups], header_rows > 0)
        if has_groups:
            report("the row above the header names groups of columns and is left out")
        if header_rows == 2 and not has_groups:
            report("an export of SurveyMonkey: the row below the header describes the answers and is left out")
        if header_rows > 2:
            report("an export of Qualtrics: the two rows below the header describe the columns and are left out")
        if not header_rows:
            last = f" to column_{len(names)}" if len(names) > 1 else ""
            report(f"no header, columns are named column_1{last}")
        check_names(path, names)
        cells = cell_rows(Texts(sample[above:], text), dialect, is_several)
        rows = ((line + above, *rest) for line, *rest in cells)
        again = [] if header_rows and len(header) > 1 else None
        yield from row_batches(path, _rows(rows, names, header_rows, header, again))
        for sentence in _told_at_the_end(again or [], is_several):
            report(sentence)


def _told_at_the_end(again: list[int], is_several: WholeRows) -> Iterator[str]:
    """Yield what reading found on its way. again: the lines that repeat the header."""
    if len(again) > 1:
        yield f"{len(again):,} lines repeat the header, the first line {again[0]}, and are left out"
    elif again:
        yield f"line {again[0]} repeats the header and is left out"
    if count := is_several.found:
        yield (
            "not sure: quoted lines that look like several rows are read as rows, in "
            f"{count:,} {'place' if count == 1 else 'places'}, first {is_several.first_found!r}"
        )
    if count := is_several.unsure:
        yield (
            "not sure: quoted lines that may be several rows are read as one text, in "
            f"{count:,} {'place' if count == 1 else 'places'}, first {is_several.example!r}; if they are rows, "
            "remove the quotes from the file"
        )


def _header_rows(first: list[list[str]]) -> int:
    """Return how many of a file's first rows are its header: three in an export of Qualtrics, two in one of
    SurveyMonkey, else one or none.
    """
    if len(first) > 2 and all(cell.startswith(QUALTRICS) for cell in first[2]):
        return 3
    if len(first) > 2 and describes_answers(*first[:2]):
        return 2
    return int(has_header(first[0], first[1:]) if len(first[0]) > 1 else is_name_of_texts(first[0][0]))


def _column_names(first: list[str], is_named: bool) -> list[str]:
    """Return the names in a file's first row; column_1, column_2 and so on where there is none."""
    names = [name.strip() for name in first] if is_named else [""] * len(first)
    # pandas writes its index under an empty name
    return [name or f"column_{i}" for i, name in enumerate(names, 1)]


def _rows(
    rows: Iterator[tuple], names: list[str], header_rows: int, header: list[str], again: list[int] | None
) -> Iterator[Row]:
    """Yield rows of cells under their columns' names, without the header rows. rows: as from `cell_rows`.

    again: receives the numbers of lines that repeat the header, as in concatenated files; None: these are rows.
    """
    for line, cells, reason, raw in rows:
        if cells is None:
            yield line, None, reason, raw
        elif header_rows:  # the first readable rows
            header_rows -= 1
        elif again is not None and cells[-1] == header[-1] and _without_mark(cells) == header:
            again.append(line)
        elif len(cells) != len(names):
            yield line, None, _other_width(len(cells), len(names)), raw
        else:
            yield line, dict(zip(names, cells, strict=True)), None, raw


def _without_mark(cells: list[str]) -> list[str]:
    """Return a row without the byte-order mark that stood at the start of its file before files were concatenated."""
    first = cells[0]
    return [first.removeprefix("\ufeff").strip('"') if first.startswith("\ufeff") else first, *cells[1:]]


def _other_width(cells: int, columns: int) -> str:
    if columns == 1:
        return f"{cells} cells in a file of one column; a text with commas stands in quotes"
    return f"{cells} cells where the header has {columns}"

"""The reader of Excel's and OpenDocument's spreadsheets, one sheet of a workbook.

Cells become the text that the same table has as CSV: 1 and 1.5, true, 2024-01-31, 2024-01-31 09:30:00.
"""

import datetime
import itertools
import re
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from strata.base.errors import StrataError
from strata.reading.batch import Batch, UnreadableFile, check_names
from strata.reading.dialect import SAMPLE_ROWS, describes_answers, has_header, names_groups
from strata.reading.formats import Format
from strata.reading.parts import chosen
from strata.reading.row_batches import Row, row_batches
from strata.reading.sheet_size import check_size
from strata.reading.unpack import BLOCK, unpacked

Cells = tuple[int, list[str]]
"""A row's number in the sheet and its cells."""
MOST_EXACT = 2**53  # larger numbers are not exact in a cell


def batches(
    path: Path, format: Format, encoding: str | None, report: Callable[[str], None], part: str | None = None
) -> Iterator[Batch]:
    """Yield a sheet's rows in batches. part: the sheet's name. Raises: UnreadableFile, and as `check_names`."""
    with unpacked(path) as file:
        check_size(file, path)
        book = _workbook(file)
        sheets = _sheets(book)
        if not sheets:
            raise UnreadableFile("no sheet in it")
        sheet = _sheet(book, chosen(str(path), sheets, part, report))
        yield from row_batches(path, _rows(path, sheet, report))


def parts(path: Path) -> list[str]:
    """Return the names of a workbook's sheets that are not empty."""
    with unpacked(path) as file:
        check_size(file, path)
        return _sheets(_workbook(file))


def _workbook(file: Path) -> CalamineWorkbook:
    try:
        with file.open("rb") as stream:
            return CalamineWorkbook.from_object(stream)
    except CalamineError as error:
        raise UnreadableFile(_not_a_workbook(file) or str(error) or "damaged") from None
    except BaseException as error:  # of the Rust library, on a damaged file
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFile("damaged") from None


def _not_a_workbook(file: Path) -> str | None:
    """Return what a text file is that only has a spreadsheet's suffix, as exports of many programs do, or None."""
    with file.open("rb") as stream:
        start = stream.read(BLOCK)
    if not start.strip() or b"\0" in start:
        return None
    is_marked = re.match(rb"\W*<(\?xml)?", start)
    what = ("XML" if is_marked[1] else "HTML") if is_marked else "text"
    return f"it is {what} in spite of its suffix; open it in a spreadsheet program and save it as .xlsx or .csv"


def _sheets(book: CalamineWorkbook) -> list[str]:
    """Return the names of the sheets that hold something: visible ones, or hidden ones where no other is there."""
    sheets = [about for about in book.sheets_metadata if about.typ == SheetTypeEnum.WorkSheet]
    visible = [about.name for about in sheets if about.visible == SheetVisibleEnum.Visible]
    names = visible or [about.name for about in sheets]
    if len(names) < 2:
        return names
    return [name for name in names if _sheet(book, name).height] or names


def _sheet(book: CalamineWorkbook, name: str) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except CalamineError as error:
        raise UnreadableFile(f"its sheet {name!r}: {error}") from None


def _rows(path: Path, sheet: CalamineSheet, report: Callable[[str], None]) -> Iterator[Row]:
    """Yield the rows below the header, which is the first row that is as wide as those below it."""
    cells = _filled_down(sheet)
    start: list[Cells] = []
    for number, row in enumerate(cells, 1):
        start.append((number, [_text(cell) for cell in row]))
        if len(start) == SAMPLE_ROWS:
            break
    filled = [(number, row) for number, row in start if any(row)]
    if not filled:
        raise StrataError(f"{path}: its sheet {sheet.name!r} is empty; name another")
    header = _header(filled)
    header += names_groups(filled[header][1], [row for _, row in filled[header + 1 :]])
    if header:
        above = filled[header][0] - 1
        rows = f"{above:,} rows stand above the table and are" if above > 1 else "row stands above the table and is"
        report(f"its first {rows} left out")
    below = [row for _, row in filled[header + 1 :]]
    is_described = bool(below) and describes_answers(filled[header][1], below[0])
    names, is_named = _names(filled[header][1], below[is_described:])
    if not is_named:
        report(f"no header, columns are named column_1 to column_{len(names)}")
    check_names(path, [name for name in names if name])
    if merged := sum(bottom >= filled[header][0] for _, bottom, _ in _merged(sheet)):
        report(f"{merged:,} merged cells, whose value is read in each of their rows")
    rest = ((number, [_text(cell) for cell in row]) for number, row in enumerate(cells, 1 + len(start)))
    if is_described:
        report("an export of SurveyMonkey: the row below the header describes the answers and is left out")
    yield from _below(filled[header + is_named * (1 + is_described) :], rest, names)


def _below(start: list[Cells], rest: Iterator[Cells], names: list[str]) -> Iterator[Row]:
    for number, row in itertools.chain(start, rest):
        if any(row):
            values = {name: cell for name, cell in zip(names, row, strict=False) if name}
            yield number, values, None, "\t".join(row)


def _header(rows: list[Cells]) -> int:
    """Return the position of the first row of which half the cells are filled that any row has."""
    widths = [sum(map(bool, row)) for _, row in rows]
    wide = max(widths)
    return next(i for i, width in enumerate(widths) if width >= max(min(2, wide), wide / 2))


def _names(first: list[str], others: list[list[str]]) -> tuple[list[str], bool]:
    """Return the columns' names, "" for a column without any cell, and whether the first row holds them."""
    is_named = has_header(first, others)
    named = [" ".join(cell.split()) if is_named else "" for cell in first]
    is_used = [any(row[i] for row in (first, *others)) for i in range(len(first))]
    names = [name or f"column_{i}" for i, name in enumerate(named, 1)]
    return [name if used else "" for name, used in zip(names, is_used, strict=True)], is_named


def _merged(sheet: CalamineSheet) -> list[tuple[int, int, int]]:
    """Return the first row, the last row and the column of the cells that are merged over several rows.

    They count from 0: rows from the sheet's first, columns from the first that is not empty, as `iter_rows` has them.
    """
    areas = [area for area in sheet.merged_cell_ranges or [] if area[1][0] > area[0][0]]
    return sorted((top, bottom, left - sheet.start[1]) for (top, left), (bottom, _) in areas)


def _filled_down(sheet: CalamineSheet) -> Iterator[list[Any]]:
    """Yield the cells of each row from the sheet's first row on, those merged over several rows in each of them."""
    merged = deque(_merged(sheet))
    held: dict[int, tuple[int, Any]] = {}  # by column: the last row of a merged cell, and its value
    for number, row in enumerate(sheet.iter_rows()):
        while merged and merged[0][0] == number:
            _, bottom, column = merged.popleft()
            if 0 <= column < len(row):
                held[column] = bottom, row[column]
        held = {column: cell for column, cell in held.items() if cell[0] >= number}
        is_row = any(cell != "" for cell in row)  # one of merged cells alone is the rest of the row above
        yield [held[i][1] if i in held else cell for i, cell in enumerate(row)] if held and is_row else row


def _text(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < MOST_EXACT:
        return str(int(cell))
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ")
    return str(cell)

"""Bounds a workbook before it is read, since its cells are held in memory, the empty ones between others as well."""

import re
import zipfile
from pathlib import Path

from strata.base.errors import StrataError
from strata.reading.unpack import BLOCK, FREE, RATIO

MOST_CELLS = 50_000_000  # in the rectangle around all cells of a sheet
_CELL = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,4})([0-9]{1,8})"')


def check_size(file: Path, path: Path) -> None:
    """Raise StrataError when a workbook unpacks to too much, or one of its sheets is too large. path: for messages."""
    if not zipfile.is_zipfile(file):  # .xls, which is not packed
        return
    with zipfile.ZipFile(file) as archive:
        if sum(info.file_size for info in archive.infolist()) > max(FREE, RATIO * file.stat().st_size):
            raise StrataError(f"{path}: unpacks to over {RATIO} times its size; save it as CSV if you trust it")
        for info in archive.infolist():
            if re.fullmatch(r"xl/worksheets/[^/]+\.xml", info.filename) and _rectangle(archive, info) > MOST_CELLS:
                raise StrataError(
                    f"{path}: a sheet of more than {MOST_CELLS:,} cells, the empty ones counted; save it as CSV"
                )


def _rectangle(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Return the cells in the rectangle around all cells of a sheet."""
    rows, columns, rest = 0, 0, b""
    with archive.open(info) as sheet:
        while block := sheet.read(BLOCK):
            content = rest + block
            for column, row in set(_CELL.findall(content)):
                rows, columns = max(rows, int(row)), max(columns, _position(column))
            rest = content[-200:]
    return rows * columns


def _position(column: bytes) -> int:
    """Return a column's position from 1 by its letters."""
    position = 0
    for letter in column:
        position = position * 26 + letter - 64
    return position

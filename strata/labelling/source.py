"""The file whose rows are labelled: which one is meant, what tells it from another, and its rows in blocks."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.tables import PLACE
from strata.reading.parts import named_part
from strata.reading.raw_files import TEXT, RawFile
from strata.reading.unpack import inner_name

# a block ends at either limit; the second one is looked at after each batch that a reader gives
BLOCK = 4096  # rows
BLOCK_SIZE = 64 * 1024 * 1024  # bytes


def raw_file(given: Path, is_table: bool) -> RawFile:
    """Return the file, or the part of it, that is named as FILE or FILE#PART. Raises: StrataError when it is missing.

    is_table: whether a .txt file is read as delimited text; else each of its lines is a text.
    """
    named = named_part(given)
    if named is None:
        found = "is a folder; name one of its files" if given.is_dir() else "no such file; name a file of texts"
        raise StrataError(f"{given}: {found}, or FILE#SHEET")
    is_text = Path(inner_name(named[0])).suffix.lower() == TEXT
    return RawFile(*named, is_lines=is_text and not is_table and named[1] is None)


def identity(file: RawFile) -> dict[str, Any]:
    """Return what another content of the file, or another part of it, changes."""
    with file.path.open("rb") as content:
        return {"sha256": hashlib.file_digest(content, "sha256").hexdigest(), "part": file.part, "lines": file.is_lines}


class Unchanged:
    """Whether a file is still what it was when this was made."""

    def __init__(self, path: Path):
        self._path, self._before = path, self._now(path)

    def check(self) -> None:
        """Raise StrataError when somebody wrote to the file."""
        if self._now(self._path) != self._before:
            raise StrataError(f"{self._path}: was changed while it was read; run again when it is complete")

    @staticmethod
    def _now(path: Path) -> tuple[int, int]:
        about = os.stat(path)  # noqa: PTH116, follows links as Path.stat does, and is what it calls
        return about.st_size, about.st_mtime_ns


def blocks(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Yield the rows of tables, without their place, in tables of BLOCK rows; of fewer if they have BLOCK_SIZE bytes.

    A column that comes late is null in the rows before it, as far as they are in the same block.
    """
    pending: pa.Table | None = None
    for placed in tables:
        table = placed.drop(PLACE)
        pending = table if pending is None else pa.concat_tables([pending, table], promote_options="default")
        while len(pending) >= BLOCK:
            yield pending.slice(0, BLOCK)
            pending = pending.slice(BLOCK)
        if pending.nbytes >= BLOCK_SIZE:
            yield pending
            pending = pending.slice(len(pending))
    if pending is not None and len(pending):
        yield pending

"""What every reader yields: some consecutive rows of a file as text columns, and those that cannot be read."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.tables import PLACE
from strata.reading import values

MOST_COLUMNS = 4096


class Reject(NamedTuple):
    """A row that cannot be read."""

    line: int  # as in Batch
    reason: str
    raw: str


class Batch(NamedTuple):
    """Consecutive rows of a file."""

    table: pa.Table  # the readable rows; every column is text, null for an empty value
    lines: pa.Array  # (readable rows,) int64: each row's line, or its position from 1 in a format without lines
    rejects: list[Reject]  # the other rows
    nested: list[str]  # columns that hold lists or objects, which are kept as JSON
    rows_read: int
    class_names: dict[str, list[str]] | None = None  # the names that a column's ids stood for, in id order
    objects: Sequence[str] = ()  # columns of the file that held objects, whose keys are columns of the table


class UnreadableFile(ValueError):
    """The file as a whole cannot be read; says why."""


def check_count(path: Path, columns: int) -> None:
    """Raise StrataError when a file has too many columns."""
    if columns > MOST_COLUMNS:
        raise StrataError(f"{path}: {columns:,} columns, more than {MOST_COLUMNS:,}; leave some out")


def check_names(path: Path, names: list[str]) -> None:
    """Check a file's column names. Raises: StrataError when one is reserved, repeated or not text, or on too many."""
    check_count(path, len(names))
    if invalid := [name for name in names if values.unusable({"": name})]:
        raise StrataError(f"{path}: a column's name is not text: {values.printable(invalid[0])!r}; rename it")
    if reserved := set(PLACE) & set(names):
        raise StrataError(f"{path}: a column is called {reserved.pop()}, which Strata needs; rename it")
    if len(set(names)) < len(names):
        repeated = ", ".join(name for name, count in Counter(names).items() if count > 1)
        raise StrataError(f"{path}: several columns have the same name: {repeated}; rename all but one")

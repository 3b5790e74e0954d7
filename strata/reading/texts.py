"""The texts of any file, for commands that need neither labels nor a recipe."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from strata.base.errors import StrataError, did_you_mean
from strata.reading.parts import named_part

if TYPE_CHECKING:
    from strata.rejects import Rejects


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file, a text each. Bytes that are not UTF-8 become lone surrogates."""
    if not path.is_file():
        raise _missing(path)
    with path.open(encoding="utf-8", errors="surrogateescape") as stream:
        yield from (line.rstrip("\n") for line in stream)


def texts(
    path: Path, column: str, rejects: "Rejects | None" = None, report: Callable[[str], None] = print
) -> Iterator[list[str]]:
    """Yield the texts of one column in batches, "" where a row has none. path: a file, or FILE#PART.

    rejects: takes the rows that cannot be read. report: takes what is said of the file, such as its encoding.
    Raises: StrataError when the file is missing, or has no such column.
    """
    # needs the pipeline's packages; `lines` does without
    from strata.base.tables import PLACE
    from strata.reading.raw_files import RawFile
    from strata.reading.source_file import SourceFile

    named = named_part(path)
    if named is None:
        raise _missing(path)
    for table in SourceFile(RawFile(*named), rejects=rejects, report=report).tables():
        names = [name for name in table.column_names if name not in PLACE]
        if column not in names:
            raise StrataError(f"{path}: no column {column!r}; name it with --text{did_you_mean(column, names)}")
        yield [text or "" for text in table[column].to_pylist()]


def texts_at(path: Path, column: str, positions: set[int]) -> dict[int, str]:
    """Return the texts at some positions among a file's readable rows, from 0. Raises: as `texts`."""
    chosen, start = {}, 0
    for batch in texts(path, column, report=lambda _: None):  # it was said when the file was first read
        chosen |= {start + i: text for i, text in enumerate(batch) if start + i in positions}
        start += len(batch)
    return chosen


def _missing(path: Path) -> StrataError:
    return StrataError(f"{path}: no such file; name a file of texts")

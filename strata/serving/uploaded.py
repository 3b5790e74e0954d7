"""A CSV file that somebody uploads: its rows, and which columns hold its texts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from strata.base.errors import StrataError
from strata.base.tables import PLACE
from strata.labelling.text_columns import preparation_for
from strata.reading.source_file import SourceFile
from strata.rejects import Rejects
from strata.runtime.preparation import Preparation

SUFFIXES = (".csv", ".tsv")
MOST = 10_000  # rows
LARGEST = 64 << 20  # bytes
TOGETHER = " + "  # between the names of columns that are one text


class Uploaded(NamedTuple):
    """choices: the columns that may be the text, by what they are called. text: the choice that is offered.

    is_guess: whether the columns are not those of the model's own data. said: sentences about the file.
    """

    table: pa.Table
    choices: Mapping[str, Sequence[str]]
    text: str
    is_guess: bool
    said: Sequence[str]

    def texts(self, choice: str, trained: Preparation) -> list[dict]:
        """Return each row as the model reads it: {column of the model's own data: value}. choice: of the text."""
        known = {name: self.table[name].to_pylist() for name in trained.columns if name in self.table.column_names}
        columns = self.choices[choice]
        if tuple(columns) != tuple(trained.text):
            known |= {name: [""] * len(self.table) for name in trained.text}
            known[trained.text[0]] = self.table[columns[0]].to_pylist()
        return [dict(zip(known, row, strict=True)) for row in zip(*known.values(), strict=True)]


def read(path: Path, trained: Preparation) -> Uploaded:
    """Return a file's rows. trained: how the model's own texts were made.

    Raises: StrataError where it cannot be read, or has no row or more than MOST.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise StrataError(f"{path}: cannot be read here; upload {' or '.join(SUFFIXES)}")
    said: list[str] = []
    rejects = Rejects()
    table = _table(path, rejects, said.append)
    first = rejects.first and f"in line {rejects.first['line']}: {rejects.first['reason']}"
    if not len(table) and first:
        raise StrataError(f"{path}: no row can be read, the first {first}; save the file as CSV in UTF-8")
    if not len(table):
        raise StrataError(f"{path}: no row in it; below the names of the columns comes a row for each text")
    if first:
        said.append(f"{len(rejects):,} of its rows cannot be read and are left out, the first {first}")
    text, is_guess = _text(path, table, trained)
    lacking = [name for name, _ in trained.annotate if name not in table.column_names]
    if lacking:
        said.append(f"the model was trained to read {', '.join(lacking)} with each text; these rows go without")
    choices = {name: (name,) for name in table.column_names}
    return Uploaded(table, {TOGETHER.join(text): text, **choices}, TOGETHER.join(text), is_guess, said)


def _text(path: Path, table: pa.Table, trained: Preparation) -> tuple[Sequence[str], bool]:
    """Return the columns of the text, and whether they are a guess; the first column where none looks like texts."""
    try:
        found = tuple(preparation_for(path, table, trained, (), lambda _: None).text)
    except StrataError:
        return (table.column_names[0],), True
    return found, found != tuple(trained.text)


def _table(path: Path, rejects: Rejects, report: Callable[[str], None]) -> pa.Table:
    """Return a file's rows. report: takes a sentence on how it is read. Raises: StrataError on more than MOST."""
    parts: list[pa.Table] = []
    for table in _parts(path, rejects, report):
        parts.append(table)
        if sum(map(len, parts)) > MOST:
            raise StrataError(
                f"{path}: more than {MOST:,} rows; strata predict FOLDER FILE --out OUT labels any number of them"
            )
    return pa.concat_tables(parts, promote_options="default") if parts else pa.table({})


def _parts(path: Path, rejects: Rejects, report: Callable[[str], None]):
    try:
        tables = SourceFile(path, rejects=rejects, report=lambda words: report(words.partition(": ")[2]))
        for table in tables.tables():
            yield table.drop(PLACE)
    except UnicodeError:
        raise StrataError(f"{path}: cannot be read as text; save it as CSV in UTF-8") from None

"""Which columns of a file are its texts: those that are named, those that the model was trained on, or a guess."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from strata.base.errors import StrataError, did_you_mean
from strata.guessing.choose_text import choose_text
from strata.guessing.columns import Column
from strata.runtime.preparation import Preparation


def preparation_for(
    path: Path, first: pa.Table, trained: Preparation, named: Sequence[str], report: Callable[[str], None]
) -> Preparation:
    """Return the model's preparation with the columns that hold this file's texts.

    first: the file's first rows. named: columns; none to find them. report: takes a sentence for the user.
    Raises: StrataError when a named column is missing, or no column can be the text.
    """
    if missing := [name for name in named if name not in first.column_names]:
        raise StrataError(f"{path}: no column {missing[0]!r}{did_you_mean(missing[0], first.column_names)}")
    text = tuple(named) or _found(path, first, trained.text, report)
    absent = [column for column, _ in trained.annotate if column not in first.column_names]
    if absent:
        names = ", ".join(map(repr, absent))
        report(f"{path.name}: no column {names}, which the model was trained to read with each text; labelled without")
    return trained._replace(text=text)


def _found(path: Path, first: pa.Table, trained: Sequence[str], report: Callable[[str], None]) -> Sequence[str]:
    """Return the columns of the model's recipe where the file has them all, else a guess, which is reported."""
    if set(trained) <= set(first.column_names):
        return trained
    if len(first.column_names) == 1:
        return tuple(first.column_names)
    columns = [_column(name, first) for name in first.column_names]
    text = choose_text(path, columns, None, needs_label=False).column.name
    lacking = ", ".join(repr(name) for name in trained if name not in first.column_names)
    report(f"{path.name}: no column {lacking}; the texts are read from {text!r}; --text names another")
    return (text,)


def _column(name: str, table: pa.Table) -> Column:
    column = Column(name)
    column.add(table[name].to_pylist())
    return column

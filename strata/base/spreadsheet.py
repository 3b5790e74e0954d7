"""Cells of CSV files that people open in a spreadsheet: a text that starts like a formula is not computed there.

Quoting does not help, since spreadsheets compute quoted cells too. So such a cell gets an apostrophe, by which Excel
and LibreOffice know a text. Whoever reads the file with code takes it off again: `unguarded` is exact.
"""

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\r]")
NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*")


def guarded(cell: Any) -> Any:
    """Return a cell that is not computed: with an apostrophe more, if it starts like a formula and is no number.

    >>> guarded("=1+1"), guarded("'=1+1"), guarded("-1"), guarded("- a film"), guarded("'tis")
    ("'=1+1", "''=1+1", '-1', "'- a film", "'tis")
    """
    is_formula = isinstance(cell, str) and FORMULA.match(cell) and not NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def unguarded(cell: Any) -> Any:
    """Return what `guarded` was given."""
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell) else cell


def guarded_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table with every cell of text guarded; other columns stay as they are."""
    texts = [name for name in table.columns if table[name].dtype.kind not in "biufcmM"]
    return table.assign(**{name: table[name].map(guarded, na_action="ignore") for name in texts})

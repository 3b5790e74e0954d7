"""Which column is the text: by its name and the length of its values."""

import re
from pathlib import Path
from typing import NamedTuple

from strata.base.errors import StrataError, did_you_mean
from strata.guessing.columns import Column, listed, reasons
from strata.guessing.kinds import can_be_label, is_label_name, kind
from strata.yaml_words import flow

TEXT_NAMES = re.compile(r"(?i)(^|[_.])(text|review|body|content|comment|sentence|message|tweet)(_|$)")
PART_NAMES = re.compile(
    r"(?i)(^|[_.])(title|headline|subject|summary|description|question|answer|query|context|premise|hypothesis"
    r"|(text|sentence)_?\d)(_|$)"
)
"""Names of columns that are often part of a text, however short."""
FEWEST_REPEATS = 10  # rows a value: fewer values than that are categories, not texts


class Text(NamedTuple):
    """The column of texts, the others that hold text as well, and the doubts."""

    column: Column
    others: list[Column]
    doubts: list[str]


def choose_text(path: Path, columns: list[Column], name: str | None) -> Text:
    """Choose the text. columns: all but the label, if one is named. name: of the text, if it is named.

    Raises: StrataError when there is no such column, or none can be the text.
    """
    if name is not None and name not in [c.name for c in columns]:
        raise StrataError(f"{path}: no column {name!r}{did_you_mean(name, [c.name for c in columns])}")
    fit = [c for c in columns if why_no_text(c) is None]
    if name is None and not fit:
        raise StrataError(
            f"{path}: no column can be the text: {reasons(columns, why_no_text)}; name one with --text, or a file that "
            "has one"
        )
    longest = sorted(fit, key=lambda c: (-c.mean_words * _looks_like_text(c.name), c.name))
    text = next((c for c in columns if c.name == name), None) or longest[0]
    doubts = []
    others = [c for c in longest if c is not text and _is_text_too(c, text)]
    if others and name is None:
        together = [c.name for c in columns if c is text or c in others]
        doubts.append(
            f"the text is {text.name}, but text is also in {listed(others)}; to join them, write text: {flow(together)}"
        )
    if text.empty:
        doubts.append(f"{text.empty:,} rows have no text; keep.min_words drops them")
    return Text(text, others, doubts)


def why_no_text(column: Column) -> str | None:
    """Return why a column is not the text, or None when it may be."""
    if found := kind(column):
        return found
    values, is_label = column.values, is_label_name(column.name)
    if not values or not can_be_label(column):
        return None
    is_short, are_few = column.mean_words < 2, len(values) * FEWEST_REPEATS <= column.rows
    return f"{len(values):,} values that repeat" if [is_short, are_few, is_label].count(True) > 1 else None


def _is_text_too(column: Column, text: Column) -> bool:
    """Tell whether a column holds text beside another: by its length, or as a title does, by its name."""
    if column.values is not None and len(column.values) * FEWEST_REPEATS <= column.rows:
        return False
    if re.fullmatch(r"column_\d+", column.name) and column.mean_words > 3:  # no name says what it is
        return column.values is None or 2 * len(column.values) > column.rows
    is_named = PART_NAMES.search(column.name) or TEXT_NAMES.search(column.name)
    return column.mean_words > max(3, text.mean_words / 4) or bool(is_named and column.mean_words >= 1.5)


def _looks_like_text(name: str) -> int:
    """Return a factor for the mean length: 3 or 2 if the name suggests text, else 1."""
    return 3 if TEXT_NAMES.fullmatch(name.rpartition(".")[2]) else 2 if TEXT_NAMES.search(name) else 1

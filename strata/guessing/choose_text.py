"""Which column is the text: by its name and the length of its values."""

import re
from pathlib import Path
from typing import NamedTuple

from strata.base.errors import StrataError, did_you_mean
from strata.guessing.columns import Column, counted_rows, listed, reasons
from strata.guessing.kinds import are_codes, is_label_name, is_repeating, kind
from strata.yaml_words import flow

TEXT_NAMES = re.compile(r"(?i)(^|[_.])(text|review|body|content|comment|sentence|message|tweet)(_|$)")
PART_NAMES = re.compile(
    r"(?i)(^|[_.])(title|headline|subject|summary|description|question|answer|query|context|premise|hypothesis"
    r"|(text|sentence)_?\d)(_|$)"
)
"""Names of columns that are often part of a text, however short."""
CODE_NAMES = re.compile(r"(?i)(^|[_. ])(id|key|ref|reference|code|no|nr|num|number|index|uuid|guid|hash)$|^column_\d+$")
MANY_VALUES = 20  # different short values, from which on they may be the text beside codes of any name
FEWEST_REPEATS = 10  # rows a value: fewer values than that are categories, not texts


class Text(NamedTuple):
    """The column of texts, the others that hold text as well, even the same, and the doubts."""

    column: Column
    others: list[Column]
    doubts: list[str]


def choose_text(path: Path, columns: list[Column], name: str | None, needs_label: bool) -> Text:
    """Choose the text. columns: all but the label, if one is named. name: of the text, if it is named.

    needs_label: whether one of the other columns must be left for the label.
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
    longest = sorted(fit, key=lambda c: (_may_be_ids(c), -c.mean_words * _looks_like_text(c.name), len(c.name), c.name))
    doubts = []
    if name is not None:
        text = next(c for c in columns if c.name == name)
    elif _may_be_ids(longest[0]):
        text, doubts = _text_beside_codes(longest[0], columns, needs_label)
    else:
        text = longest[0]
    ordered = [text, *(c for c in longest if c is not text)]
    twins = [c for i, c in enumerate(ordered) if any(map(c.is_like, ordered[:i]))]
    others = [c for c in ordered[1:] if c not in twins and _is_text_too(c, text)]
    if others and name is None:
        together = [c.name for c in columns if c is text or c in others]
        doubts.append(
            f"the text is {text.name}, but text is also in {listed(others)}; to join them, write text: {flow(together)}"
        )
    if text.empty:
        have = "has" if text.empty == 1 else "have"
        doubts.append(f"{counted_rows(text.empty)} {have} no text, and keep.min_words leaves such rows out")
    return Text(text, [*others, *twins], doubts)


def _text_beside_codes(codes: Column, columns: list[Column], needs_label: bool) -> tuple[Column, list[str]]:
    """Return the text where no column but one of codes is fit, and the doubt about it.

    Of two columns of values that repeat, one may be the text and the other the label, such as first names and genders.
    needs_label: as in `choose_text`.
    """
    repeating = [c for c in columns if kind(c) is None and why_no_text(c) is not None]
    are_ids = CODE_NAMES.search(codes.name) is not None
    texts = [c for c in repeating if not is_label_name(c.name) and (are_ids or len(c.values or ()) >= MANY_VALUES)]
    if len(repeating) < 1 + needs_label or not texts:
        return codes, [f"the text is {codes.name}, whose values look like ids, such as {codes.examples[0][:40]!r}"]
    text = max(texts, key=lambda c: (_looks_like_text(c.name), len(c.values or ()), c.name))
    why = f"though its {len(text.values or ()):,} values repeat: those of {codes.name} look like ids"
    return text, [f"the text is {text.name}, {why}, such as {codes.examples[0][:40]!r}; choose another with --text"]


def _may_be_ids(column: Column) -> bool:
    return are_codes(column) and _looks_like_text(column.name) == 1


def why_no_text(column: Column) -> str | None:
    """Return why a column is not the text, or None when it may be."""
    if found := kind(column):
        return found
    values, is_label = column.values, is_label_name(column.name)
    if not values or not is_repeating(column):
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

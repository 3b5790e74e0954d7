"""Which column is the label: by its name, its few values, and whether a row has one label there."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from strata.base.errors import StrataError, did_you_mean
from strata.guessing.columns import MOST_VALUES, Column, listed
from strata.label_lists import LIST, SEPARATORS, SET, UNSET, sentence
from strata.label_lists import several as split_of

NAMES = (
    "label|labels|class|classes|category|categories|sentiment|polarity|target|intent|topic|topics|rating|overall|stars"
    "|score|grade|emotion|y"
)
FIRST_NAMES = re.compile("(?i)label|class|target")
LABEL_NAMES = re.compile(rf"(?i)(^|_)({NAMES})(_|$)|^is_")
WHOLE_NAMES = re.compile(rf"(?i){NAMES}")
NOT_LABELS = re.compile(r"(?i)(.*_)?(id|idx|index|annotator|created_at|updated_at|lead_time|date|time|timestamp|split)")
FLAGS = [set(pair) for pair in zip(SET, UNSET, strict=True)]
FEWEST_FLAGS = 3  # this many columns of 0 and 1 are one label; two are only if each row sets exactly one
ENOUGH_PARTS = 0.2  # in a column of over MOST_VALUES combinations, more rows than this share must have several labels
MOST_PARTS = 200


@dataclass
class Wishes:
    """The user's choices for the label; all are optional."""

    label: str | None = None
    first: bool = False  # of several labels
    has: str | None = None  # one label against all others


@dataclass
class Label:
    """The label's values, as a recipe's `columns.label` gives them."""

    column: str | list[str] | dict[str, str]
    name: str
    values: Counter[str]
    used: list[Column]
    doubts: list[str] = field(default_factory=list)


def choose_label(
    path: Path, columns: list[Column], texts: list[Column], wishes: Wishes, count_set: Callable[[list[str]], Counter]
) -> Label:
    """Choose the label. count_set: returns, of columns of 0 and 1, the rows by the number of columns that are set.

    Raises: StrataError when no column can be the label, or rows have several labels and no wish says which counts.
    """
    if wishes.label is not None:
        column = next((c for c in columns if c.name == wishes.label), None)
        if column is None:
            raise StrataError(
                f"{path}: no column {wishes.label!r}{did_you_mean(wishes.label, [c.name for c in columns])}"
            )
        return _label_of(path, column, wishes, [])
    left = [c for c in columns if c not in texts]
    candidates = [c for c in left if _can_be_label(c)]
    pool = [c for c in left if c in candidates or (how_several(c) and not NOT_LABELS.fullmatch(c.name))]
    if not pool:
        raise StrataError(_no_label(path, columns))
    column = min(
        pool, key=lambda c: (_rank(c), how_several(c) is not None, len(c.values or range(MOST_VALUES)), c.name)
    )
    flags = _flags(column, [c for c in left if _rank(c) == _rank(column)])
    rows = count_set([c.name for c in flags]) if len(flags) > 1 else Counter()
    if len(flags) >= FEWEST_FLAGS or set(rows) == {1}:
        return _flag_label(path, flags, rows)
    doubts = []
    rivals = [c for c in candidates if c is not column and (_rank(column) == 3 or _rank(c) < 3)]
    if rivals or _rank(column) == 3:
        others = f"; other columns with few values: {listed(rivals)}" if rivals else ", the only column with few values"
        doubts.append(f"the label is {column.name}{others}")
    return _label_of(path, column, wishes, doubts)


def _can_be_label(column: Column) -> bool:
    """Tell whether a column has few distinct values, at most half as many as rows."""
    values = column.values
    if not values or NOT_LABELS.fullmatch(column.name) or (column.is_nested and how_several(column)):
        return False
    return 2 <= len(values) <= max(column.rows // 2, min(2, column.rows - 1))


def _rank(column: Column) -> int:
    """Rank a column by its name: from 0, surely the label, to 3, no sign of one."""
    name = column.name
    return (
        0 if FIRST_NAMES.fullmatch(name) else 1 if WHOLE_NAMES.fullmatch(name) else 2 if LABEL_NAMES.search(name) else 3
    )


def how_several(column: Column) -> str | None:
    """Return how a column writes several labels in one value, as in SPLITS, or None where each value is one."""
    if (lists := column.splits.get(LIST)) and lists.several:
        return LIST
    if column.values is not None:
        values = column.values
        return next(filter(None, (split_of(value, values.__contains__) for value in values)), _swapped(column))
    for mark in SEPARATORS:
        found = column.splits.get(mark)
        if found and len(found.all) <= MOST_PARTS and found.several > ENOUGH_PARTS * column.rows:
            return mark
    return None


def _swapped(column: Column) -> str | None:
    """Return the separator of two values that hold the same parts in another order."""
    for mark in SEPARATORS:
        orders: dict[frozenset, str] = {}
        for value in column.values or {}:
            parts = [part.strip() for part in value.split(mark)]
            if len(parts) > 1 and orders.setdefault(frozenset(parts), value) != value:
                return mark
    return None


def _label_of(path: Path, column: Column, wishes: Wishes, doubts: list[str]) -> Label:
    """Return the label that a column holds. Raises: StrataError when it has several and no wish, or no two values."""
    split = how_several(column)
    if split is None and (wishes.first or wishes.has):
        split = next((s for s in (LIST, *SEPARATORS) if s in column.splits and column.splits[s].several), None)
    if split is None:
        if not column.values or len(column.values) < 2:
            raise StrataError(
                f"{path}: column {column.name} cannot be the label: {column.about()}; a label has 2 to "
                f"{MOST_VALUES:,} values"
            )
        return Label(column.name, column.name, column.values, [column], doubts + _empty(column))
    found = column.splits[split]
    if wishes.has is not None:
        if wishes.has not in found.all:
            near = did_you_mean(wishes.has, sorted(found.all))
            raise StrataError(f"{path}: no row has the label {wishes.has!r} in {column.name}{near}")
        given = column.rows - column.empty
        values = Counter({"true": found.all[wishes.has], "false": given - found.all[wishes.has]})
        spec = {"column": column.name, "split": split, "has": wishes.has}
        return Label(spec, wishes.has, values, [column], doubts + _empty(column))
    if wishes.first:
        doubt = f"{found.several:,} rows have several labels in {column.name}, of which the first counts"
        return Label({"column": column.name, "split": split}, column.name, found.first, [column], [*doubts, doubt])
    raise StrataError(
        f"{path}: {sentence(column.name, found.several, found.example)}; choose another column with --label, keep the "
        "first label with --first, or write a recipe for each label with --has NAME"
    )


def _empty(column: Column) -> list[str]:
    if not column.empty:
        return []
    return [f"{column.empty:,} rows have no {column.name}; raise standardize.max_rejects to set them aside"]


def _flags(column: Column, candidates: list[Column]) -> list[Column]:
    """Return the columns of 0 and 1 that a column belongs with; none if it is not one of them."""
    is_flag = [c for c in candidates if c.values and any({v.lower() for v in c.values} <= values for values in FLAGS)]
    return is_flag if column in is_flag else []


def _flag_label(path: Path, flags: list[Column], rows: Counter) -> Label:
    """Return the label that each row gives by the one column it sets. Raises: StrataError when a row sets several."""
    several = sum(count for number, count in rows.items() if number > 1)
    names = ", ".join(c.name for c in flags)
    if several:
        raise StrataError(
            f"{path}: {several:,} of {rows.total():,} rows have several labels, since more than one of the columns "
            f"{names} is set, and a row can have one; name one with --label, and write a recipe for each"
        )
    values = Counter({c.name: sum(n for value, n in c.values.items() if value.lower() in SET) for c in flags})
    values = +values
    doubts = [f"the label is the one column set among {names}"]
    if rows[0]:
        doubts.append(f"none is set in {rows[0]:,} rows; raise standardize.max_rejects to set them aside")
    return Label(list(values), "label", values, flags, doubts)


def _no_label(path: Path, columns: list[Column]) -> str:
    nested = [c for c in columns if c.is_nested]
    export = f"; lists or objects are in {listed(nested)}: choose a flat export, such as CSV" if nested else ""
    return (
        f"{path}: no column can be the label: it needs 2 to {MOST_VALUES:,} distinct values, most of them repeated; "
        f"columns: {listed(columns)}{export}"
    )

"""Which column is the label: by its name, its few values, and whether a row has one label there."""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from strata.base.errors import StrataError, did_you_mean
from strata.expression import term
from strata.guessing.columns import MOST_VALUES, Column, counted_rows, listed, reasons
from strata.guessing.kinds import (
    DECIMALS,
    NOT_LABELS,
    NUMBERS,
    are,
    are_dates,
    are_decimals,
    can_be_label,
    is_aside,
    is_label_name,
    is_split,
    rank,
    why_no_label,
)
from strata.several_labels import LIST, MARKS, SEPARATORS, SET, UNSET, are_records, parts, sentence
from strata.several_labels import several as split_of
from strata.yaml_words import string

NAMED = "(text|names?|str|string|title|label|desc|description)"
FLAGS = [*({*pair} for pair in zip(SET, UNSET, strict=False)), {*MARKS}]
FEWEST_FLAGS = 3  # this many columns of 0 and 1 are one label; two are only if each row sets exactly one
ENOUGH_PARTS = 0.2  # in a column of over MOST_VALUES combinations, more rows than this share must have several labels
MOST_PARTS = 200
FEWEST = 0.5  # share of the rows that have a value, where another column has more
FEWEST_NAMED = 0.05  # of a column that is called what a label is called: often not all rows are labelled yet


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
    steps: list[str] = field(default_factory=list)  # before a run, which would fail without them
    if_unlabelled: tuple[str, ...] = ()  # a doubt and a step, told if a row with a text has no label


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
    candidates = [c for c in left if can_be_label(c)]
    pool = [c for c in left if c in candidates or (how_several(c) and not _is_other(c))]
    marked = [] if pool else [c for c in left if _is_marked(c)]
    rows = count_set([c.name for c in marked]) if len(marked) > 1 else Counter()
    if len(marked) >= FEWEST_FLAGS or set(rows) == {1}:
        return _flag_label(path, marked, rows)
    if not pool:

        def why(column: Column) -> str | None:
            if _is_marked(column):
                return _how_to_fill(column)
            return "the text" if column is texts[0] else "text too" if column in texts else why_no_label(column)

        raise StrataError(
            f"{path}: no column can be the label, which needs 2 to {MOST_VALUES:,} distinct values, most of them "
            f"repeated: {reasons(columns, why)}; name one with --label, or a file that has one"
        )
    rows_of_file = max(c.rows for c in columns)
    pool = [c for c in pool if _has_enough(c, rows_of_file)] or pool
    column = min(pool, key=_unlikelihood)
    flags = _flags(column, [c for c in left if rank(c.name) == rank(column.name)])
    rows = count_set([c.name for c in flags]) if len(flags) > 1 else Counter()
    if len(flags) >= FEWEST_FLAGS or set(rows) == {1}:
        return _flag_label(path, flags, rows)
    if names := next((c for c in candidates if _names_numbers(c, column)), None):
        doubts = [f"the label is {names.name}, whose values are the names of the numbers in {column.name}"]
        return _label_of(path, names, wishes, doubts)
    doubts = []
    rivals = [c for c in candidates if c is not column and (rank(column.name) == 3 or rank(c.name) < 3)]
    if rivals or rank(column.name) == 3:
        others = f"; other columns with few values: {listed(rivals)}" if rivals else ", the only column with few values"
        doubts.append(f"the label is {column.name}{others}")
    return _label_of(path, column, wishes, doubts)


def _unlikelihood(column: Column) -> tuple:
    """Return what to sort columns by, so that the likeliest label comes first."""
    values = len(column.values or range(MOST_VALUES))
    is_less_likely = are_decimals(column), rank(column.name), is_aside(column), how_several(column) is not None
    return *is_less_likely, values, column.name


def _has_enough(column: Column, rows: int) -> bool:
    """Return whether enough rows have a value for the column to be the label beside a full one. rows: of the file."""
    return column.rows - column.empty >= rows * (FEWEST_NAMED if is_label_name(column.name) else FEWEST)


def _is_other(column: Column) -> bool:
    """Return whether a column is none of labels, whatever separators its values hold."""
    return (
        bool(NOT_LABELS.fullmatch(column.name)) or are_dates(column) or is_split(column) or are_records(column.examples)
    )


def _names_numbers(names: Column, numbers: Column) -> bool:
    """Tell by name and by counts of values whether a column, such as label_text, spells out another's numbers."""
    stem = re.escape(numbers.name)
    is_named = re.fullmatch(rf"(?i)({stem}|label|class|category|target)[_.]?{NAMED}", names.name)
    return (
        bool(is_named)
        and are(numbers, NUMBERS)
        and not are(names, NUMBERS)
        and sorted((names.values or {}).values()) == sorted((numbers.values or {}).values())
    )


def how_several(column: Column) -> str | None:
    """Return how a column writes several labels in one value, as in SPLITS, or None where each value is one."""
    if are_decimals(column):
        return None
    if (lists := column.splits.get(LIST)) and lists.several:
        return LIST
    if column.values is not None:
        values = column.values
        found = next(filter(None, (split_of(value, values.__contains__) for value in values)), _swapped(column))
        return found if found in column.splits else None
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
                f"{path}: column {column.name} cannot be the label: "
                f"{_how_to_fill(column) if _is_marked(column) else column.about()}; a label has 2 to "
                f"{MOST_VALUES:,} values"
            )
        label = Label(column.name, column.name, column.values, [column], doubts + _perhaps_several(column))
        return _without_empty(label, column, column.empty + column.empty_lists)
    found = column.splits[split]
    if wishes.has is not None:
        if wishes.has not in found.all:
            near = did_you_mean(wishes.has, sorted(found.all))
            raise StrataError(f"{path}: no row has the label {wishes.has!r} in {column.name}{near}")
        given = column.rows - column.empty
        values = Counter({"true": found.all[wishes.has], "false": given - found.all[wishes.has]})
        spec = {"column": column.name, "split": split, "has": wishes.has}
        if column.empty_lists:
            doubts.append(f"{column.empty_lists:,} rows have an empty list in {column.name}, which counts as false")
        return _without_empty(Label(spec, wishes.has, values, [column], doubts), column, column.empty)
    if wishes.first:
        doubts.append(f"{found.several:,} rows have several labels in {column.name}, of which the first counts")
        spec = {"column": column.name, "split": split}
        label = Label(spec, column.name, found.first, [column], doubts)
        return _without_empty(label, column, column.empty + column.empty_lists)
    raise StrataError(
        f"{path}: {sentence(column.name, found.several, found.example)}; choose another column with --label, keep the "
        "first label with --first, or write a recipe for each label with --has NAME"
    )


def _perhaps_several(column: Column) -> list[str]:
    """Return the doubt about values of which one part, but not each, is a label of its own."""
    values = column.values or Counter()
    found = {value: split_of(value, values.__contains__, any_part=True) for value in values}
    marks = [mark for mark in found.values() if mark in column.splits]
    if not marks or are_decimals(column):
        return []
    combined = [value for value, mark in found.items() if mark == marks[0]]
    example = combined[0]
    part = next(part for part in parts(example, marks[0]) if part in values)
    decimal = ", or a number with a decimal comma" if DECIMALS.fullmatch(example) else ""
    return [
        f"{sum(values[value] for value in combined):,} rows may have several labels in {column.name}, such as "
        f"{example[:80]!r}{decimal}, since {part!r} is one too; each such value is one label unless you use --first or "
        "--has NAME"
    ]


def _without_empty(label: Label, column: Column, rows: int) -> Label:
    """Return the label with the doubt about the rows of a column that have none, and how to leave them out."""
    if not rows:
        return label
    # a missing value is unequal to nothing, so the comparison with the empty list leaves it out too
    name = term(column.name)
    where = string(f"{name} != '[]'" if column.empty_lists else f"{name}.notna()")
    filled = "; if each value is for the empty cells below it too, fill these" if _heads_blocks(column) else ""
    have = "has" if rows == 1 else "have"
    doubt = f"{counted_rows(rows)} {have} no {column.name}; to leave them out, add where: {where} to keep{filled}"
    label.if_unlabelled = doubt, f"add where: {where} to the recipe's keep"
    return label


def _heads_blocks(column: Column) -> bool:
    """Return whether each value may stand for the empty cells below it: most cells are empty, and few values repeat."""
    given = column.rows - column.empty
    return column.empty > column.rows / 2 and 2 * len(column.values or ()) > given


def _flags(column: Column, candidates: list[Column]) -> list[Column]:
    """Return the columns of 0 and 1, or of another pair, that a column belongs with; none if it is not one of them."""
    pair = next((pair for pair in FLAGS if _holds(column, pair)), None)
    return [c for c in candidates if pair and _holds(c, pair)]


def _is_marked(column: Column) -> bool:
    """Return whether a column marks some rows, with an x say, and is empty in the others."""
    return column.empty > 0 and len(column.values or ()) == 1 and {*map(str.lower, column.values)} <= {*SET}


def _how_to_fill(column: Column) -> str:
    mark = next(iter(column.values))
    return f"{mark!r} alone, and {column.empty:,} empty cells; if these mean no, write no into them"


def _holds(column: Column, pair: set[str]) -> bool:
    return bool(column.values) and {value.lower() for value in column.values} <= pair


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
    label = Label(list(values), "label", values, flags, [f"the label is the one column set among {names}"])
    if rows[0]:
        label.doubts.append(f"none is set in {rows[0]:,} rows; raise standardize.max_rejects to set them aside")
        label.steps.append(allowing("standardize.max_rejects", rows[0], rows.total()))
    return label


def allowing(setting: str, rejects: int, rows: int) -> str:
    """Return how params.yaml allows rows that are set aside. rows: all, with these."""
    return f"set {setting} to {math.ceil(100 * rejects / rows) / 100:g} or more in params.yaml"

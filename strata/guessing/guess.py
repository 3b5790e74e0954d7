"""Which columns of a file are the text, the label and perhaps a group or a date."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from strata.base.errors import StrataError
from strata.guessing.choose_label import Label, Wishes, choose_label
from strata.guessing.choose_text import TEXT_NAMES, choose_text
from strata.guessing.columns import Column, listed
from strata.guessing.kinds import LABEL_NAMES
from strata.guessing.label_names import Labels, are_too_few, name_labels
from strata.guessing.labelled_texts import LabelledTexts
from strata.guessing.offers import (
    date_doubts,
    date_offer,
    group_doubts,
    group_offer,
    no_label_doubts,
    split_doubts,
)
from strata.reading.raw_files import LABEL

UNLABELLED = ("unsup", "unsupervised", "unlabeled", "unlabelled")
VALUES = re.compile(r"(?i)(pos|neg|neu)(itive|ative|tral)?|ham|spam")  # of a label, and seldom its name


@dataclass
class Guess:
    """A recipe's settings for the columns, and the doubts."""

    text: str
    label: str | list[str] | dict[str, str]
    labels: Labels
    positive: str | None
    group: str | None
    date: str | None  # as YAML
    unsure: list[str]
    equal: dict[str, list[str]] = field(default_factory=dict)  # of keep
    steps: list[str] = field(default_factory=list)  # before a run, which would fail without them


def guess(
    path: Path,
    columns: list[Column],
    wishes: Wishes,
    text_name: str | None,
    class_names: dict[str, list[str]],
    count_set: Callable[[list[str]], Counter],
    pairs: Callable[[str, str], Iterable[tuple[str | None, str | None]]],
    by_path: bool = False,
) -> Guess:
    """Choose the text, the label, a group and a date. class_names: the labels of a column in id order, where known.

    pairs: returns, of two columns, the values of each row. by_path: whether the column label holds labels out of the
    files' paths. Raises: as `choose_label`.
    """
    if text_name is not None and text_name == wishes.label:
        raise StrataError(f"{path}: --text and --label both name {text_name!r}; the text and the label are two columns")
    text, others, text_doubts = choose_text(
        path, [c for c in columns if c.name != wishes.label], text_name, wishes.label is None
    )
    label = choose_label(path, columns, [text, *others], wishes, count_set)
    equal = _labelled(label) if by_path and label.column == LABEL else {}
    values = _values_beside_texts(label, lambda column: pairs(text.name, column))
    labels, positive, name_doubts = name_labels(label.name, values, class_names.get(label.name))
    if any(are_too_few(value, values) for value in labels.values()):
        label.steps.append(f"add rows of the rare labels{', or merge them' if len(labels) > 2 else ''}")
    equal |= _listed_alone(label.column, values, labels)
    left = [c for c in columns if c not in (text, *others, *label.used)]
    group, (date, dates) = group_offer(left, label.values), date_offer(left)
    doubts = text_doubts + label.doubts + name_doubts
    doubts += no_label_doubts(label.column, values) if isinstance(label.column, str) else []
    doubts += split_doubts(left) + group_doubts(group) + date_doubts(date, dates)
    return Guess(text.name, label.column, labels, positive, group and group.name, date, doubts, equal, label.steps)


def _values_beside_texts(label: Label, pairs: Callable[[str], Iterable[tuple[str | None, str | None]]]) -> Counter[str]:
    """Return the values of a label in rows that have a text, and add the doubts about these rows to the label.

    pairs: returns the text of each row with its value in a column.
    """
    values, doubts, is_unlabelled = label.values, [], True
    if isinstance(label.column, str):
        labelled = LabelledTexts(pairs(label.column))
        values, doubts = labelled.labels(label.name, values)
        is_unlabelled = labelled.unlabelled > 0  # rows without a text are dropped anyway
    if label.if_unlabelled and is_unlabelled:
        doubt, step = label.if_unlabelled
        label.doubts.append(doubt)
        label.steps.append(step)
    label.doubts += doubts
    return values


def _labelled(label: Label) -> dict[str, list[str]]:
    """Take the texts without a label out of a label's values; return the filter of the recipe that leaves them out."""
    without = [value for value in label.values if value.casefold() in UNLABELLED]
    if not without or len(label.values) - len(without) < 2:
        return {}
    for value in without:
        label.doubts.append(f"{label.values.pop(value):,} texts of {value!r} are taken for unlabelled and left out")
    return {LABEL: sorted(label.values)}


def _listed_alone(column: str | list[str] | dict[str, str], values: Counter[str], labels: Labels) -> dict:
    """Return the filter of the recipe that leaves out values in no label's list, such as the grades in the middle."""
    rules = list(labels.values())
    if not isinstance(column, str) or not all(isinstance(rule, list) for rule in rules):
        return {}
    listed = [value for rule in rules for value in rule]
    return {column: listed} if len(listed) < len(values) else {}


def header_doubts(columns: list[Column]) -> list[str]:
    """Return a doubt if the first line of a delimited file, read as column names, may be a row."""
    if all(re.fullmatch(r"column_\d+", c.name) for c in columns):  # the first line was read as a row
        return []
    if any(TEXT_NAMES.search(c.name) or LABEL_NAMES.search(c.name) for c in columns) and not any(
        _looks_like_a_value(c) for c in columns
    ):
        return []
    return [f"the first line was taken for the names of the columns: {listed(columns)}"]


def _looks_like_a_value(column: Column) -> bool:
    """Tell whether a column's name may be its first value: long, a sentence, or of the kind of its other values."""
    name, words = column.name, len(column.name.split())
    if len(name) > 40 or words > 4 or (words > 1 and name.endswith((".", "!", "?"))):
        return True
    values = column.values or {}
    return name.casefold() in map(str.casefold, values) or bool(
        VALUES.fullmatch(name) and any(map(VALUES.fullmatch, values))
    )

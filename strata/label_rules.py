"""The recipe's label rules: from the values of the label column to label ids.

pandas is imported where it is used, since the settings read RULE from here.
"""

import operator
import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from strata.base.canonical import canonical
from strata.base.errors import StrataError
from strata.several_labels import single

if TYPE_CHECKING:
    import pandas as pd

Scalar = str | int | float | bool

RULE = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")
"""How a recipe writes a label's rule on numbers, such as '>= 7': the comparison and the number."""

_COMPARISONS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}

INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u2060\ufeff"))
"""Zero-width spaces, direction marks and byte-order marks, which programs leave in cells."""

OUTSIDE = -1
"""The id of a number that matches none of the recipe's number rules: its row is filtered."""
UNLISTED = -2
"""The id of any other value that the recipe does not list: its row is rejected."""


def _seen(value: Scalar) -> str:
    return str(value).translate(INVISIBLE)


def label_value(value: Scalar) -> str:
    """Return the canonical spelling of a label, without characters that nobody sees; a list of one label is that label.

    >>> label_value("spam\\u200b")
    'spam'
    """
    return canonical(single(_seen(value)))


def own_values(labels: dict[str, Scalar | list[Scalar]]) -> tuple[set[str], set[str]]:
    """Return the values that a recipe's labels name, and those among them that stand in a list.

    In a list, a value is that very text, even where it reads like a rule or like several labels.
    """
    listed = {label_value(value) for rule in labels.values() if isinstance(rule, list) for value in rule}
    alone = {label_value(rule) for rule in labels.values() if not isinstance(rule, list) and rule != "*"}
    return alone | listed, listed


def has_rest(labels: dict[str, Scalar | list[Scalar]]) -> bool:
    """Return whether one label stands for all other values."""
    return "*" in [rule for rule in labels.values() if isinstance(rule, str)]


def canonical_values(values: "pd.Series") -> "pd.Series":
    """Return canonical() of each value without INVISIBLE; missing values stay missing.

    Each distinct value is processed once.
    """
    import pandas as pd

    codes, distinct = pd.factorize(values)
    spellings = np.array([*(canonical(_seen(value)) for value in distinct), None], dtype=object)
    return pd.Series(spellings[codes], index=values.index, dtype="str")


def label_ids(values: "pd.Series", labels: dict[str, Scalar | list[Scalar]]) -> "pd.Series":
    """Return the label id of each value: int64, OUTSIDE or UNLISTED where it matches no label.

    values: text, none of it missing. labels: the recipe's, in id order.
    Raises: StrataError when a value matches two labels, or two labels are "*".
    """
    import pandas as pd

    values = canonical_values(values)
    numbers = pd.to_numeric(values, errors="coerce")
    ids = pd.Series(pd.NA, index=values.index, dtype="Int64")
    names = list(labels)
    for label_id, rule in enumerate(labels.values()):
        if rule == "*":
            continue
        is_match = _matches(values, numbers, rule)
        is_repeated = is_match & ids.notna()
        if is_repeated.any():
            value = values[is_repeated].iloc[0]
            raise StrataError(
                f"labels: the value {value!r} belongs to both {names[ids[is_repeated].iloc[0]]} and {names[label_id]}"
            )
        ids[is_match] = label_id
    rest = _rest(labels)
    if rest is not None:
        ids = ids.fillna(rest)
    elif any(_number_rule(rule) for rule in labels.values()):
        ids[ids.isna() & numbers.notna()] = OUTSIDE
    return ids.fillna(UNLISTED).astype("int64")


def _matches(values: "pd.Series", numbers: "pd.Series", rule: Scalar | list[Scalar]) -> "pd.Series":
    """Return which values match a label's rule, its value or one of its values: (values,) bool."""
    if match := _number_rule(rule):
        return _COMPARISONS[match[1]](numbers, float(match[2]))
    return values.isin([label_value(value) for value in (rule if isinstance(rule, list) else [rule])])


def _number_rule(rule: Scalar | list[Scalar]) -> re.Match | None:
    return RULE.fullmatch(rule) if isinstance(rule, str) else None


def _rest(labels: dict[str, Scalar | list[Scalar]]) -> int | None:
    """Return the id of the label "*", or None. Raises: StrataError when there are several."""
    ids = [label_id for label_id, rule in enumerate(labels.values()) if rule == "*"]
    if len(ids) > 1:
        first, second = (list(labels)[label_id] for label_id in ids[:2])
        raise StrataError(f'labels: "*" stands for both {first} and {second}; only one can be the rest')
    return ids[0] if ids else None


def unlisted_sentence(counts: Counter[str]) -> str:
    """Return a sentence that lists the values that match no label, the most frequent first."""
    most_frequent = sorted(counts, key=lambda value: (-counts[value], value))[:20]
    listed = ", ".join(
        f"{value!r} ({counts[value]:,} {'row' if counts[value] == 1 else 'rows'})" for value in most_frequent
    )
    return (
        f"labels: {len(counts):,} {'value belongs' if len(counts) == 1 else 'values belong'} to no label: {listed}; "
        'list each under a label in the recipe, give one label "*" for the rest, or drop their rows with keep'
    )

"""From the source's label values to label ids, by the recipe's rules."""

import re
import unicodedata
from collections import Counter

import numpy as np
import pandas as pd

from strata.base.errors import StrataError

Scalar = str | int | float | bool

RULE = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?)")
"""How a recipe writes a label's rule on numbers, such as '>= 7': the comparison and the number."""

_COMPARE = {"<=": pd.Series.le, ">=": pd.Series.ge, "<": pd.Series.lt, ">": pd.Series.gt}

OUTSIDE = -1
"""The id of a number that none of the recipe's number rules takes in: its row is filtered."""
UNLISTED = -2
"""The id of any other value that the recipe names nowhere: its row is rejected."""


def canonical(value: Scalar) -> str:
    """One spelling for values that formats write differently: true and True, 1 and 1.0.

    >>> [canonical(value) for value in (True, "TRUE", 1, "1.0", " spam ")]
    ['true', 'true', '1', '1', 'spam']
    """
    text = unicodedata.normalize("NFC", str(value)).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", text)


def canonical_values(values: pd.Series) -> pd.Series:
    """canonical() of each value, missing ones left missing; each distinct value is looked at once."""
    codes, distinct = pd.factorize(values)
    spelled = np.array([*(canonical(value) for value in distinct), None], dtype=object)
    return pd.Series(spelled[codes], index=values.index, dtype="str")


def label_ids(values: pd.Series, labels: dict[str, Scalar | list[Scalar]]) -> pd.Series:
    """Return the label id of each value: int64, OUTSIDE or UNLISTED where no label takes it in.

    values: text, none of it missing. labels: the recipe's, in id order.
    Raises: StrataError on a value that two labels take in, or on two labels that are "*".
    """
    values = canonical_values(values)
    numbers = pd.to_numeric(values, errors="coerce")
    ids = pd.Series(pd.NA, index=values.index, dtype="Int64")
    names = list(labels)
    rest, has_rules = None, False
    for label_id, rule in enumerate(labels.values()):
        match = RULE.fullmatch(rule) if isinstance(rule, str) else None
        if rule == "*":
            if rest is not None:
                raise StrataError(
                    f'labels: "*" stands for both {names[rest]} and {names[label_id]}; only one can be the rest'
                )
            rest = label_id
            continue
        if match:
            has_rules = True
            taken = _COMPARE[match[1]](numbers, float(match[2]))
        else:
            taken = values.isin([canonical(value) for value in (rule if isinstance(rule, list) else [rule])])
        twice = taken & ids.notna()
        if twice.any():
            value = values[twice].iloc[0]
            raise StrataError(
                f"labels: the value {value!r} belongs to both {names[ids[twice].iloc[0]]} and {names[label_id]}"
            )
        ids[taken] = label_id
    if rest is not None:
        ids = ids.fillna(rest)
    elif has_rules:
        ids[ids.isna() & numbers.notna()] = OUTSIDE
    return ids.fillna(UNLISTED).astype("int64")


def unlisted_sentence(counts: Counter[str]) -> str:
    """Say which values belong to no label, the most frequent first."""
    most = sorted(counts, key=lambda value: (-counts[value], value))[:20]
    found = ", ".join(f"{value!r} ({counts[value]:,} rows)" for value in most)
    return (
        f"labels: {len(counts):,} values belong to no label: {found}; list each under a label in the recipe, "
        'give one label "*" for the rest, or drop their rows with keep'
    )

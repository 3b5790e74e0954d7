"""The label of each row as one text, from whatever columns the recipe's `columns.label` names."""

import numpy as np
import pandas as pd

from strata.base.canonical import canonical
from strata.label_rules import RULE, Scalar, canonical_values, has_rest, own_values
from strata.settings.recipe import Columns, LabelOf
from strata.several_labels import SET, UNSET, parts, several, single


def label_columns(columns: Columns) -> list[str]:
    """Return the names of the columns that hold the label."""
    if isinstance(columns.label, LabelOf):
        return [columns.label.column]
    return [columns.label] if isinstance(columns.label, str) else list(columns.label)


def label_values(raw: pd.DataFrame, columns: Columns) -> pd.Series:
    """Return the label of each row as text, missing where it has none: (rows,) str.

    A list of one label is that label. Where several columns of 0 and 1 are set, the value is a list of their names.
    """
    if isinstance(columns.label, list):
        return _set_columns(raw, columns.label)
    codes, distinct = pd.factorize(raw[label_columns(columns)[0]])
    values = np.array([*(_value(value, columns.label) for value in distinct), None], dtype=object)
    return pd.Series(values[codes], index=raw.index, dtype="str")


def _value(value: str, label: str | LabelOf) -> str | None:
    if isinstance(label, str):
        return single(value).strip() or None
    labels = parts(value, label.split)
    if not labels:  # an empty list lacks the label; an empty cell may mean anything
        return "false" if label.has is not None and value.strip() else None
    return labels[0] if label.has is None else str(label.has in labels).lower()


def _set_columns(raw: pd.DataFrame, names: list[str]) -> pd.Series:
    """Return the name of the column that is set in each row; missing where none is, or one holds another value."""
    values = pd.DataFrame({name: canonical_values(raw[name]).str.lower() for name in names})
    is_set = values.isin(SET)
    is_flag = is_set | values.isin(UNSET) | values.isna()
    label = pd.Series(None, index=raw.index, dtype="object")
    count = is_set.sum(axis=1)
    label[count == 1] = is_set[count == 1].idxmax(axis=1)
    for row in is_set.index[count > 1]:
        label[row] = repr(is_set.columns[is_set.loc[row]].tolist())
    label[~is_flag.all(axis=1)] = None
    return label.astype("str")


def labels_in_one(values: pd.Series, labels: dict[str, Scalar | list[Scalar]]) -> dict[str, str]:
    """Return the values that hold several labels, and how each writes them; values in a recipe's list are none.

    values: (rows,) str, none missing. labels: the recipe's.
    """
    if any(isinstance(rule, str) and RULE.fullmatch(rule) for rule in labels.values()):
        return {}
    named, listed = own_values(labels)
    found = {}
    for value in values.unique():
        if canonical(value) in listed:
            continue
        split = several(value, lambda part: canonical(part) in named, any_part=has_rest(labels))
        if split:
            found[value] = split
    return found

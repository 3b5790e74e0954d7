"""Which rows of the source `keep` and `sample` keep: by value, frequency, expression, length or chance."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from strata.base.canonical import canonical
from strata.base.errors import StrataError
from strata.expression import columns_in, evaluate
from strata.label_rules import canonical_values
from strata.settings.recipe import Keep

NUMBERS, BOOLEANS, TEXTS = "numbers", "booleans", "texts"


@dataclass
class Survey:
    """What the filters need to know of the whole training file."""

    top: dict[str, list[str]] = field(default_factory=dict)
    """Column of `keep.top` to its most frequent values."""
    types: dict[str, str] = field(default_factory=dict)
    """Column of `keep.where` to NUMBERS, BOOLEANS or TEXTS."""


def survey_source(batches: Iterable[pd.DataFrame], keep: Keep) -> Survey:
    """Read a file's rows for the most frequent values of `keep.top` and the types of the columns of `keep.where`.

    Only rows that `keep.equal` keeps are counted. Equally frequent values are in alphabetical order.
    """
    counts = {column: Counter() for column in keep.top}
    types: dict[str, set[str]] = {}  # by column, those that no value contradicts
    has_value: set[str] = set()
    for raw in batches:
        for column in columns_in(keep.where, list(raw.columns)) if keep.where else []:
            values = raw[column].dropna()
            types[column] = types.get(column, {NUMBERS, BOOLEANS}) & _types(values)
            has_value.update([column] if len(values) else [])
        is_kept = pd.Series(True, index=raw.index)
        for mask in equal_masks(raw, keep).values():
            is_kept &= mask
        for column, counter in counts.items():
            counter.update(canonical_values(raw[column][is_kept].dropna()))
    top = {column: _most_frequent(counter, keep.top[column]) for column, counter in counts.items()}
    return Survey(
        top, {name: min(possible if name in has_value else [], default=TEXTS) for name, possible in types.items()}
    )


def _types(values: pd.Series) -> set[str]:
    """Return which of NUMBERS and BOOLEANS all texts can be read as."""
    types = set()
    if not pd.to_numeric(values, errors="coerce").isna().any():
        types.add(NUMBERS)
    if values.str.lower().isin(["true", "false"]).all():
        types.add(BOOLEANS)
    return types


def _most_frequent(counts: Counter[str], n: int) -> list[str]:
    return sorted(counts, key=lambda value: (-counts[value], value))[:n]


def equal_masks(raw: pd.DataFrame, keep: Keep) -> dict[str, pd.Series]:
    """Return one mask for each column of `keep.equal`, true where the row may stay."""
    masks = {}
    for column, allowed in keep.equal.items():
        values = [canonical(value) for value in (allowed if isinstance(allowed, list) else [allowed])]
        masks[f"equal.{column}"] = canonical_values(raw[column]).isin(values)
    return masks


def source_masks(raw: pd.DataFrame, keep: Keep, survey: Survey) -> dict[str, pd.Series]:
    """Return the masks of the filters on source columns by name, in the order they apply."""
    masks = equal_masks(raw, keep)
    for column, values in survey.top.items():
        masks[f"top.{column}"] = canonical_values(raw[column]).isin(values)
    if keep.where:
        masks["where"] = _where_mask(raw, keep.where, survey.types)
    return masks


def _where_mask(raw: pd.DataFrame, where: str, types: dict[str, str]) -> pd.Series:
    """Evaluate an expression on each row. Raises: StrataError when it fails or does not give true or false."""
    columns = {column: _typed(raw[column], type_, where) for column, type_ in types.items()}
    try:
        mask = evaluate(where, columns)
    except Exception as error:  # the expression may raise anything
        words = " ".join(str(error).split())[:200]
        raise StrataError(f"keep.where {where!r}: {words}; columns: {', '.join(columns)}") from None
    if not isinstance(mask, pd.Series) or not pd.api.types.is_bool_dtype(mask):
        raise StrataError(f"keep.where {where!r}: gives no true or false for each row; compare columns, as in 'a >= 2'")
    return mask.fillna(False).astype(bool)


def _typed(column: pd.Series, type_: str, where: str) -> pd.Series:
    """Return a column in a nullable type, in which a comparison with a missing value is neither true nor false.

    Raises: StrataError on a value that is not of the type.
    """
    values = typed = column.astype(pd.StringDtype("python"))
    if type_ == NUMBERS:  # nullable integers stay exact
        typed = pd.to_numeric(values, errors="coerce", dtype_backend="numpy_nullable")
    elif type_ == BOOLEANS:
        typed = values.str.lower().map({"true": True, "false": False}).astype("boolean")
    invalid = values[typed.isna() & values.notna()]
    if len(invalid):
        expected = "a number" if type_ == NUMBERS else "true or false"
        raise StrataError(
            f"keep.where {where!r}: {column.name} is {invalid.iloc[0]!r} in the test file, and {expected} in all "
            "training rows; fix that value"
        )
    return typed


def text_masks(text: pd.Series, keep: Keep) -> dict[str, pd.Series]:
    """Return the masks of the filters on cleaned texts by name, in the order they apply."""
    masks = {}
    if keep.min_words or keep.max_words:
        limit = keep.max_words or keep.min_words  # further words need not be counted
        words = pd.Series([len(value.split(None, limit)) for value in text.tolist()], text.index, dtype="int64")
        masks["min_words"] = words >= (keep.min_words or 0)
        masks["max_words"] = words <= (keep.max_words or np.inf)
    if keep.min_characters or keep.max_characters:
        characters = text.str.len()
        masks["min_characters"] = characters >= (keep.min_characters or 0)
        masks["max_characters"] = characters <= (keep.max_characters or np.inf)
    return {name: mask for name, mask in masks.items() if getattr(keep, name)}


def sample(label: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Draw at most n positions, every label at its own share (largest remainders), in ascending order.

    label: (rows,) int. Returns: (at most n,) int.
    """
    if len(label) <= n:
        return np.arange(len(label))
    ids, rows = np.unique(label, return_counts=True)
    exact = rows * n / len(label)
    counts = np.floor(exact).astype(int)
    largest_remainders = np.argsort(counts - exact, kind="stable")[: n - counts.sum()]
    counts[largest_remainders] += 1
    random = np.random.default_rng(seed)
    positions = [random.choice(np.flatnonzero(label == i), k, replace=False) for i, k in zip(ids, counts, strict=True)]
    return np.sort(np.concatenate(positions))

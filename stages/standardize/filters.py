"""Which rows of the source are kept: by value, by rank, by expression, by sample."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.expression import evaluate, named
from strata.label_rules import canonical, canonical_values
from strata.settings.recipe import Keep

NUMBERS, BOOLEANS, TEXTS = "numbers", "booleans", "texts"


@dataclass
class Survey:
    """What filters must know of the whole training file before they see its first row."""

    top: dict[str, list[str]] = field(default_factory=dict)
    """Column of `keep.top` to its most frequent values."""
    kinds: dict[str, str] = field(default_factory=dict)
    """Column of `keep.where` to NUMBERS, BOOLEANS or TEXTS."""


def where_columns(where: str | None, columns: list[str]) -> list[str]:
    """Return the columns that an expression names."""
    return named(where, columns) if where else []


def survey(batches: Iterable[pd.DataFrame], keep: Keep) -> Survey:
    """Rank the values of `keep.top` among the rows that `keep.equal` keeps, and tell what `keep.where` compares.

    Of equally frequent values the first by name goes first.
    """
    counts = {column: Counter() for column in keep.top}
    kinds: dict[str, set[str]] = {}
    given: set[str] = set()  # columns that hold a value
    for raw in batches:
        for column in where_columns(keep.where, list(raw.columns)):
            values = raw[column].dropna()
            found = kinds.setdefault(column, {NUMBERS, BOOLEANS})
            given.update([column] if len(values) else [])
            if pd.to_numeric(values, errors="coerce").isna().any():
                found.discard(NUMBERS)
            if not values.str.lower().isin(["true", "false"]).all():
                found.discard(BOOLEANS)
        stay = pd.Series(True, index=raw.index)
        for mask in equal_masks(raw, keep).values():
            stay &= mask
        for column, counter in counts.items():
            counter.update(canonical_values(raw[column][stay].dropna()))
    top = {
        column: sorted(counter, key=lambda value, counter=counter: (-counter[value], value))[: keep.top[column]]
        for column, counter in counts.items()
    }
    return Survey(
        top, {column: min(found if column in given else [], default=TEXTS) for column, found in kinds.items()}
    )


def equal_masks(raw: pd.DataFrame, keep: Keep) -> dict[str, pd.Series]:
    """Return one mask a column of `keep.equal`, true where the row may stay."""
    masks = {}
    for column, wanted in keep.equal.items():
        values = [canonical(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
        masks[f"equal.{column}"] = canonical_values(raw[column]).isin(values)
    return masks


def source_masks(raw: pd.DataFrame, keep: Keep, known: Survey) -> dict[str, pd.Series]:
    """Return the masks of the filters on source columns, by name, in the order they apply."""
    masks = equal_masks(raw, keep)
    for column, values in known.top.items():
        masks[f"top.{column}"] = canonical_values(raw[column]).isin(values)
    if keep.where:
        masks["where"] = _where(raw, keep.where, known.kinds)
    return masks


def _where(raw: pd.DataFrame, where: str, kinds: dict[str, str]) -> pd.Series:
    """Evaluate an expression on each row. Raises: StrataError when it cannot be, or gives no truth value."""
    # the types that know a missing value, which makes a comparison neither true nor false
    frame = {}
    for column, kind in kinds.items():
        values = typed = raw[column].astype(pd.StringDtype("python"))
        if kind == NUMBERS:  # whole ones stay exact
            typed = pd.to_numeric(values, errors="coerce", dtype_backend="numpy_nullable")
        elif kind == BOOLEANS:
            typed = values.str.lower().map({"true": True, "false": False}).astype("boolean")
        odd = values[typed.isna() & values.notna()]
        if len(odd):
            only = "a number" if kind == NUMBERS else "true or false"
            raise StrataError(
                f"keep.where {where!r}: {column} is {odd.iloc[0]!r} in the test file, and {only} in all training "
                "rows; mend it"
            )
        frame[column] = typed
    try:
        found = evaluate(where, frame)
    except Exception as error:  # whatever the expression does
        words = " ".join(str(error).split())[:200]
        raise StrataError(f"keep.where {where!r}: {words}; columns: {', '.join(frame)}") from None
    if not isinstance(found, pd.Series) or not pd.api.types.is_bool_dtype(found):
        raise StrataError(f"keep.where {where!r}: gives no true or false for each row; compare columns, as in 'a >= 2'")
    return found.fillna(False).astype(bool)


def text_masks(text: pd.Series, keep: Keep) -> dict[str, pd.Series]:
    """Return the masks of the filters on cleaned texts, by name, in the order they apply."""
    masks = {}
    if keep.min_words or keep.max_words:
        enough = keep.max_words or keep.min_words  # what is beyond need not be counted
        counted = pd.Series([len(value.split(None, enough)) for value in text.tolist()], text.index, dtype="int64")
        masks["min_words"] = counted >= (keep.min_words or 0)
        masks["max_words"] = counted <= (keep.max_words or np.inf)
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
    names, rows = np.unique(label, return_counts=True)
    shares = rows * n / len(label)
    counts = np.floor(shares).astype(int)
    most_short = np.argsort(counts - shares, kind="stable")[: n - counts.sum()]
    counts[most_short] += 1
    random = np.random.default_rng(seed)
    drawn = [
        random.choice(np.flatnonzero(label == name), k, replace=False) for name, k in zip(names, counts, strict=True)
    ]
    return np.sort(np.concatenate(drawn))

"""Scores by slice of the rows: those that are given, and those that are found because their errors stand out."""

import re

import numpy as np
import pandas as pd
from scipy.sparse import csc_array
from scipy.stats import binomtest, false_discovery_control, hypergeom
from sklearn.feature_extraction.text import CountVectorizer

LEAST = 20  # rows of a slice, below which its score says nothing
LEAST_SHARE = 0.005  # of all rows, for a slice to be found by a word
MOST_SHARE = 0.5  # a word in more rows tells nothing apart
GROUPS = 10  # the largest ones, each a slice
GIVEN_BINS, FOUND_BINS = 5, 10  # of the length, each with about as many rows
SURE = 0.05  # largest adjusted p-value of a slice that is found

COLUMNS = ["kind", "name", "rows", "errors", "accuracy", "low", "high", "f1_macro", "difference", "p_adjusted"]
"""low and high: a 95% Wilson interval of the accuracy, of units for rows. f1_macro: over the labels that occur in the
slice, as its truth or its prediction. difference: the slice's accuracy minus that of all other rows, NaN where there
are none. p_adjusted: see `adjusted`."""

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")


def words(texts: list[str]) -> np.ndarray:
    """Count the words of each text: (rows,) int. A word is a run of letters and digits, with apostrophes inside."""
    return np.fromiter((len(_WORD.findall(text)) for text in texts), np.int64, len(texts))


def length_bins(lengths: np.ndarray, bins: int, unit: str = "words") -> pd.Series:
    """Name the bin of each length, such as "1 to 7 words": (rows,) str. lengths: (rows,) int.

    The bins hold about as many rows each; equal lengths share one, so there may be fewer bins.
    """
    if not len(lengths):
        return pd.Series([], dtype="str")
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, bins + 1), method="higher"))
    upper = edges[1:] if len(edges) > 1 else edges
    lower = np.concatenate([edges[:1], upper[:-1] + 1])
    named = [
        f"{high} {unit}" if low == high else f"{low} to {high} {unit}" for low, high in zip(lower, upper, strict=True)
    ]
    return pd.Series(np.array(named, dtype=object)[np.searchsorted(upper, lengths)], dtype="str")


def given(columns: pd.DataFrame, truth: np.ndarray, predicted: np.ndarray, unit: np.ndarray) -> pd.DataFrame:
    """Score each value, of LEAST rows or more, of each column; of `group` the GROUPS largest.

    columns: (rows,) str or null each; its names are the kinds of slices. truth, predicted: (rows,) int, label ids.
    unit: (rows,) int, equal for rows that are not independent of each other.
    Returns: COLUMNS, by column, then by falling number of rows, lengths by rising length, then by name.
    """
    masks = []
    for kind in columns:
        values = columns[kind].reset_index(drop=True)
        counts = values.value_counts()
        ranked = sorted(counts.index[counts >= LEAST], key=lambda value, counts=counts: (-counts[value], value))
        if kind == "length":
            ranked.sort(key=lambda name: int(re.match(r"\d+", name)[0]))
        masks += [(kind, value, values.eq(value).fillna(False).to_numpy(bool)) for value in _first(kind, ranked)]
    wrong = truth != predicted
    rows, errors = (np.array([of[mask].sum() for _, _, mask in masks]) for of in (np.ones(len(wrong)), wrong))
    units = np.array([len(np.unique(unit[mask])) for _, _, mask in masks])
    p = adjusted(rows, errors, units, wrong, len(np.unique(unit)))
    return _table([(*mask, p_value) for mask, p_value in zip(masks, p, strict=True)], truth, predicted, unit)


def _first(kind: str, ranked: list[str]) -> list[str]:
    return ranked[:GROUPS] if kind == "group" else ranked


def found(texts: list[str], truth: np.ndarray, predicted: np.ndarray, unit: np.ndarray) -> pd.DataFrame:
    """Find the words and the lengths whose rows have more errors, or fewer, than all other rows.

    Words are case-folded, in at least LEAST rows and LEAST_SHARE of all, and in at most MOST_SHARE of them. Lengths are
    the FOUND_BINS bins of the number of words. Kept are those with an adjusted p-value of at most SURE.

    truth, predicted: (rows,) int, label ids. unit: as in `given`.
    Returns: COLUMNS, the surest first, then by kind and name.
    """
    wrong = truth != predicted
    contains, names = _word_slices(texts)
    bins = length_bins(words(texts), FOUND_BINS)
    lengths = [name for name, rows in bins.value_counts(sort=False).items() if LEAST <= rows < len(texts)]
    masks = [("length", name, bins.eq(name).to_numpy(bool)) for name in sorted(lengths)]
    sizes = np.concatenate([contains.sum(axis=0), [mask.sum() for _, _, mask in masks]]).astype(np.int64)
    errors = np.concatenate([contains[wrong].sum(axis=0), [wrong[mask].sum() for _, _, mask in masks]])
    # how many units have a row in each slice
    number, unit_of = np.unique(unit, return_inverse=True)
    has = csc_array((np.ones(len(unit)), (unit_of, np.arange(len(unit)))), shape=(len(number), len(unit)))
    units = np.concatenate([(has @ contains > 0).sum(axis=0), [len(np.unique(unit[mask])) for _, _, mask in masks]])
    p = adjusted(sizes, errors, units, wrong, len(number))
    kept = [
        ("word", names[i], contains[:, [i]].toarray().ravel(), p[i])
        if i < len(names)
        else (*masks[i - len(names)], p[i])
        for i in np.flatnonzero(p <= SURE)
    ]
    return _table(sorted(kept, key=lambda entry: (entry[3], entry[0], entry[1])), truth, predicted, unit)


def _word_slices(texts: list[str]) -> tuple[csc_array, list[str]]:
    """Return which rows contain which word, (rows, words) sparse bool, and the words, in the order of their letters."""
    counter = CountVectorizer(preprocessor=str.casefold, tokenizer=_WORD.findall, token_pattern=None, binary=True)
    if not any(map(_WORD.search, texts)):
        return csc_array((len(texts), 0), dtype=bool), []
    contains = csc_array(counter.fit_transform(texts).astype(bool))
    rows = contains.sum(axis=0)
    fit = np.flatnonzero((rows >= max(LEAST, LEAST_SHARE * len(texts))) & (rows <= MOST_SHARE * len(texts)))
    return contains[:, fit], counter.get_feature_names_out()[fit].tolist()


def adjusted(sizes: np.ndarray, errors: np.ndarray, units: np.ndarray, wrong: np.ndarray, all_units: int) -> np.ndarray:
    """Say how likely each slice's errors are if it is drawn blindly from all rows, given how many slices are looked at.

    The p-value is Fisher's exact one, two-sided as twice the smaller tail; it is adjusted as Benjamini and Hochberg
    ("Controlling the False Discovery Rate", 1995) do: of the slices at or below 0.05, about 5% are chance.

    Rows of one unit may all be right or wrong together, so that each unit counts as one row, at its slice's error rate.

    sizes, errors, units: (slices,) int, their rows, errors and units. wrong: (rows,) bool. Returns: (slices,), 0 to 1.
    """
    if not len(sizes):
        return np.zeros(0)
    errors = np.round(errors / sizes * units)
    drawn = hypergeom(all_units, round(wrong.mean() * all_units), units.astype(np.int64))
    tails = np.minimum(drawn.cdf(errors), drawn.sf(errors - 1))
    return false_discovery_control(np.clip(2 * tails, 0, 1), method="bh")


def f1_macro(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The mean F1 of the labels that occur in the truth or the predictions: scikit-learn's, without its checks."""
    labels = int(max(truth.max(), predicted.max())) + 1
    counts = [np.bincount(ids, minlength=labels) for ids in (truth[truth == predicted], truth, predicted)]
    both = counts[1] + counts[2]
    return float((2 * counts[0][both > 0] / both[both > 0]).mean())


def _table(
    entries: list[tuple[str, str, np.ndarray, float]], truth: np.ndarray, predicted: np.ndarray, unit: np.ndarray
) -> pd.DataFrame:
    """Score slices. entries: kind, name, mask (rows,) bool, adjusted p-value."""
    wrong, lines = truth != predicted, []
    for kind, name, mask, p in entries:
        rows, errors, others = int(mask.sum()), int(wrong[mask].sum()), int((~mask).sum())
        right, units = 1 - errors / rows, len(np.unique(unit[mask]))
        interval = binomtest(round(right * units), units).proportion_ci(method="wilson")
        rest = 1 - wrong[~mask].sum() / others if others else np.nan
        f1 = f1_macro(truth[mask], predicted[mask])
        lines.append([kind, name, rows, errors, right, interval.low, interval.high, f1, right - rest, float(p)])
    return pd.DataFrame(lines, columns=COLUMNS)

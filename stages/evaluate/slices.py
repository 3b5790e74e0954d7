"""Slices of the rows: by length, group, attribute or word."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
import regex
from scipy.sparse import csc_array, hstack
from sklearn.feature_extraction.text import CountVectorizer

from strata.text import scripts

LEAST = 20  # rows of a slice; a score of fewer is meaningless
LEAST_SHARE = 0.005  # of all rows, for the slice of a word
MOST_SHARE = 0.5  # a word in more rows than that separates nothing
GROUPS = 10  # the largest ones, each a slice
PREDEFINED_BINS, SEARCHED_BINS = 5, 10  # of the length, each with about as many rows


class Slices(NamedTuple):
    """Slices of the same rows, which may overlap. kinds, names: of each slice."""

    kinds: list[str]
    names: list[str]
    contains: csc_array  # (rows, slices) bool, which rows each slice contains

    def mask(self, i: int) -> np.ndarray:
        """Return which rows slice i contains: (rows,) bool."""
        return self.contains[:, [i]].toarray().ravel()


def _word() -> regex.Pattern:
    return scripts.words(and_symbols=False)


def word_counts(texts: Iterable[str]) -> np.ndarray:
    """Return the number of words of each text: (rows,) int. Words: see `scripts.words`."""
    return np.array([len(_word().findall(text)) for text in texts], dtype=np.int64)


def length_bins(lengths: np.ndarray, bins: int, unit: str = "words") -> pd.Series:
    """Return the name of each length's bin, such as "1 to 7 words": (rows,) str. lengths: (rows,) int.

    Bins hold about as many rows each. Equal lengths share one, so that there may be fewer than `bins`.
    """
    if not len(lengths):
        return pd.Series([], dtype="str")
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, bins + 1), method="higher"))
    upper = edges[1:] if len(edges) > 1 else edges
    lower = np.concatenate([edges[:1], upper[:-1] + 1])
    names = [
        f"{high} {unit}" if low == high else f"{low} to {high} {unit}" for low, high in zip(lower, upper, strict=True)
    ]
    return pd.Series(np.array(names, dtype=object)[np.searchsorted(upper, lengths)], dtype="str")


def by_value(columns: pd.DataFrame) -> Slices:
    """Return a slice for each value of each column that LEAST rows have; of `group`, for the GROUPS largest.

    columns: (rows,) str or null each; their names are the kinds of the slices.
    Returns: slices by column, then by falling number of rows (lengths: by rising length), then by name.
    """
    kinds, names, positions = [], [], []
    for kind in columns:
        values = columns[kind].reset_index(drop=True)
        for value in _frequent_values(values, kind):
            kinds.append(kind)
            names.append(value)
            positions.append(np.flatnonzero(values.eq(value).fillna(False)))
    return Slices(kinds, names, _contains(positions, len(columns)))


def _frequent_values(values: pd.Series, kind: str) -> list[str]:
    counts = values.value_counts()
    frequent = sorted(counts.index[counts >= LEAST], key=lambda value: (-counts[value], value))
    if kind == "length":
        frequent.sort(key=lambda name: int(re.match(r"\d+", name)[0]))
    return frequent[:GROUPS] if kind == "group" else frequent


def words_and_lengths(texts: list[str]) -> Slices:
    """Return the slices that are searched for outliers: a slice for each word, and for each of SEARCHED_BINS lengths.

    Words are case-folded, and in at least LEAST rows, LEAST_SHARE of all rows, and at most MOST_SHARE of them.
    """
    has_word, words = _words(texts)
    bins = length_bins(word_counts(texts), SEARCHED_BINS)
    lengths = sorted(name for name, rows in bins.value_counts().items() if LEAST <= rows < len(texts))
    has_length = _contains([np.flatnonzero(bins.eq(name)) for name in lengths], len(texts))
    kinds = ["word"] * len(words) + ["length"] * len(lengths)
    return Slices(kinds, words + lengths, csc_array(hstack([has_word, has_length], format="csc", dtype=bool)))


def _contains(positions: list[np.ndarray], rows: int) -> csc_array:
    """Return (rows, slices) bool. positions: of each slice's rows. rows: number of all rows."""
    indices = np.concatenate([np.zeros(0, dtype=np.int64), *positions])
    ends = np.cumsum([0, *map(len, positions)])
    return csc_array((np.ones(len(indices), dtype=bool), indices, ends), shape=(rows, len(positions)))


def _words(texts: list[str]) -> tuple[csc_array, list[str]]:
    """Return which rows contain which word, (rows, words) sparse bool, and the words in alphabetical order."""
    counter = CountVectorizer(preprocessor=str.casefold, tokenizer=_word().findall, token_pattern=None, binary=True)
    if not any(map(_word().search, texts)):
        return csc_array((len(texts), 0), dtype=bool), []
    contains = csc_array(counter.fit_transform(texts).astype(bool))
    rows = contains.sum(axis=0)
    kept = np.flatnonzero((rows >= max(LEAST, LEAST_SHARE * len(texts))) & (rows <= MOST_SHARE * len(texts)))
    return contains[:, kept], counter.get_feature_names_out()[kept].tolist()

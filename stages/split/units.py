"""Units of rows: the rows of a group, or copies without a group. A unit is one random draw and goes to one split."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from strata.duplicates import ties
from strata.duplicates.sketches import first_copies, mix, text_hash
from strata.duplicates.ties import Ties


class Units(NamedTuple):
    """The unit of each row, and what decides which split it goes to."""

    unit: np.ndarray  # (rows,) int, equal for the rows of a unit
    key: np.ndarray  # (rows,) uint64, a hash of the row's group or, without one, of its text
    rank: np.ndarray  # (rows,) uint64, the order of the rows by text, then by group


def find_units(text_key: np.ndarray, group: pd.Series, row_ties: Ties, across_groups: str, seed: int) -> Units:
    """Return the units of rows. text_key: (rows,) uint64, equal for copies. group: (rows,) str or null.

    across_groups: join, so that groups with a text in common are one unit, or drop.
    """
    n = len(group)
    has_group = group.notna().to_numpy()
    salt = mix(np.array([seed], dtype=np.uint64))
    text_key = mix(text_key ^ salt)
    group_key = mix(_hashes(group) ^ salt)
    rank = np.empty(n, dtype=np.uint64)
    rank[np.lexsort((group_key, text_key))] = np.arange(n)
    texts = row_ties.texts if across_groups == "join" else _ties_without_group(row_ties, has_group)
    return Units(ties.clusters(n, row_ties.groups, texts), np.where(has_group, group_key, text_key), rank)


def _ties_without_group(row_ties: Ties, has_group: np.ndarray) -> np.ndarray:
    """Tie the rows of a cluster of copies that have no group to the first of them: (pairs, 2) int."""
    cluster = ties.clusters(len(has_group), row_ties.texts)
    rows = np.flatnonzero(~has_group)
    return np.stack([rows[first_copies(cluster[rows])], rows], axis=1)


def _hashes(values: pd.Series) -> np.ndarray:
    """Return a hash of each string, equal for equal ones, 0 for a missing one: (values,) uint64."""
    code, distinct = pd.factorize(values)
    return np.array([*map(text_hash, distinct), 0], dtype=np.uint64)[code]  # a missing value has the code -1

"""Ties that keep rows on one side of a split: copies, near-copies and the group."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from strata.base import processes, tables
from strata.duplicates.near_copies import near_copies
from strata.duplicates.sketches import Sketches, concatenate, first_copies, sketch


class Ties(NamedTuple):
    """Pairs of tied rows, (pairs, 2) int each, the earlier row first."""

    copies: np.ndarray
    near_copies: np.ndarray
    groups: np.ndarray

    @property
    def texts(self) -> np.ndarray:
        """The pairs of copies and of near-copies."""
        return np.concatenate([self.copies, self.near_copies])


def sketch_row_group(path: Path, row_group: int) -> tuple[Sketches, np.ndarray]:
    """Return the sketches of a row group's texts, and their lengths in characters: (rows,) int."""
    texts = [
        text
        for batch in tables.batches(path, tables.ROW_GROUP, ["text"], [row_group])
        for text in batch["text"].to_pylist()
    ]
    characters = np.fromiter(map(len, texts), np.int64, len(texts))
    return sketch(texts), characters


def sketch_tables(paths: list[Path]) -> tuple[Sketches, np.ndarray]:
    """Return the sketches of several tables' texts in order, and their lengths in characters: (rows,) int."""
    jobs = [(path, i) for path in paths for i in range(len(tables.row_groups(path)))]
    sketches, lengths = zip(*processes.in_order(sketch_row_group, jobs, len(jobs)), strict=True)
    return concatenate(list(sketches)), np.concatenate(lengths)


def find_ties(sketches: Sketches, group: pd.Series, threshold: float) -> Ties:
    """Return all ties among rows. group: (rows,) str or null. threshold: the Jaccard similarity of near-copies."""
    rows = np.arange(len(sketches.key))
    copied = first_copies(sketches.key)
    code = pd.factorize(group)[0]  # -1 for null
    grouped = np.flatnonzero(code >= 0)
    first_in_group = grouped[first_copies(code[grouped])]
    return Ties(
        np.stack([copied, rows], axis=1)[copied != rows],
        near_copies(sketches, threshold),
        np.stack([first_in_group, grouped], axis=1)[first_in_group != grouped],
    )


def clusters(rows: int, *ties: np.ndarray) -> np.ndarray:
    """Return the number of each row's cluster: (rows,) int, equal for rows that are tied, directly or through others.

    ties: (pairs, 2) int each.
    """
    earlier, later = np.concatenate(ties).T
    graph = coo_array((np.ones(len(earlier), dtype=np.int8), (earlier, later)), shape=(rows, rows))
    return connected_components(graph, directed=False)[1]

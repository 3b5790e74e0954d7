"""What ties rows to one side of a split: copied texts, nearly copied ones, and a common group."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from strata.base import processes, tables
from strata.duplicates import near_copies
from strata.duplicates.near_copies import Sketches


class Ties(NamedTuple):
    """Pairs of rows, (pairs, 2) int each, the earlier row first."""

    copies: np.ndarray
    near_copies: np.ndarray
    groups: np.ndarray


def sketch_rows(path: Path, row_group: int) -> tuple[Sketches, np.ndarray]:
    """Sketch the texts of a row group; and their length in characters."""
    texts = [
        text
        for batch in tables.batches(path, tables.ROW_GROUP, ["text"], [row_group])
        for text in batch["text"].to_pylist()
    ]
    characters = np.fromiter(map(len, texts), np.int64, len(texts))
    return near_copies.sketch(texts), characters


def sketch_tables(paths: list[Path]) -> tuple[Sketches, np.ndarray]:
    """Sketch the texts of tables, one after the other; and their length in characters, (rows,) int."""
    jobs = [(path, i) for path in paths for i in range(len(tables.row_groups(path)))]
    sketches, lengths = zip(*processes.in_order(sketch_rows, jobs, len(jobs)), strict=True)
    return near_copies.concatenate(list(sketches)), np.concatenate(lengths)


def find(sketches: Sketches, group: pd.Series, threshold: float) -> Ties:
    """Find all ties among rows. group: (rows,) str or null."""
    rows = np.arange(len(sketches.key))
    first = near_copies.copies(sketches.key)
    code = pd.factorize(group)[0]  # -1 where there is none
    grouped = np.flatnonzero(code >= 0)
    founder = grouped[near_copies.copies(code[grouped])]
    return Ties(
        np.stack([first, rows], axis=1)[first != rows],
        near_copies.near_copies(sketches, threshold),
        np.stack([founder, grouped], axis=1)[founder != grouped],
    )


def clusters(rows: int, *ties: np.ndarray) -> np.ndarray:
    """Number the clusters of rows that are tied, directly or through others: (rows,) int."""
    one, other = np.concatenate(ties).T
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(rows, rows))
    return connected_components(graph, directed=False)[1]

"""Which texts of one file are in another, copied or nearly."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from strata.duplicates import near_copies, ties
from strata.duplicates.sketches import concatenate, first_copies, sketch, text_hash
from strata.reading.texts import texts
from strata.rejects import Rejects


class Overlap(NamedTuple):
    """What two files share. A pair is a row of the first file and one of the second, by position, from 0.

    Each row of the second file is in one pair at most, and rows without a text are in none.
    """

    rows: list[int]  # readable ones of each file
    empty: list[int]  # rows of each file without a text
    rejects: list[Rejects]  # of each file
    copies: np.ndarray  # (pairs, 2) int
    near_copies: np.ndarray  # (pairs, 2) int


def overlap(paths: list[Path], columns: list[str], threshold: float) -> Overlap:
    """Compare two files. columns: of the texts of each. threshold: Jaccard similarity from which on texts are alike.

    Two texts are near-copies as well when a chain of near-copies, of either file, leads from one to the other.
    Raises: StrataError when a file is missing, or has no such column.
    """
    rejects = [Rejects(), Rejects()]
    parts = [[sketch(batch) for batch in texts(*file)] for file in zip(paths, columns, rejects, strict=True)]
    rows = [sum(len(part.key) for part in file) for file in parts]
    sketches = concatenate([part for file in parts for part in file])
    has_text = sketches.key != text_hash("")
    original = first_copies(sketches.key)  # of each text, in the first file where it is in both
    position = np.arange(sum(rows))
    copied = position[(position >= rows[0]) & (original < rows[0]) & has_text]
    return Overlap(
        rows,
        [int((~part).sum()) for part in np.split(has_text, rows[:1])],
        rejects,
        np.stack([original[copied], copied - rows[0]], axis=1),
        _near_pairs(near_copies.near_copies(sketches, threshold), original, rows[0]),
    )


def _near_pairs(near: np.ndarray, original: np.ndarray, first: int) -> np.ndarray:
    """Pair each row of the second file with the near-copy in the first that it is compared with, or is tied to.

    near: (pairs, 2) int, positions in both files together. original: (rows,) int, as from `first_copies`.
    first: rows of the first file.
    """
    position = np.arange(len(original))
    cluster = ties.clusters(len(original), np.stack([original, position], axis=1), near)
    representative = np.full(len(original), -1)  # the first row of the first file in each cluster
    representative[cluster[:first][::-1]] = position[:first][::-1]
    tied = position[(position >= first) & (representative[cluster] >= 0) & (original >= first)]
    compared = {int(row): int(partner) for partner, row in near if partner < first <= row}
    pairs = [(compared.get(row, int(representative[cluster[row]])), row - first) for row in tied.tolist()]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)

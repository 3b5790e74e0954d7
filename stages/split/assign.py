"""Which split a row goes to: at exact label shares, by a hash that later rows do not change, or by date.

Rows are ordered by a key of their text, never by their place in the file, so that the same file in another order is
split alike. A split is a number, LEFT_OUT for a row that goes to none.
"""

from collections.abc import Iterator

import numpy as np

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, -1
SPLITS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}
NONE_WANTED = 1e-9  # rows, above 0, since it divides


def stratified(unit: np.ndarray, label: np.ndarray, rank: np.ndarray, shares: list[float]) -> np.ndarray:
    """Return the index of a share for every row: (rows,) int. Each label is as near to the shares as units allow.

    unit, label: (rows,) int. rank: (rows,) uint64, the order in which rows are assigned. shares: sum 1.
    Units of several rows go first, the largest first. Single rows then fill what is missing. A share that still has no
    row of a label gets a unit from another that can spare one.
    """
    part = np.full(len(label), LEFT_OUT)
    wanted = np.outer(shares, np.bincount(label)) + NONE_WANTED  # (shares, labels)
    missing = wanted.copy()
    for rows in _units_of_several_rows(unit, rank):
        counts = np.bincount(label[rows], minlength=wanted.shape[1])
        # the share where the squared distance from the wanted counts, relative to them, falls most
        chosen = int(np.argmax(((2 * missing - counts) * counts / wanted).sum(axis=1)))
        part[rows] = chosen
        missing[chosen] -= counts
    _fill_with_single_rows(part, label, rank, np.maximum(missing, 0))
    _fill_empty(part, unit, label, rank, wanted)
    return part


def _units_of_several_rows(unit: np.ndarray, rank: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows of each unit of several rows, the largest unit first, then by the rank of its first row."""
    unit = np.unique(unit, return_inverse=True)[1]
    size = np.bincount(unit)
    first = np.full(len(size), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(first, unit, rank)
    members = np.argsort(unit, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)])
    several = np.flatnonzero(size > 1)
    for i in several[np.lexsort((first[several], -size[several]))]:
        yield members[starts[i] : starts[i + 1]]


def _fill_with_single_rows(part: np.ndarray, label: np.ndarray, rank: np.ndarray, missing: np.ndarray) -> None:
    """Assign the rows that are still LEFT_OUT in `part`, label by label. missing: (shares, labels) rows, 0 or more."""
    for label_id in np.unique(label):
        singles = np.flatnonzero((part == LEFT_OUT) & (label == label_id))
        singles = singles[np.argsort(rank[singles], kind="stable")]
        gaps = missing[:, label_id]
        bounds = np.round(np.cumsum(gaps) / gaps.sum() * len(singles)).astype(int) if gaps.sum() else [len(singles)]
        for index, rows in enumerate(np.split(singles, bounds[:-1])):
            part[rows] = index


def _fill_empty(part: np.ndarray, unit: np.ndarray, label: np.ndarray, rank: np.ndarray, wanted: np.ndarray) -> None:
    """Fill each share that lacks a label with a unit from a share that keeps rows of all the unit's labels.

    Rounding can leave a share empty: for 8 rows and shares of 0.7, 0.1 and 0.2, the bounds 5.6 and 6.4 both round to 6.
    Of several units, move the one that brings the shares nearest to `wanted`. wanted: (shares, labels) rows.
    """
    counts = np.zeros(wanted.shape, dtype=int)
    np.add.at(counts, (part, label), 1)
    empty = np.argwhere(((counts == 0) & (wanted > NONE_WANTED)).T)
    if not len(empty):
        return
    members = np.argsort(unit, kind="stable")
    for label_id, index in empty:
        if counts[index, label_id]:  # by a unit that moved for another label
            continue
        moves = []
        for unit_id in np.unique(unit[label == label_id]):
            rows = members[slice(*np.searchsorted(unit, [unit_id, unit_id + 1], sorter=members))]
            shares = [part[rows[0]], index]
            moved = np.bincount(label[rows], minlength=wanted.shape[1])
            if (counts[shares[0]] == moved)[moved > 0].any():
                continue
            gaps = (wanted - counts)[shares] * [[-1], [1]]
            gain = ((2 * gaps - moved) * moved / wanted[shares]).sum()  # as when the unit was first assigned
            moves.append((gain, int(rank[rows].min()), rows, shares, moved))
        if moves:
            *_, rows, shares, moved = max(moves, key=lambda move: move[:2])
            part[rows] = index
            counts[shares] += np.array([-moved, moved])


def hashed(key: np.ndarray, shares: list[float]) -> np.ndarray:
    """Return the index of the share that each row's key falls into: (rows,) int.

    key: (rows,) uint64, equal in a unit.
    """
    bounds = np.cumsum(shares)[:-1]
    return np.searchsorted(bounds, key / 2.0**64, side="right")


def follow(split: np.ndarray, ties: np.ndarray, grouped: np.ndarray, closed: int | None) -> tuple[np.ndarray, int]:
    """Move each row to the split of the earlier rows that it is tied to: (rows,) int, and how many rows moved.

    split: (rows,) by each row's own hash. ties: (ties, 2), the earlier row first. grouped: (rows,) bool, rows that
    stay with their group. closed: a split that keeps its rows and gets no other.
    A row is left out when it is tied to two splits, to the closed one, to one that is not its group's, or to a row that
    is left out. No row changes because of later ones.
    """
    own, split, moved = split, split.copy(), 0
    ties = ties[np.argsort(ties[:, 1], kind="stable")]
    starts = np.flatnonzero(np.diff(ties[:, 1], prepend=-1))
    for row, earlier in zip(ties[starts, 1].tolist(), np.split(ties[:, 0], starts[1:]), strict=False):
        theirs = set(split[earlier].tolist())
        if own[row] == closed:
            continue
        if own[row] == LEFT_OUT or LEFT_OUT in theirs or closed in theirs or len(theirs) > 1:
            split[row] = LEFT_OUT
        elif own[row] not in theirs:
            split[row] = LEFT_OUT if grouped[row] else theirs.pop()
            moved += not grouped[row]
    return split, moved


def by_date(date: np.ndarray, shares: list[float]) -> np.ndarray:
    """Return the index of a share for every row, the first one for the earliest rows: (rows,) int.

    Rows of the same date stay together. date: (rows,) in any type that sorts.
    """
    ordered = np.sort(date)
    firsts = [min(round(float(bound) * len(date)), len(date) - 1) for bound in np.cumsum(shares)[:-1]]
    return np.searchsorted(ordered[firsts] if len(date) else ordered, date, side="right")


def leave_out_earlier(split: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Leave out rows whose cluster also has rows in a later split: (rows,) int. The test split keeps all its rows."""
    last = np.full(cluster.max(initial=-1) + 1, LEFT_OUT)
    np.maximum.at(last, cluster, split)
    return np.where(split < last[cluster], LEFT_OUT, split)

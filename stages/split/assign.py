"""Which split a row goes to: at exact class shares, by a hash that later rows do not change, or by date.

Rows are told apart by a key of their text, never by their place in the file, so that a file in another order is split
alike. A split is a number, LEFT_OUT where a row is in none.
"""

import numpy as np

TRAIN, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, -1
SPLITS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


def stratified(cluster: np.ndarray, label: np.ndarray, key: np.ndarray, shares: list[float]) -> np.ndarray:
    """Give every row the index of a share, clusters unbroken, each label as near its shares as they allow: (rows,) int.

    cluster, label: (rows,) int. key: (rows,) uint64, in whose order rows are dealt out. shares: sum 1.
    Clusters of several rows go first, largest first, each to where it lowers the squared distance from the wanted
    counts most, relative to them; single rows then fill up what is missing exactly.
    """
    cluster = np.unique(cluster, return_inverse=True)[1]
    size = np.bincount(cluster)
    least = np.full(len(size), np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(least, cluster, key)
    part = np.full(len(label), LEFT_OUT)
    wanted = np.outer(shares, np.bincount(label)) + 1e-9  # (shares, labels); the sum keeps absent labels divisible
    missing = wanted.copy()

    members = np.argsort(cluster, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)])
    several = np.flatnonzero(size > 1)
    for c in several[np.lexsort((least[several], -size[several]))]:
        rows = members[starts[c] : starts[c + 1]]
        counts = np.bincount(label[rows], minlength=wanted.shape[1])
        chosen = int(np.argmax(((2 * missing - counts) * counts / wanted).sum(axis=1)))
        part[rows] = chosen
        missing[chosen] -= counts

    for wanted_label in np.unique(label):
        singles = np.flatnonzero((part == LEFT_OUT) & (label == wanted_label))
        singles = singles[np.argsort(key[singles], kind="stable")]
        gaps = np.maximum(missing[:, wanted_label], 0)
        bounds = np.round(np.cumsum(gaps) / gaps.sum() * len(singles)).astype(int) if gaps.sum() else [len(singles)]
        for index, rows in enumerate(np.split(singles, bounds[:-1])):
            part[rows] = index
    return part


def hashed(key: np.ndarray, shares: list[float]) -> np.ndarray:
    """Give every row the share that its key falls into: (rows,) int. key: (rows,) uint64, equal in a unit."""
    bounds = np.cumsum(shares)[:-1]
    return np.searchsorted(bounds, key / 2.0**64, side="right")


def follow(split: np.ndarray, ties: np.ndarray, grouped: np.ndarray, closed: int | None) -> tuple[np.ndarray, int]:
    """Let each row follow those before it that it is tied to: (rows,) int, and how many moved to do so.

    split: (rows,) where each row's own hash puts it. ties: (ties, 2), the earlier row first. grouped: (rows,) bool,
    rows that stay with their group. closed: a split that keeps its rows and takes no more.
    A row tied to two splits, to a closed one, or away from its group is left out, as is one tied to a row left out; no
    row before it ever changes, whatever comes later.
    """
    own, split, moved = split, split.copy(), 0
    ties = ties[np.argsort(ties[:, 1], kind="stable")]
    starts = np.flatnonzero(np.diff(ties[:, 1], prepend=-1))
    for row, earlier in zip(ties[starts, 1].tolist(), np.split(ties[:, 0], starts[1:]), strict=False):
        found = set(split[earlier].tolist())
        if own[row] == closed:
            continue
        if own[row] == LEFT_OUT or LEFT_OUT in found or closed in found or len(found) > 1:
            split[row] = LEFT_OUT
        elif own[row] not in found:
            split[row] = LEFT_OUT if grouped[row] else found.pop()
            moved += not grouped[row]
    return split, moved


def by_date(date: np.ndarray, shares: list[float]) -> np.ndarray:
    """Give the earliest rows the first share, and so on; rows of one date stay together: (rows,) int.

    date: (rows,) in any type that sorts.
    """
    ordered = np.sort(date)
    firsts = [min(round(float(bound) * len(date)), len(date) - 1) for bound in np.cumsum(shares)[:-1]]
    return np.searchsorted(ordered[firsts] if len(date) else ordered, date, side="right")


def leave_later(split: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """Leave out rows whose cluster reaches into a later split: (rows,) int. The test split keeps all of its rows."""
    last = np.full(cluster.max(initial=-1) + 1, LEFT_OUT)
    np.maximum.at(last, cluster, split)
    return np.where(split < last[cluster], LEFT_OUT, split)

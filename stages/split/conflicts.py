"""Rows with the same text and different labels."""

from typing import NamedTuple

import numpy as np

from strata.base.errors import StrataError


class Resolved(NamedTuple):
    """Labels and rows after the conflicts are resolved."""

    label: np.ndarray  # (rows,) int
    dropped: np.ndarray  # (rows,) bool
    texts: int  # number of texts with more than one label
    rows: int  # number of rows with such a text
    relabelled: int  # number of rows that got another label


def resolve(key: np.ndarray, label: np.ndarray, policy: str) -> Resolved:
    """Apply a policy to rows whose text has several labels. key: (rows,), equal for copies. label: (rows,) int.

    majority: all rows of the text get its most frequent label; on a tie they are dropped. drop: they are dropped.
    keep: they stay as they are.
    """
    text = np.unique(key, return_inverse=True)[1]
    repeated = np.flatnonzero((np.bincount(text) > 1)[text])  # a text of one row has one label
    code = np.unique(text[repeated], return_inverse=True)[1]
    counts = np.zeros((code.max(initial=-1) + 1, label.max(initial=0) + 1), dtype=np.int64)  # (texts, labels)
    np.add.at(counts, (code, label[repeated]), 1)
    if policy not in ("majority", "drop", "keep"):
        raise StrataError(f"split.conflicts: unknown policy {policy!r}")
    has_conflict = (counts > 0).sum(axis=1) > 1
    rows, code = repeated[has_conflict[code]], code[has_conflict[code]]
    resolved, dropped = label.copy(), np.zeros(len(label), dtype=bool)
    if policy == "drop":
        dropped[rows] = True
    if policy == "majority":
        is_tie = (counts == counts.max(axis=1, initial=0)[:, None]).sum(axis=1) > 1
        dropped[rows] = is_tie[code]
        resolved[rows] = np.where(is_tie[code], label[rows], counts.argmax(axis=1)[code])
    return Resolved(resolved, dropped, int(has_conflict.sum()), len(rows), int((resolved != label).sum()))

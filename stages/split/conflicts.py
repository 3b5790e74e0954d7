"""Rows with one text and different labels."""

from typing import NamedTuple

import numpy as np


class Resolved(NamedTuple):
    """What a policy made of conflicts."""

    label: np.ndarray  # (rows,) int
    dropped: np.ndarray  # (rows,) bool
    texts: int  # with more than one label
    rows: int  # that have such a text
    relabelled: int


def resolve(key: np.ndarray, label: np.ndarray, policy: str) -> Resolved:
    """Apply a policy to rows whose text has several labels. key: (rows,), equal for copies. label: (rows,) int.

    majority: the text's most frequent label, or none of its rows on a tie. drop: none of them. keep: all as they are.
    """
    text = np.unique(key, return_inverse=True)[1]
    several = np.bincount(text) > 1
    at = np.flatnonzero(several[text])  # a text of one row has one label
    text, first = np.unique(text[at], return_inverse=True)
    counts = np.zeros((len(text), label.max(initial=0) + 1), dtype=np.int64)
    np.add.at(counts, (first, label[at]), 1)
    conflicting = (counts > 0).sum(axis=1) > 1
    rows = at[conflicting[first]]
    text_of = first[conflicting[first]]
    made, dropped = label.copy(), np.zeros(len(label), dtype=bool)
    if policy == "drop":
        dropped[rows] = True
    if policy == "majority":
        most = counts.max(axis=1, initial=0)
        tied = (counts == most[:, None]).sum(axis=1) > 1
        dropped[rows] = tied[text_of]
        made[rows] = np.where(tied[text_of], label[rows], counts.argmax(axis=1)[text_of])
    return Resolved(made, dropped, int(conflicting.sum()), len(rows), int((made != label).sum()))

"""Which split each row goes to, and which rows go nowhere."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.split import assign, conflicts
from stages.split.assign import LEFT_OUT, TEST, TRAIN
from stages.split.conflicts import Resolved
from strata.duplicates import ties
from strata.duplicates.near_copies import Sketches, copies, hashed, mixed
from strata.duplicates.ties import Ties
from strata.settings.params import Split


class Placement(NamedTuple):
    """Where each row goes."""

    split: np.ndarray  # (rows,) int
    label: np.ndarray  # (rows,) int, after conflicts
    ties: Ties
    conflicts: Resolved  # of the rows that are not in a ready-made test file
    left_out: dict[str, int]  # rows by reason
    unit: np.ndarray  # (rows,) int, equal for rows that are one draw of chance: of a group, or copies without one
    moved: int  # rows that are where what they copy is, and not where their own hash puts them


def place(rows: pd.DataFrame, ready_made: int, sketches: Sketches, settings: Split, seed: int) -> Placement:
    """Place rows; the first `ready_made` are the recipe's test file, and stay the test split.

    rows: label, group and, to split by date, date.
    """
    resolved = conflicts.resolve(sketches.key[ready_made:], rows["label"].to_numpy()[ready_made:], settings.conflicts)
    label = np.concatenate([rows["label"].to_numpy()[:ready_made], resolved.label])
    dropped = np.concatenate([np.zeros(ready_made, dtype=bool), resolved.dropped])
    found = ties.find(sketches, rows["group"], settings.near_duplicate)
    copied = np.concatenate([found.copies, found.near_copies])
    grouped = rows["group"].notna().to_numpy()
    salt = mixed(np.array([seed], dtype=np.uint64))
    key = mixed(sketches.key ^ salt)
    is_stable = settings.by == "random" and settings.method == "stable"
    group_key = mixed(_hashes(rows["group"]) ^ salt)
    unit_key = np.where(grouped, group_key, key)
    rank = np.empty(len(rows), dtype=np.uint64)
    rank[np.lexsort((group_key, key))] = np.arange(len(rows))  # by text, then by group, as several may have one text
    cluster = ties.clusters(len(rows), copied)
    bare = np.flatnonzero(~grouped)
    bare_ties = np.stack([bare[copies(cluster[bare])], bare], axis=1)
    unit = ties.clusters(len(rows), found.groups, copied if settings.across_groups == "join" else bare_ties)

    def deal(at: np.ndarray, shares: list[float], turn: int = 0) -> np.ndarray:
        if settings.by == "date":
            return assign.by_date(rows["date"].to_numpy()[at], shares)
        if is_stable:
            return assign.hashed(mixed(unit_key[at] + np.uint64(turn)), shares)
        return assign.stratified(unit[at], label[at], rank[at], shares)

    split = np.full(len(rows), LEFT_OUT)
    split[:ready_made] = TEST
    # a row that is dropped still ties others, and a hash asks for no shares
    at = np.arange(ready_made, len(rows)) if is_stable else np.flatnonzero(~dropped)[ready_made:]
    if settings.folds:
        fold = deal(at, [1 / settings.folds] * settings.folds)
        split[at] = np.where(fold == settings.fold, TEST, TRAIN)
        at = at[fold != settings.fold]
        validation = settings.validation / (1 - 1 / settings.folds)
        split[at] = deal(at, [1 - validation, validation], turn=1)
    else:
        test = [] if ready_made else [settings.test]
        split[at] = deal(at, [1 - settings.validation - sum(test), settings.validation, *test])

    moved = 0
    if is_stable:
        split[ready_made:][rows["group"][ready_made:].isin(rows["group"][:ready_made].dropna())] = LEFT_OUT
        split, moved = assign.follow(split, copied, grouped, closed=TEST if ready_made else None)
    elif settings.across_groups == "join":
        split = assign.leave_later(split, ties.clusters(len(rows), found.groups, copied))
    else:
        for tied in (cluster, ties.clusters(len(rows), found.groups)):
            split = assign.leave_later(split, tied)
    tied_elsewhere = int(((split == LEFT_OUT) & ~dropped).sum())
    split[dropped] = LEFT_OUT
    left_out = {"conflicting_labels": int(dropped.sum()), "tied_to_another_split": tied_elsewhere}
    return Placement(split, label, found, resolved, left_out, unit, moved)


def _hashes(values: pd.Series) -> np.ndarray:
    """Hash strings, equal ones alike: (values,) uint64."""
    code, distinct = pd.factorize(values)
    return np.array([*map(hashed, distinct), 0], dtype=np.uint64)[code]  # a missing one has the code -1

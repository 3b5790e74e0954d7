"""Which split each row goes to, and which rows are left out."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from stages.split import assign, conflicts
from stages.split.assign import LEFT_OUT, TEST, TRAIN, VALIDATION
from stages.split.conflicts import Resolved
from stages.split.units import Units, find_units
from strata.duplicates import ties
from strata.duplicates.sketches import Sketches, mix
from strata.duplicates.ties import Ties
from strata.settings.params import Split


class Placement(NamedTuple):
    """Where each row goes."""

    split: np.ndarray  # (rows,) int
    label: np.ndarray  # (rows,) int, after conflicts are resolved
    ties: Ties
    conflicts: Resolved  # of the rows that are not in a ready-made test file
    left_out: dict[str, int]  # rows by reason
    unit: np.ndarray  # (rows,) int, as in Units
    moved: int  # rows that follow what they copy to another split than that of their own hash


def place(rows: pd.DataFrame, ready_made: int, sketches: Sketches, settings: Split, seed: int) -> Placement:
    """Place rows. The first `ready_made` rows are the recipe's test file and stay the test split.

    rows: columns label, group and, to split by date, date.
    """
    given = rows["label"].to_numpy()
    resolved = conflicts.resolve(sketches.key[ready_made:], given[ready_made:], settings.conflicts)
    label = np.concatenate([given[:ready_made], resolved.label])
    dropped = np.concatenate([np.zeros(ready_made, dtype=bool), resolved.dropped])
    row_ties = ties.find_ties(sketches, rows["group"], settings.near_duplicate)
    units = find_units(sketches.key, rows["group"], row_ties, settings.across_groups, seed)
    split = _assigned(rows.assign(label=label), units, dropped, ready_made, settings)
    split, moved = _without_leaks(split, rows["group"], row_ties, ready_made, settings)
    tied_elsewhere = int(((split == LEFT_OUT) & ~dropped).sum())
    split[dropped] = LEFT_OUT
    left_out = {"conflicting_labels": int(dropped.sum()), "tied_to_another_split": tied_elsewhere}
    return Placement(split, label, row_ties, resolved, left_out, units.unit, moved)


def _is_stable(settings: Split) -> bool:
    return settings.by == "random" and settings.method == "stable"


def _assigned(rows: pd.DataFrame, units: Units, dropped: np.ndarray, ready_made: int, settings: Split) -> np.ndarray:
    """Assign rows to splits, before ties between units are looked at: (rows,) int. dropped: (rows,) bool."""

    def assigned(at: np.ndarray, shares: list[float], turn: int = 0) -> np.ndarray:
        """The share of the rows at some positions. turn: gives rows that are assigned again another hash."""
        if settings.by == "date":
            return assign.by_date(rows["date"].to_numpy()[at], shares)
        if _is_stable(settings):
            return assign.hashed(mix(units.key[at] + np.uint64(turn)), shares)
        return assign.stratified(units.unit[at], rows["label"].to_numpy()[at], units.rank[at], shares)

    split = np.full(len(rows), LEFT_OUT)
    split[:ready_made] = TEST
    # with a hash, dropped rows take part: they change no share, and others are tied through them
    at = np.arange(ready_made, len(rows)) if _is_stable(settings) else np.flatnonzero(~dropped)[ready_made:]
    if settings.folds:
        fold = assigned(at, [1 / settings.folds] * settings.folds)
        split[at] = np.where(fold == settings.fold, TEST, TRAIN)
        at = at[fold != settings.fold]
        validation = settings.validation / (1 - 1 / settings.folds)
        split[at] = assigned(at, [1 - validation, validation], turn=1)
    else:
        test = [] if ready_made else [settings.test]
        split[at] = assigned(at, [1 - settings.validation - sum(test), settings.validation, *test])
    if settings.validation_folds:
        at = at[split[at] != TEST]
        fold = assigned(at, [1 / settings.validation_folds] * settings.validation_folds, turn=1)
        split[at] = np.where(fold == settings.validation_fold, VALIDATION, TRAIN)
    return split


def _without_leaks(
    split: np.ndarray, group: pd.Series, row_ties: Ties, ready_made: int, settings: Split
) -> tuple[np.ndarray, int]:
    """Leave out or move rows that are tied to a row in another split: (rows,) int, and how many rows moved."""
    n = len(split)
    if _is_stable(settings):
        in_test_group = group[ready_made:].isin(group[:ready_made].dropna())
        split[ready_made:][in_test_group] = LEFT_OUT
        closed = TEST if ready_made else None
        return assign.follow(split, row_ties.texts, group.notna().to_numpy(), closed)
    if settings.across_groups == "join":
        return assign.leave_out_earlier(split, ties.clusters(n, row_ties.groups, row_ties.texts)), 0
    for pairs in (row_ties.texts, row_ties.groups):
        split = assign.leave_out_earlier(split, ties.clusters(n, pairs))
    return split, 0

"""The metrics of the split: the rows of each split, the copies, and the rows that are left out with the reasons."""

import numpy as np
import pandas as pd

from stages.split.assign import LEFT_OUT, SPLITS
from stages.split.placement import Placement
from strata.duplicates import ties
from strata.duplicates.ties import Ties
from strata.settings.params import Split

LEAST_KEPT = 0.9
"""Share of the rows given, below which the split says so."""
FARTHEST = 0.25
"""Distance of a split's share from the one asked for, as a share of that, beyond which the split says so."""


def summary(
    rows: pd.DataFrame, ready_made: int, placed: Placement, key: np.ndarray, names: list[str], settings: Split
) -> dict:
    """Return the metrics. rows: columns label and group; the first `ready_made` are the recipe's test file.

    key: (rows,), equal for copies. names: of the labels, in id order.
    """
    is_kept = placed.split != LEFT_OUT
    shares = _shares_asked(ready_made, settings)
    splits_per_group = pd.crosstab(rows["group"][is_kept], placed.split[is_kept])
    return {
        **{name: _split(i, rows, ready_made, placed, names, shares[name]) for name, i in SPLITS.items()},
        "all": {"rows": int(is_kept.sum()), **_labels(placed.label[is_kept], names)},
        "copies": _copies(placed.ties, len(rows)),
        "across_splits": {
            **pairs_across(key, placed.split, placed.ties.near_copies),
            "groups": int(((splits_per_group > 0).sum(axis=1) > 1).sum()),
        },
        "conflicts": {
            "texts": placed.conflicts.texts,
            "rows": placed.conflicts.rows,
            "rows_relabelled": placed.conflicts.relabelled,
        },
        "left_out": placed.left_out,
        "moved_to_what_they_copy": placed.moved,
    }


def surprises(metrics: dict) -> list[str]:
    """Return a sentence on each thing in the metrics that is far from what was asked for."""
    told = []
    left_out = sum(metrics["left_out"].values())
    given = metrics["all"]["rows"] + left_out
    if metrics["all"]["rows"] < LEAST_KEPT * given:
        told.append(
            f"keeps {metrics['all']['rows']:,} of the {given:,} rows given, {metrics['all']['rows'] / given:.0%}; rows "
            "that would cross a split as copies, near-copies or in groups are left out, see docs/splits.md"
        )
    for name in SPLITS:
        split = metrics[name]
        if "share_asked" in split and abs(split["share"] - split["share_asked"]) > FARTHEST * split["share_asked"]:
            told.append(
                f"{name} has {split['share']:.1%} of the rows that are kept, asked were {split['share_asked']:.1%}"
            )
    lacking = [label for label, rows in metrics["test"]["labels"].items() if not rows]
    if lacking:
        told.append(
            f"the test file has no row of {', '.join(lacking)}; the model is evaluated on the labels that it has"
        )
    return told


def _shares_asked(ready_made: int, settings: Split) -> dict[str, float]:
    """Return the share that each split is to have of the rows that are not in a test file, 0 for a test file's."""
    test = 1 / settings.folds if settings.folds else 0 if ready_made else settings.test
    folds = settings.validation_folds
    validation = (1 - test) / folds if folds else settings.validation
    return {"train": 1 - validation - test, "validation": validation, "test": test}


def _split(
    index: int, rows: pd.DataFrame, ready_made: int, placed: Placement, names: list[str], share_asked: float
) -> dict:
    """Return the metrics of one split."""
    is_in = placed.split == index
    metrics = {"rows": int(is_in.sum())}
    if share_asked:
        assigned = (placed.split != LEFT_OUT)[ready_made:].sum()
        metrics |= {"share": _share(is_in[ready_made:].sum(), assigned), "share_asked": round(share_asked, 6)}
    return metrics | {"groups": int(rows["group"][is_in].nunique()), **_labels(placed.label[is_in], names)}


def _copies(row_ties: Ties, n: int) -> dict[str, int]:
    """Return how many of n rows are copies or near-copies, and in how many clusters."""
    sizes = np.bincount(ties.clusters(n, row_ties.texts))
    return {
        "rows_that_copy_an_earlier_one": len(row_ties.copies),
        "texts_with_a_near_copy": len(np.unique(row_ties.near_copies)),
        "clusters": int((sizes > 1).sum()),
        "rows_in_clusters": int(sizes[sizes > 1].sum()),
        "largest_cluster": int(sizes.max()),
    }


def _labels(label: np.ndarray, names: list[str]) -> dict[str, dict]:
    counts = np.bincount(label, minlength=len(names))
    return {"labels": {name: int(count) for name, count in zip(names, counts, strict=True)}}


def _share(part: int, whole: int) -> float:
    return round(float(part / whole), 6)


def pairs_across(key: np.ndarray, split: np.ndarray, pairs: np.ndarray) -> dict[str, int]:
    """Count the pairs of copies, and the pairs of near-copies in `pairs`, whose rows are in different splits.

    key: (rows,), equal for copies. split: (rows,) int. pairs: (pairs, 2) int.
    """
    is_kept = split != LEFT_OUT
    counts = pd.crosstab(key[is_kept], split[is_kept]).to_numpy()  # (texts, splits)
    exact = (counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1)).sum() // 2
    earlier, later = split[pairs].T
    near = (earlier != later) & (earlier != LEFT_OUT) & (later != LEFT_OUT)
    return {"exact": int(exact), "near": int(near.sum())}

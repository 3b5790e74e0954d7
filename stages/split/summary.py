"""What metrics/split.json says: the rows of each split, the copies found, and the rows that are nowhere, and why."""

import numpy as np
import pandas as pd

from stages.split.assign import LEFT_OUT, SPLITS
from stages.split.placement import Placement
from strata.duplicates import ties
from strata.settings.params import Split


def summary(
    rows: pd.DataFrame, ready_made: int, placed: Placement, key: np.ndarray, names: list[str], settings: Split
) -> dict:
    """Return the metrics. rows: label and group; the first `ready_made` are of the recipe's test file.

    key: (rows,), equal for copies. names: of the labels, in id order.
    """
    split, label = placed.split, placed.label
    kept = split != LEFT_OUT
    test = 1 / settings.folds if settings.folds else 0 if ready_made else settings.test
    asked = {"train": 1 - settings.validation - test, "validation": settings.validation, "test": test}
    dealt = kept[ready_made:].sum()
    metrics = {}
    for name, i in SPLITS.items():
        mine = split == i
        metrics[name] = {"rows": int(mine.sum())}
        if asked[name]:
            metrics[name] |= {"share": _share(mine[ready_made:].sum(), dealt), "share_asked": round(asked[name], 6)}
        metrics[name] |= {"groups": int(rows["group"][mine].nunique()), **_labels(label[mine], names)}
    sizes = np.bincount(ties.clusters(len(rows), placed.ties.copies, placed.ties.near_copies))
    per_group = pd.crosstab(rows["group"][kept], split[kept])
    return metrics | {
        "all": {"rows": int(kept.sum()), **_labels(label[kept], names)},
        "copies": {
            "rows_that_copy_an_earlier_one": len(placed.ties.copies),
            "texts_with_a_near_copy": len(np.unique(placed.ties.near_copies)),
            "clusters": int((sizes > 1).sum()),
            "rows_in_clusters": int(sizes[sizes > 1].sum()),
            "largest_cluster": int(sizes.max()),
        },
        "across_splits": {
            **pairs_across(key, split, placed.ties.near_copies),
            "groups": int(((per_group > 0).sum(axis=1) > 1).sum()),
        },
        "conflicts": {
            "texts": placed.conflicts.texts,
            "rows": placed.conflicts.rows,
            "rows_relabelled": placed.conflicts.relabelled,
        },
        "left_out": placed.left_out,
        "moved_to_what_they_copy": placed.moved,
    }


def _labels(label: np.ndarray, names: list[str]) -> dict[str, dict]:
    counts = np.bincount(label, minlength=len(names))
    return {
        "labels": {name: int(count) for name, count in zip(names, counts, strict=True)},
        "label_shares": {name: _share(count, counts.sum()) for name, count in zip(names, counts, strict=True)},
    }


def _share(part: int, whole: int) -> float:
    return round(float(part / whole), 6)


def pairs_across(key: np.ndarray, split: np.ndarray, pairs: np.ndarray) -> dict[str, int]:
    """Count pairs of copies, and those among `pairs` of near-copies, whose rows are in different splits.

    key: (rows,), equal for copies. split: (rows,) int. pairs: (pairs, 2) int.
    """
    kept = split != LEFT_OUT
    counts = pd.crosstab(key[kept], split[kept]).to_numpy()  # (texts, splits)
    exact = (counts.sum(axis=1) ** 2 - (counts**2).sum(axis=1)).sum() // 2
    one, other = split[pairs].T
    near = (one != other) & (one != LEFT_OUT) & (other != LEFT_OUT)
    return {"exact": int(exact), "near": int(near.sum())}

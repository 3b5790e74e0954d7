"""How many labels are probably wrong, and which: confident learning on the probabilities of rows not trained on.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021. Implemented here,
since cleanlab's licence (AGPL) does not fit this project.
"""

import numpy as np
import pandas as pd

LEAST_PRECISION = 0.5  # of `check`, from which on `summary` gives an estimate
LEAST_FLIPPED = 20  # rows that `check` must have flipped for that


def thresholds(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return each label's mean probability over the rows that carry it: (labels,), the paper's eq. 2.

    given: (rows,) int, the rows' labels, right or wrong. probabilities: (rows, labels). A label without rows gets
    infinity, so that no row reaches it.
    """
    labels = probabilities.shape[1]
    counts = np.bincount(given, minlength=labels)
    sums = np.bincount(given, probabilities[np.arange(len(given)), given], minlength=labels)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_labels(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the label that the model is confident of for each row, or -1: (rows,) int.

    It is the most probable of the labels whose probability reaches their threshold (eq. 1).
    """
    reached = probabilities >= thresholds(given, probabilities) - 1e-12  # rows that are all alike reach their mean
    most_probable = np.where(reached, probabilities, -1).argmax(axis=1)
    return np.where(reached.any(axis=1), most_probable, -1)


def joint_distribution(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Estimate the share of rows with each pair of given and true label: (labels, labels), sums to 1 (eq. 3).

    Rows without a confident label are distributed like the confident rows with the same given label.
    """
    labels = probabilities.shape[1]
    confident = confident_labels(given, probabilities)
    is_confident = confident >= 0
    counts = np.zeros((labels, labels))
    np.add.at(counts, (given[is_confident], confident[is_confident]), 1)
    empty = counts.sum(axis=1) == 0
    counts[empty, empty] = 1
    rows = np.bincount(given, minlength=labels)
    return counts / counts.sum(axis=1, keepdims=True) * (rows / max(1, len(given)))[:, None]


def noise_share(given: np.ndarray, probabilities: np.ndarray) -> float:
    """Estimate the share of rows whose label is wrong, 0 to 1; 0 without rows.

    The estimate is too high, since confident mistakes of the model count as wrong labels: on Rotten Tomatoes it is 10%,
    and 15% with 5% of the labels flipped. `summary` withholds it where `check` shows that most of it is the model's.
    """
    joint = joint_distribution(given, probabilities)
    return float(joint[~np.eye(len(joint), dtype=bool)].sum())


def suspects(ids: np.ndarray, given: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Return the rows whose confident label is not the given one, the largest margin first.

    ids: (rows,) int. given: (rows,) int, label ids. probabilities: (rows, labels).
    Returns: columns id, label and suggested (label ids), and score: the suggested label's probability minus the given
    one's, -1 to 1 (the paper's normalized margin). It is negative if the given label is the more probable one, but less
    probable than its rows are on average.
    """
    suggested = confident_labels(given, probabilities)
    rows = np.flatnonzero((suggested >= 0) & (suggested != given))
    score = probabilities[rows, suggested[rows]] - probabilities[rows, given[rows]]
    frame = pd.DataFrame({"id": ids[rows], "label": given[rows], "suggested": suggested[rows], "score": score})
    return frame.sort_values(["score", "id"], ascending=[False, True], ignore_index=True)


def flip_labels(
    ids: np.ndarray, given: np.ndarray, labels: int, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give a share of the rows a wrong label. Rows and labels depend on seed and ids, not on the order of rows.

    labels: their number. Returns: the labels, (rows,) int; the positions of the flipped rows, (flipped,) int.
    """
    order = np.argsort(ids, kind="stable")
    random = np.random.default_rng(seed)
    flipped = order[random.permutation(len(ids))[: round(share * len(ids))]]
    changed = given.copy()
    changed[flipped] = (given[flipped] + random.integers(1, labels, len(flipped))) % labels
    return changed, flipped


def check(
    ids: np.ndarray, given: np.ndarray, probabilities: np.ndarray, seed: int, flipped_share: float = 0.05
) -> dict[str, float | int | None]:
    """Flip some labels on purpose, and return how well `suspects` finds them.

    Returns: flipped, found (flipped rows among the suspects) and suspects, all in rows; recall, found / flipped;
    precision, found / suspects; precision_first, the same for as many of the first suspects as rows were flipped;
    share_after, the estimate of `noise_share` with the flipped labels. None where there is nothing to divide by. Both
    precisions are too low if labels were wrong before.
    """
    changed, flipped = flip_labels(ids, given, probabilities.shape[1], flipped_share, seed)
    listed = suspects(ids, changed, probabilities)
    hits = listed["id"].isin(ids[flipped]).to_numpy()
    n_hits, first = int(hits.sum()), hits[: len(flipped)]
    return {
        "flipped": len(flipped),
        "found": n_hits,
        "suspects": len(listed),
        "recall": n_hits / len(flipped) if len(flipped) else None,
        "precision": n_hits / len(listed) if len(listed) else None,
        "precision_first": float(first.mean()) if len(first) else None,
        "share_after": noise_share(changed, probabilities),
    }


def summary(ids: np.ndarray, given: np.ndarray, probabilities: np.ndarray, seed: int) -> dict:
    """Return the number of `suspects`, the estimated share of wrong labels, and the `check` that it rests on.

    A model that is often wrong itself cannot tell its own mistakes from wrong labels. So the share is None, withheld,
    unless the check shows that it can: of the rows it lists after LEAST_FLIPPED rows or more were flipped, at least
    LEAST_PRECISION are flipped ones. `withheld` says why: "few rows" or "weak model".
    """
    checked, withheld = check(ids, given, probabilities, seed), None
    if checked["flipped"] < LEAST_FLIPPED:
        withheld = "few rows"
    elif checked["precision"] is None or checked["precision"] < LEAST_PRECISION:
        withheld = "weak model"
    return {
        "suspects": len(suspects(ids, given, probabilities)),
        "share": None if withheld else noise_share(given, probabilities),
        "withheld": withheld,
        "check": checked,
    }

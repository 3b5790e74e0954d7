"""How many labels are probably wrong, and which: confident learning on probabilities of rows not trained on.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", 2021. Written here, since
cleanlab's licence (AGPL) is not this project's.
"""

import numpy as np
import pandas as pd


def thresholds(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return how sure the model is of each label in the rows that carry it, on average: (labels,), the paper's eq. 2.

    given: (rows,) int, label ids. probabilities: (rows, labels). A label without rows gets infinity: no row is
    confidently of it.
    """
    labels = probabilities.shape[1]
    counts = np.bincount(given, minlength=labels)
    sums = np.bincount(given, probabilities[np.arange(len(given)), given], minlength=labels)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)


def confident_labels(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the label that each row is confidently of, or -1: (rows,) int.

    It is the likeliest of those labels whose probability reaches their threshold (eq. 1).
    """
    reached = probabilities >= thresholds(given, probabilities) - 1e-12  # rows that are all alike reach their mean
    likeliest = np.where(reached, probabilities, -1).argmax(axis=1)
    return np.where(reached.any(axis=1), likeliest, -1)


def joint(given: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Estimate the share of rows with each pair of given and true label: (labels, labels), sums to 1 (eq. 3).

    ScoredRows of which the model is not confident are spread as the confident ones of their label.
    """
    labels = probabilities.shape[1]
    confident = confident_labels(given, probabilities)
    told = confident >= 0
    counts = np.zeros((labels, labels))
    np.add.at(counts, (given[told], confident[told]), 1)
    without = counts.sum(axis=1) == 0
    counts[without, without] = 1
    rows = np.bincount(given, minlength=labels)
    return counts / counts.sum(axis=1, keepdims=True) * (rows / max(1, len(given)))[:, None]


def share(given: np.ndarray, probabilities: np.ndarray) -> float:
    """Estimate the share of rows whose label is wrong, 0 to 1; 0 without rows.

    It cannot tell a wrong label from a confident mistake of the model, so it is too high by some of the latter: on
    Rotten Tomatoes 10%, and 15% once 5% of the labels were flipped. The difference is what `check` is for.
    """
    estimated = joint(given, probabilities)
    return float(estimated[~np.eye(len(estimated), dtype=bool)].sum())


def suspects(ids: np.ndarray, given: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """List the rows that are confidently of another label, the worst first.

    ids: (rows,) int. given: (rows,) int, label ids. probabilities: (rows, labels).
    Returns: columns id, label, suggested (label ids), score: the suggested label's probability minus the given one's
    (the paper's normalized margin), -1 to 1; below 0 where the given label is the likelier one, yet less likely than
    it usually is.
    """
    suggested = confident_labels(given, probabilities)
    found = np.flatnonzero((suggested >= 0) & (suggested != given))
    score = probabilities[found, suggested[found]] - probabilities[found, given[found]]
    frame = pd.DataFrame({"id": ids[found], "label": given[found], "suggested": suggested[found], "score": score})
    return frame.sort_values(["score", "id"], ascending=[False, True], ignore_index=True)


def check(
    ids: np.ndarray, given: np.ndarray, probabilities: np.ndarray, seed: int, flipped_share: float = 0.05
) -> dict[str, float | int | None]:
    """Give some rows a wrong label on purpose and count how many of them `suspects` finds.

    The rows are drawn, and their label is any other one, by `seed` and the ids, whatever the rows' order.

    Returns: flipped, found (of them) and suspects, all three in rows; recall, found / flipped; precision, found /
    suspects, and precision_first, the same of the first `flipped` suspects, both too low where labels were wrong
    before; share_after, what `share` then estimates. None where nothing was to be found.
    """
    order = np.argsort(ids, kind="stable")
    random = np.random.default_rng(seed)
    flips = order[random.permutation(len(ids))[: round(flipped_share * len(ids))]]
    labels = probabilities.shape[1]
    changed = given.copy()
    changed[flips] = (given[flips] + random.integers(1, labels, len(flips))) % labels
    listed = suspects(ids, changed, probabilities)
    hits = listed["id"].isin(ids[flips]).to_numpy()
    found, first = int(hits.sum()), hits[: len(flips)]
    return {
        "flipped": len(flips),
        "found": found,
        "suspects": len(listed),
        "recall": found / len(flips) if len(flips) else None,
        "precision": found / len(listed) if len(listed) else None,
        "precision_first": float(first.mean()) if len(first) else None,
        "share_after": share(changed, probabilities),
    }

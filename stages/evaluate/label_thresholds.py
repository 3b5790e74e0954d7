"""A threshold for each of many labels, chosen for evaluate.goal: the probabilities are divided by them, as in `decide`.

Coordinate ascent: label by label, the threshold that serves the goal best with those of the others as they are, until
none gains. It finds a good choice and need not find the best. With two labels, t and 1 - t, the rule is that of one
threshold.
"""

import numpy as np

from strata.base.errors import StrataError
from strata.goal import Goal

POINTS = 200  # thresholds that are tried for a label at a time, at most
SWEEPS = 20  # over all labels, at most
GAIN = 1e-9  # least gain of a sweep that goes on


def choose(goal: Goal, label: np.ndarray, probabilities: np.ndarray) -> list[float]:
    """Return the threshold of each label; their sum is 1. label: (rows,) int. probabilities: (rows, labels).

    Precision, recall, F1 and F2 are means over the labels. f1, f2: the highest. precision: the highest recall of what
    reaches the bound. recall: the highest precision of that.
    Raises: StrataError when no thresholds that are tried reach the bound.
    """
    labels = probabilities.shape[1]
    weights, best = np.ones(labels), -np.inf
    for _ in range(SWEEPS):
        before = best
        for i in range(labels):
            weights[i], best = _best_weight(goal, label, probabilities, weights, i)
        if best - before < GAIN:
            break
    if best < 0:
        raise StrataError(
            f"evaluate.goal is {goal.name} >= {goal.bound:g}, a mean over {labels} labels, which no thresholds that "
            f"were tried reach on validation rows, {best + 1:.3f} at best; lower it"
        )
    thresholds = 1 / weights
    return (thresholds / thresholds.sum()).tolist()


def _best_weight(
    goal: Goal, label: np.ndarray, probabilities: np.ndarray, weights: np.ndarray, i: int
) -> tuple[float, float]:
    """Return the weight of label i that serves the goal best, and the goal's gain by it.

    weights: (labels,), by which the probabilities are multiplied. Of equally good ones, the nearest to its own counts.
    """
    others = probabilities * weights
    others[:, i] = -1
    second = others.argmax(axis=1)
    # a row gets label i if its weight is above this
    least = others.max(axis=1) / np.maximum(probabilities[:, i], np.finfo(float).tiny)
    tried = np.append(_between(least), weights[i])
    tried.sort()
    gain = _gain(goal, *_counts(label, second, np.searchsorted(tried, least), len(tried), i, len(weights)))
    equal = np.flatnonzero(gain >= gain.max() - GAIN)
    chosen = equal[np.abs(np.log(tried[equal] / weights[i])).argmin()]
    return tried[chosen], gain[chosen]


def _between(values: np.ndarray) -> np.ndarray:
    """Return POINTS positive numbers, at most, that lie between neighbours of the values, also below and above all."""
    distinct = np.unique(np.clip(values, 1e-9, 1e9))
    ends = np.concatenate([distinct[:1] / 2, np.sqrt(distinct[1:] * distinct[:-1]), distinct[-1:] * 2])
    return ends[np.unique(np.linspace(0, len(ends) - 1, POINTS).round().astype(int))]


def _counts(
    label: np.ndarray, second: np.ndarray, first: np.ndarray, tried: int, i: int, labels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the right predictions and all predictions of each label, (tried, labels), and its rows, (labels,).

    second: (rows,), the label of a row that does not get i. first: (rows,), the first tried weight that gives it i.
    """

    def before(of: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return how many of the rows are of each label up to each tried weight: (tried, labels)."""
        cells = np.bincount(first[rows] * labels + of[rows], minlength=(tried + 1) * labels)
        return cells.reshape(tried + 1, labels)[:tried].cumsum(axis=0)

    every = np.ones(len(label), dtype=bool)
    gained = before(np.full(len(label), i), every)
    predicted = np.bincount(second, minlength=labels) - before(second, every) + gained
    hits = np.bincount(second[second == label], minlength=labels) - before(second, second == label)
    hits = hits + before(label, label == i)
    return hits, predicted, np.bincount(label, minlength=labels)


def _gain(goal: Goal, hits: np.ndarray, predicted: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return what the goal maximizes for each tried weight: (tried,). Below 0: the bound is missed, by that less 1."""
    occurs = (predicted + rows) > 0

    def mean(values: np.ndarray) -> np.ndarray:
        return (values * occurs).sum(axis=1) / occurs.sum(axis=1)

    if goal.bound is None:
        beta = {"f1": 1, "f2": 2}[goal.name]
        return mean((1 + beta**2) * hits / np.maximum(beta**2 * rows + predicted, 1))
    scores = {"precision": mean(hits / np.maximum(predicted, 1)), "recall": mean(hits / np.maximum(rows, 1))}
    bounded = scores.pop(goal.name)
    (maximized,) = scores.values()
    return np.where(bounded >= goal.bound, maximized, bounded - 1)

"""The probability from which on the positive label is predicted, chosen on validation rows for a named goal."""

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.goal import Goal

POINTS = 200  # of the curve's picture, at most
COLUMNS = ["threshold", "precision", "recall", "f1", "f2", "share_predicted", "missed", "false_alarms"]


def curve(is_positive: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Score every threshold that tells rows apart: each lies half-way between two probabilities that occur.

    is_positive: (rows,) bool. probability: (rows,) float, of the positive label.
    Returns: by rising threshold (the last is above all probabilities, if need be above 1), columns threshold, precision
    (1 where nothing is called positive), recall, f1, f2, share_predicted (of rows called positive), missed and
    false_alarms (rows).
    """
    values, inverse = np.unique(probability, return_inverse=True)
    between = (values[1:] + values[:-1]) / 2
    between = np.where(between > values[:-1], between, values[1:])  # neighbouring floats have nothing between them
    threshold = np.concatenate([[0.0], between, [np.nextafter(values[-1], 2)]])
    positives = np.bincount(inverse, is_positive, minlength=len(values))
    rows = np.bincount(inverse, minlength=len(values))
    hits = np.concatenate([np.cumsum(positives[::-1])[::-1], [0]])  # at or above each threshold
    called = np.concatenate([np.cumsum(rows[::-1])[::-1], [0]])
    all_positive = is_positive.sum()
    missed, false_alarms = all_positive - hits, called - hits

    def f(beta: float) -> np.ndarray:
        return (1 + beta**2) * hits / np.maximum((1 + beta**2) * hits + beta**2 * missed + false_alarms, 1e-300)

    return pd.DataFrame(
        {
            "threshold": threshold,
            "precision": np.where(called > 0, hits / np.maximum(called, 1), 1.0),
            "recall": hits / max(1, all_positive),
            "f1": f(1),
            "f2": f(2),
            "share_predicted": called / len(probability),
            "missed": missed.astype(int),
            "false_alarms": false_alarms.astype(int),
        }
    )


def choose(goal: Goal, points: pd.DataFrame) -> float:
    """Return the threshold that serves a goal best, of several the one nearest to 0.5. points: as `curve` returns.

    f1, f2: the highest. precision: the highest recall among thresholds that reach the bound. recall: the highest
    precision among those. cost: the lowest sum over rows.
    Raises: StrataError when no threshold reaches the bound by calling a row positive.
    """
    reachable = points
    if goal.bound is not None:
        reachable = points[(points[goal.name] >= goal.bound) & (points["share_predicted"] > 0)]
        if reachable.empty:
            best = points[points["share_predicted"] > 0][goal.name].max()
            raise StrataError(
                f"evaluate.goal is {goal.name} >= {goal.bound:g}, which no threshold reaches on validation rows, "
                f"{best:.3f} at best; lower it"
            )
    gain = {
        "precision": reachable["recall"],
        "recall": reachable["precision"],
        "cost": -(goal.missed or 0) * reachable["missed"] - (goal.false_alarm or 0) * reachable["false_alarms"],
    }.get(goal.name, reachable.get(goal.name))
    best = reachable[gain >= gain.max() - 1e-12]
    if goal.bound is not None:  # of as good ones, those that are best at the bounded score as well
        best = best[best[goal.name] >= best[goal.name].max() - 1e-12]
    return float(best["threshold"].iloc[(best["threshold"] - 0.5).abs().argmin()])


def thinned(points: pd.DataFrame) -> pd.DataFrame:
    """Keep evenly spaced points of a curve for its picture, both ends among them."""
    kept = np.unique(np.linspace(0, len(points) - 1, POINTS).round().astype(int)) if len(points) else []
    return points.iloc[kept].drop(columns=["missed", "false_alarms"])

"""The decision threshold: the probability from which the positive label is predicted, chosen for evaluate.goal."""

import numpy as np
import pandas as pd

from strata.base.errors import StrataError
from strata.goal import Goal

POINTS = 200  # of the plot, at most
COLUMNS = ["threshold", "precision", "recall", "f1", "f2", "share_predicted", "missed", "false_alarms"]


def curve(is_positive: np.ndarray, probability: np.ndarray) -> pd.DataFrame:
    """Return the scores of every threshold that separates rows: each lies half-way between neighbouring probabilities.

    is_positive: (rows,) bool. probability: (rows,) float, of the positive label.
    Returns: a line a threshold, rising; the last is above all probabilities, and so may be above 1. Columns: threshold,
    precision (1 if no row is predicted positive), recall, f1, f2, share_predicted (of rows predicted positive), missed
    and false_alarms (in rows).
    """
    values, inverse = np.unique(probability, return_inverse=True)
    between = (values[1:] + values[:-1]) / 2
    between = np.where(between > values[:-1], between, values[1:])  # neighbouring floats have no float between them
    threshold = np.concatenate([[0.0], between, [np.nextafter(values[-1], 2)]])
    hits = _at_or_above(np.bincount(inverse, is_positive, minlength=len(values)))
    predicted = _at_or_above(np.bincount(inverse, minlength=len(values)))
    all_positive = is_positive.sum()
    missed, false_alarms = all_positive - hits, predicted - hits

    def f(beta: float) -> np.ndarray:
        return (1 + beta**2) * hits / np.maximum((1 + beta**2) * hits + beta**2 * missed + false_alarms, 1e-300)

    return pd.DataFrame(
        {
            "threshold": threshold,
            "precision": np.where(predicted > 0, hits / np.maximum(predicted, 1), 1.0),
            "recall": hits / max(1, all_positive),
            "f1": f(1),
            "f2": f(2),
            "share_predicted": predicted / len(probability),
            "missed": missed.astype(int),
            "false_alarms": false_alarms.astype(int),
        }
    )


def _at_or_above(counts: np.ndarray) -> np.ndarray:
    """Return the rows at or above each threshold: (values + 1,). counts: (values,), rows of each probability."""
    return np.concatenate([np.cumsum(counts[::-1])[::-1], [0]])


def choose(goal: Goal, points: pd.DataFrame) -> float:
    """Return the best threshold for a goal; of equally good ones, the one nearest to 0.5. points: of `curve`.

    f1, f2: the highest. precision: the highest recall of all thresholds that reach the bound. recall: the highest
    precision of those. cost: the lowest sum over rows.
    Raises: StrataError when no threshold that predicts any row positive reaches the bound.
    """
    if goal.bound is not None:
        points = _reaching_bound(goal, points)
    gain = _gain(goal, points)
    best = points[gain >= gain.max() - 1e-12]
    if goal.bound is not None:  # of equally good ones, those that are best in the bounded score, too
        best = best[best[goal.name] >= best[goal.name].max() - 1e-12]
    return float(best["threshold"].iloc[(best["threshold"] - 0.5).abs().argmin()])


def _reaching_bound(goal: Goal, points: pd.DataFrame) -> pd.DataFrame:
    """Return the points whose precision or recall reaches the goal's bound. Raises: as `choose`."""
    points = points[points["share_predicted"] > 0]
    reaching = points[points[goal.name] >= goal.bound]
    if reaching.empty:
        raise StrataError(
            f"evaluate.goal is {goal.name} >= {goal.bound:g}, which no threshold reaches on validation rows, "
            f"{points[goal.name].max():.3f} at best; lower it"
        )
    return reaching


def _gain(goal: Goal, points: pd.DataFrame) -> pd.Series:
    """Return what the goal maximizes at each point. Raises: KeyError on an unknown goal."""
    if goal.name == "cost":
        return -goal.missed * points["missed"] - goal.false_alarm * points["false_alarms"]
    maximized = {"f1": "f1", "f2": "f2", "precision": "recall", "recall": "precision"}
    return points[maximized[goal.name]]


def thinned(points: pd.DataFrame) -> pd.DataFrame:
    """Keep evenly spaced points of a curve for its plot, including the first and the last."""
    kept = np.unique(np.linspace(0, len(points) - 1, POINTS).round().astype(int)) if len(points) else []
    return points.iloc[kept].drop(columns=["missed", "false_alarms"])

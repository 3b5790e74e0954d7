"""95% intervals of metrics by bootstrap. Rows that are not independent are drawn together, as one unit.

Percentile bootstrap: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; of clusters: Field and
Welsh, "Bootstrapping clustered data", 2007.
"""

import numpy as np
from scipy.sparse import csr_array

from strata.intervals.weighted import CELLS, batches_of_draws, weighted_scores
from strata.intervals.wilson import wilson_interval
from strata.scoring import BINS, NAMES, calibration_bins, checked_predictions, scores

DRAWS = 1000
ENDS = (0.025, 0.975)  # of a 95% interval


def draw(unit: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Return how often each row occurs in each bootstrap draw: (draws, rows) uint8.

    Each draw takes as many units as there are, with replacement. It depends on the units' numbers, not on the order of
    rows. More than 255 times the same unit in one draw is practically impossible.

    unit: (rows,) int, equal for rows that are drawn together; an independent row has a number of its own.
    """
    numbers, unit = np.unique(unit, return_inverse=True)
    units = len(numbers)
    random = np.random.default_rng(seed)
    weights = np.empty((draws, len(unit)), dtype=np.uint8)
    step = max(1, CELLS // units)
    for start in range(0, draws, step):
        part = min(step, draws - start)
        drawn = random.integers(0, units, (part, units)) + units * np.arange(part)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=part * units).reshape(part, units)
        weights[start : start + part] = counts.astype(np.uint8)[:, unit]
    return weights


def percentile_interval(values: np.ndarray) -> dict[str, float] | None:
    """Return the 95% interval of a metric, None if it is undefined in half of the draws or more.

    values: (draws,), NaN where the metric is undefined.
    """
    defined = values[~np.isnan(values)]
    if 2 * len(defined) <= len(values):
        return None
    low, high = np.quantile(defined, ENDS)
    return {"low": float(low), "high": float(high)}


def calibration_interval(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None, weights: np.ndarray
) -> dict[str, float]:
    """Return the 95% interval of the calibration error, for which percentiles would be wrong.

    The calibration error is biased upwards, since chance opens gaps: the rows' error is above the true one, and the
    draws' error above the rows'. For a calibrated model, percentiles never contain the true error. Therefore the ends
    are mirrored at the rows' error (the basic bootstrap), and the low end is 0 where chance alone can open gaps as
    large: those of the draws minus those of the rows.

    weights: of `draw`. The others: as in `scores`.
    """
    bins, gaps = calibration_bins(labels, probabilities, positive)
    rows = len(labels)
    row_gaps = csr_array((gaps, (bins, np.arange(rows))), shape=(BINS + 1, rows))
    gap = np.bincount(bins, gaps, minlength=BINS + 1) / rows
    # (draws, bins)
    drawn_gap = np.concatenate(
        [(row_gaps @ part.T).T / part.sum(axis=1, keepdims=True) for part in batches_of_draws(weights)]
    )
    error = np.abs(gap).sum()
    low, high = np.quantile(np.abs(drawn_gap).sum(axis=1), ENDS)
    by_chance = np.quantile(np.abs(drawn_gap - gap).sum(axis=1), ENDS[1])
    return {
        "low": 0.0 if error <= by_chance else float(max(0, 2 * error - high)),
        "high": float(max(error, 2 * error - low)),
    }


def intervals(
    labels: np.ndarray,
    probabilities: np.ndarray,
    positive: int | None,
    unit: np.ndarray,
    seed: int,
    predicted: np.ndarray | None = None,
    draws: int = DRAWS,
) -> dict[str, dict[str, float] | None]:
    """Return the 95% interval, low and high, of each of NAMES; None where a metric is undefined in most draws.

    If all rows are predicted right, or all wrong, draws do not vary: the accuracy gets Wilson's interval, with the
    number of units in place of rows, and the metrics that do not vary get none. A single unit has no other interval.

    unit: as in `draw`; ids, for example, which stay with their rows. The others: as in `scores`.
    Raises: ValueError as `scores`.
    """
    predicted = checked_predictions(labels, probabilities, predicted)
    units = len(np.unique(unit))
    interval_of = dict.fromkeys(NAMES)
    if units > 1:
        weights = draw(unit, draws, seed)
        values = weighted_scores(labels, probabilities, positive, weights, predicted)
        interval_of = {name: percentile_interval(values[name]) for name in NAMES}
        interval_of["ece"] = calibration_interval(labels, probabilities, positive, weights)
    accuracy = (predicted == labels).mean()
    if accuracy in (0, 1):
        for name, interval in interval_of.items():
            if interval and interval["low"] == interval["high"]:
                interval_of[name] = None
        interval_of["accuracy"] = dict(zip(("low", "high"), wilson_interval(accuracy, units), strict=True))
    return interval_of


def scores_with_intervals(
    labels: np.ndarray,
    probabilities: np.ndarray,
    positive: int | None,
    unit: np.ndarray,
    seed: int,
    predicted: np.ndarray | None = None,
    draws: int = DRAWS,
) -> dict:
    """Return what a metrics file holds for one model on one split: its scores, `rows`, and `interval` by score.

    Arguments and errors: as `intervals`.
    """
    return scores(labels, probabilities, positive, predicted) | {
        "rows": len(labels),
        "interval": intervals(labels, probabilities, positive, unit, seed, predicted, draws),
    }

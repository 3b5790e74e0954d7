"""95% intervals of scores, by drawing rows anew: whole clusters or groups of rows where these are not independent.

Percentile bootstrap: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; of clusters: Field and
Welsh, "Bootstrapping clustered data", 2007.
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.stats import binomtest

from strata.intervals.weighted import CELLS, resampled
from strata.scoring import BINS, NAMES, calibration_bins, checked, scores

DRAWS = 1000
ENDS = (0.025, 0.975)  # of a 95% interval


def draw(unit: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Draw units with replacement, as many as there are, and count how often each row came.

    unit: (rows,) int, rows of one unit are drawn together; a row that stands alone has a number of its own. Which rows
    come depends on the units' numbers and not on the order of rows.
    Returns: (draws, rows) uint8; a unit that comes more than 255 times in one draw is beyond all chance.
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


def percentiles(values: np.ndarray) -> dict[str, float] | None:
    """Return the ends of the interval over draws: (draws,), NaN where undefined; None where most of them are."""
    known = values[~np.isnan(values)]
    if 2 * len(known) <= len(values):
        return None
    low, high = np.quantile(known, ENDS)
    return {"low": float(low), "high": float(high)}


def calibration_interval(
    labels: np.ndarray, probabilities: np.ndarray, positive: int | None, weights: np.ndarray
) -> dict[str, float]:
    """Return the interval of the calibration error, whose percentiles would mislead.

    Chance alone opens gaps, and a second time in each draw, so that the error is larger in draws than in the rows, and
    larger there than in truth: where a model is calibrated, the percentiles never hold the truth. So the ends are
    mirrored at the error itself (the basic bootstrap), and the low one is 0 where chance alone would open such gaps:
    those of the draws, less those of the rows.
    """
    index, gap = calibration_bins(labels, probabilities, positive)
    rows = len(labels)
    sums = csr_array((gap, (index, np.arange(rows))), shape=(BINS + 1, rows))
    found = np.bincount(index, gap, minlength=BINS + 1) / rows
    step = max(1, CELLS // rows)
    parts = (weights[start : start + step].astype(np.float64) for start in range(0, len(weights), step))
    drawn = np.concatenate([(sums @ part.T).T / part.sum(axis=1, keepdims=True) for part in parts])  # (draws, bins)
    error = np.abs(found).sum()
    low, high = np.quantile(np.abs(drawn).sum(axis=1), ENDS)
    by_chance = np.quantile(np.abs(drawn - found).sum(axis=1), ENDS[1])
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
    """Return the 95% interval, low and high, of each of NAMES; None where a score is undefined in most draws.

    unit: as in `draw`, at best ids, which stay with their rows. The others: as in `scores`. Where all rows are right or
    all wrong, draws show no spread: the accuracy takes Wilson's interval, of units for rows, and others have none. One
    unit has no interval at all otherwise.
    Raises: ValueError as `scores`.
    """
    predicted = checked(labels, probabilities, predicted)
    units = len(np.unique(unit))
    if units > 1:
        weights = draw(unit, draws, seed)
        found = resampled(labels, probabilities, positive, weights, predicted)
        ends = {name: percentiles(values) for name, values in found.items()}
        ends["ece"] = calibration_interval(labels, probabilities, positive, weights)
    else:
        ends = dict.fromkeys(NAMES)
    accuracy = (predicted == labels).mean()
    if accuracy in (0, 1):
        ends = {name: None if found and found["low"] == found["high"] else found for name, found in ends.items()}
        wilson = binomtest(int(accuracy) * units, units).proportion_ci(ENDS[1] - ENDS[0], method="wilson")
        ends["accuracy"] = {"low": float(wilson.low), "high": float(wilson.high)}
    return ends


def scored(
    labels: np.ndarray,
    probabilities: np.ndarray,
    positive: int | None,
    unit: np.ndarray,
    seed: int,
    predicted: np.ndarray | None = None,
    draws: int = DRAWS,
) -> dict:
    """Return what a metrics file says of one model on one set of rows: its scores, `rows`, and `interval` by score.

    Arguments and errors: as `intervals`.
    """
    return scores(labels, probabilities, positive, predicted) | {
        "rows": len(labels),
        "interval": intervals(labels, probabilities, positive, unit, seed, predicted, draws),
    }

"""Whether one model is better than another on the same rows, or the rows cannot tell.

Two are called different when both of two tests at 5% say so: the paired bootstrap's 95% interval of the difference in
accuracy excludes 0, and the exact sign-flip test, which is McNemar's (1947) where every row stands alone, gives p below
0.05. The interval alone errs on few rows that differ: with four, all in one direction, it excludes 0 where chance does
that one time in eight. The exact test holds 5% at any size, so both together do.
"""

import numpy as np
from scipy.signal import convolve
from scipy.stats import binom

from strata.intervals.bootstrap import DRAWS, draw, percentiles
from strata.intervals.weighted import resampled
from strata.scoring import NAMES, checked, scores

ALPHA = 0.05


def compare(
    labels: np.ndarray,
    ours: np.ndarray,
    theirs: np.ndarray,
    positive: int | None,
    unit: np.ndarray,
    seed: int,
    our_predicted: np.ndarray | None = None,
    their_predicted: np.ndarray | None = None,
    draws: int = DRAWS,
) -> dict:
    """Compare two models on the same rows.

    labels: (rows,) int. ours, theirs: (rows, labels), probabilities. unit, seed: as in `bootstrap.draw`; both
    models are scored on the same draws. our_predicted, their_predicted: (rows,) int, as in `scores`.
    Returns: for each of NAMES `difference` (ours less theirs), `low` and `high`, each None where it is undefined; under
    `mcnemar` the rows that only ours, and only theirs, has right, and p; `different`, the verdict; and `words`.
    Raises: ValueError as `scores`.
    """
    our_predicted = checked(labels, ours, our_predicted)
    their_predicted = checked(labels, theirs, their_predicted)
    weights = draw(unit, draws, seed)
    one, other = scores(labels, ours, positive, our_predicted), scores(labels, theirs, positive, their_predicted)
    mine = resampled(labels, ours, positive, weights, our_predicted)
    yours = resampled(labels, theirs, positive, weights, their_predicted)
    gain = (our_predicted == labels).astype(int) - (their_predicted == labels)
    by_unit = np.bincount(np.unique(unit, return_inverse=True)[1], gain).astype(int)
    result = {}
    for name in NAMES:
        known = one[name] is not None and other[name] is not None
        ends = percentiles(mine[name] - yours[name]) if known and len(by_unit) > 1 else None
        difference = one[name] - other[name] if known else None
        result[name] = {"difference": difference, **(ends or {"low": None, "high": None})}
    p = sign_flip(by_unit)
    different = differ(result["accuracy"]["low"], result["accuracy"]["high"], p)
    said = words(**result["accuracy"], different=different)
    if not gain.any():
        said = "no difference: both are right on the same rows"
    return result | {
        "mcnemar": {"only_ours": int((gain > 0).sum()), "only_theirs": int((gain < 0).sum()), "p": p},
        "different": different,
        "words": said,
    }


def sign_flip(gains: np.ndarray) -> float:
    """Return the chance that gains whose signs are tosses of a coin add up to as much as these, or to as much less.

    gains: (units,) int, the rows of a unit that only ours has right less those that only theirs has. If neither model
    is better, either could have made either's predictions of a unit, which flips the sign. The distribution of the sum
    is exact; with units of one row it is McNemar's exact test.
    """
    chance = np.ones(1)  # of each sum, from the least to the largest
    for size, units in zip(*np.unique(np.abs(gains[gains != 0]), return_counts=True), strict=True):
        sums = np.zeros(2 * size * units + 1)
        sums[:: 2 * size] = binom.pmf(np.arange(units + 1), units, 0.5)
        chance = convolve(chance, sums)
    most = len(chance) // 2
    as_far = np.abs(np.arange(-most, most + 1)) >= abs(gains.sum())
    return min(1.0, float(chance[as_far].sum()))


def differ(low: float | None, high: float | None, p: float) -> bool:
    """The verdict: whether the interval of the difference in accuracy excludes 0, and p is below 5%."""
    return low is not None and bool(low > 0 or high < 0) and p < ALPHA


def words(difference: float, low: float | None, high: float | None, different: bool) -> str:
    """Say a difference in accuracy, and its interval, in points (hundredths).

    >>> words(0.065, 0.051, 0.079, different=True)
    'better by 6.5 points (5.1 to 7.9)'
    """
    if low is None:
        return "no difference that this test set can show"
    if different and difference < 0:
        return f"worse by {_points(-difference)} points ({_points(-high)} to {_points(-low)})"
    if different:
        return f"better by {_points(difference)} points ({_points(low)} to {_points(high)})"
    return f"no difference that this test set can show ({_points(low)} to {_points(high)} points)"


def _points(share: float) -> str:
    return f"{round(100 * share, 1) + 0:.1f}"  # -0.0 becomes 0.0

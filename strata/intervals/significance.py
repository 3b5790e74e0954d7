"""Is one model better than another on the same rows, or can these rows not show a difference?

One rule decides, and the interval says the same. Two models are called different when two tests at 5% agree: the paired
bootstrap's 95% interval of the difference in accuracy excludes 0, and the exact sign-flip test (McNemar's, 1947, if
every row is independent) gives p below 0.05. The bootstrap alone is too optimistic when few rows differ: with four
rows, all in favour of one model, its interval excludes 0, though chance does that one time in eight. The exact test has
a 5% error rate at any size, and so have both together.

The interval of the difference in accuracy holds every difference that one of the two tests does not refuse: the
bootstrap's interval, stretched to 0 where the exact test does not refuse 0. So it holds 0 exactly where the verdict is
that the rows show no difference. Other scores have the bootstrap's interval, and no verdict.
"""

from typing import NamedTuple

import numpy as np
from scipy.signal import convolve
from scipy.stats import binom

from strata.intervals.bootstrap import DRAWS, draw, percentile_interval
from strata.intervals.weighted import weighted_scores
from strata.scoring import NAMES, checked_predictions, scores

ALPHA = 0.05


class _Predictions(NamedTuple):
    """One model's outputs. probabilities: (rows, labels). predicted: (rows,) int."""

    probabilities: np.ndarray
    predicted: np.ndarray


def paired_comparison(
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
    """Compare two models on the same rows, and on the same bootstrap draws of them.

    labels: (rows,) int. ours, theirs: (rows, labels), probabilities. unit, seed: as in `bootstrap.draw`.
    our_predicted, their_predicted: (rows,) int, as in `scores`.
    Returns: for each of NAMES `difference` (ours minus theirs), `low` and `high`, each None where undefined; under
    `mcnemar`, the number of rows that only ours and only theirs predicts right, and p; `different`, the verdict; and
    `words`, the verdict as a phrase. The interval of accuracy excludes 0 exactly where `different` holds.
    Raises: ValueError as `scores`.
    """
    our = _Predictions(ours, checked_predictions(labels, ours, our_predicted))
    their = _Predictions(theirs, checked_predictions(labels, theirs, their_predicted))
    differences = _differences(labels, our, their, positive, unit, draw(unit, draws, seed))
    gain = (our.predicted == labels).astype(int) - (their.predicted == labels)  # (rows,), -1, 0 or 1
    p = sign_flip_p_value(np.bincount(np.unique(unit, return_inverse=True)[1], gain).astype(int))
    gap = differences["accuracy"]
    different = is_different(gap["low"], gap["high"], p)
    if gap["low"] is not None and not different:
        gap |= {"low": min(gap["low"], 0.0), "high": max(gap["high"], 0.0)}
    verdict = words(**gap, different=different)
    if not gain.any():
        verdict = "no difference: both are right on the same rows"
    return differences | {
        "mcnemar": {"only_ours": int((gain > 0).sum()), "only_theirs": int((gain < 0).sum()), "p": p},
        "different": different,
        "words": verdict,
    }


def _differences(
    labels: np.ndarray,
    our: _Predictions,
    their: _Predictions,
    positive: int | None,
    unit: np.ndarray,
    weights: np.ndarray,
) -> dict[str, dict[str, float | None]]:
    """Return `difference`, `low` and `high` of each of NAMES. weights: (draws, rows)."""
    our_scores, their_scores = (scores(labels, m.probabilities, positive, m.predicted) for m in (our, their))
    our_draws, their_draws = (
        weighted_scores(labels, m.probabilities, positive, weights, m.predicted) for m in (our, their)
    )
    several_units = len(np.unique(unit)) > 1
    differences = {}
    for name in NAMES:
        defined = our_scores[name] is not None and their_scores[name] is not None
        interval = percentile_interval(our_draws[name] - their_draws[name]) if defined and several_units else None
        differences[name] = {
            "difference": our_scores[name] - their_scores[name] if defined else None,
            **(interval or {"low": None, "high": None}),
        }
    return differences


def sign_flip_p_value(gains: np.ndarray) -> float:
    """Return the p-value of the exact two-sided sign-flip test.

    If neither model is better, the two could have swapped their predictions of any unit, which flips the sign of its
    gain. The p-value is the share of all sign flips whose sum is at least as far from 0 as the sum observed. The
    distribution of the sum is exact; with independent rows, this is McNemar's exact test.

    gains: (units,) int, a unit's rows that only ours predicts right minus those that only theirs does.
    """
    distribution = np.ones(1)  # probability of each sum, from the least to the largest
    for size, units in zip(*np.unique(np.abs(gains[gains != 0]), return_counts=True), strict=True):
        of_size = np.zeros(2 * size * units + 1)
        of_size[:: 2 * size] = binom.pmf(np.arange(units + 1), units, 0.5)
        distribution = convolve(distribution, of_size)
    largest = len(distribution) // 2
    at_least_as_far = np.abs(np.arange(-largest, largest + 1)) >= abs(gains.sum())
    return min(1.0, float(distribution[at_least_as_far].sum()))


def is_different(low: float | None, high: float | None, p: float) -> bool:
    """Return the verdict: the interval of the difference in accuracy excludes 0, and p is below ALPHA."""
    return low is not None and bool(low > 0 or high < 0) and p < ALPHA


def words(difference: float, low: float | None, high: float | None, different: bool) -> str:
    """Return the verdict as a phrase, with the difference in accuracy and its interval in points (hundredths).

    >>> words(0.065, 0.051, 0.079, different=True)
    'better by 6.5 points (5.1 to 7.9)'
    """
    if low is None:
        return "no difference that this test set can show"
    if different and difference < 0:
        return f"worse by {_points(-difference, least=True)} points ({_points(-high, least=True)} to {_points(-low)})"
    if different:
        return f"better by {_points(difference, least=True)} points ({_points(low, least=True)} to {_points(high)})"
    return f"no difference that this test set can show ({_points(low)} to {_points(high)} points)"


def _points(share: float, least: bool = False) -> str:
    """Write a share in points; least: with as many digits as it needs not to look like 0."""
    digits = next((n for n in range(1, 6) if round(100 * share, n)), 1) if least else 1
    return f"{round(100 * share, digits) + 0:.{digits}f}"  # -0.0 becomes 0.0
